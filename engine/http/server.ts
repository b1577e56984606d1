// The HTTP edge: every route is listed here or in the files that it calls.

import { METHODS, type IncomingMessage } from 'node:http'

import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'

import type { Carrier } from '../carriers/carrier.ts'
import type { LoopbackCarrier } from '../carriers/loopback.ts'
import { EngineError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Texts } from '../locales.ts'
import type { Log } from '../log.ts'
import type { Heartbeat, TakeOver } from '../outbox/heartbeat.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { compileForHttp } from '../schema.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Storage } from '../storage/storage.ts'
import { requestLanguage } from '../triggers/http-request.ts'
import { createAccess, maxBodyBytes } from './access.ts'
import { addAdminRoutes } from './admin.ts'
import { addCallbackRoutes } from './callbacks.ts'
import { addDocs } from './docs.ts'
import { addHealthRoutes } from './health.ts'
import { createIdempotency } from './idempotency.ts'
import { parseJsonObject } from './json-body.ts'
import { addMetricsRoute } from './metrics.ts'
import { problemOf, retryAfterHeader } from './problem.ts'
import { countRequests } from './request-counts.ts'
import { addScriptRoutes } from './scripts-route.ts'
import { takeUpKeyedRuns } from './take-up-runs.ts'
import type { Tokens } from './tokens.ts'

export interface ServerParts {
  heartbeat: Heartbeat
  storage: Storage
  sandbox: Sandbox
  outbox: Outbox
  tokens: Tokens
  /** Today's texts: they change when the operator edits them. */
  texts: () => Texts
  carriers: readonly Carrier[]
  /** What carriers were given as the beginning of our addresses. */
  publicUrl: string | undefined
  /** The loopback carrier while it is the only one. */
  loopback: LoopbackCarrier | undefined
  ready: () => Promise<void>
  log: Log
  clock: () => number
}

export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const access = createAccess({ tokens: parts.tokens, library: parts.sandbox.library })
  const server = fastify({
    bodyLimit: maxBodyBytes,
    forceCloseConnections: 'idle',
    // Refused below, as a problem and with a run id.
    return503OnClosing: false,
    // Long enough for a client's pool, short enough for a stop.
    keepAliveTimeout: 10_000,
    requestTimeout: 30_000,
    http: { requireHostHeader: false },
    // An address that cannot be read is none that we have. No hook sees such a request.
    frameworkErrors(_error, request, reply) {
      try {
        access.checkNowhere(request as FastifyRequest, reply as FastifyReply)
      } catch (error) {
        void answerError(parts, error as EngineError, request as FastifyRequest, reply as FastifyReply)
      }
    },
    clientErrorHandler: answerBrokenRequest,
    routerOptions: { maxParamLength: 256 },
  })
  server.setValidatorCompiler(({ schema, httpPart }) => compileForHttp(schema as TSchema, httpPart))
  // Every property a request gets later is there from the start: V8 keeps one shape.
  server.decorateRequest('runId', '')
  server.decorateRequest('action', '')
  server.decorateRequest('script', null)
  server.decorateRequest('token')
  // The rarest method too is refused with 405, not with "no such address".
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !server.supportedMethods.includes(method)) server.addHttpMethod(method)
  }
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseJsonObject(body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })

  let closing = false
  server.addHook('preClose', done => {
    closing = true
    // Sockets that were busy when the stop began would else stay until their keep-alive ends.
    const sweep = setInterval(() => server.server.closeIdleConnections(), 50).unref()
    server.server.once('close', () => clearInterval(sweep))
    done()
  })
  server.addHook('onRequest', (request, reply, done) => {
    request.runId = newId('run')
    void reply.header('x-run-id', request.runId).header('cache-control', 'no-store')
    if (closing) void reply.header('connection', 'close')
    try {
      checkHttp(request)
      access.check(request, reply)
      if (closing) throw new EngineError('overloaded', { retryAfter: 1 })
    } catch (error) {
      return done(error as Error)
    }
    done()
  })
  // Node would refuse what it cannot meet without us.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response))
  server.setErrorHandler((error, request, reply) => answerError(parts, error as FastifyError, request, reply))
  server.setNotFoundHandler(() => {
    throw new EngineError('not_found')
  })

  const requests = countRequests(server)
  const methods = collectMethods(server)
  await addDocs(server, parts.sandbox.library)
  addHealthRoutes(server, parts)
  addMetricsRoute(server, { ...parts, requests })
  addAdminRoutes(server, { ...parts, requests })
  await addCallbackRoutes(server, parts)
  const idempotency = createIdempotency(parts.storage, parts.heartbeat, parts.sandbox.kept)
  server.addHook('onClose', () => idempotency.close())
  addScriptRoutes(server, { ...parts, idempotency })
  const takeUp: TakeOver = (living, hasDied) => takeUpKeyedRuns({ ...parts, idempotency, living, hasDied })
  await parts.heartbeat.onDeaths(takeUp).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  answerOtherMethods(server, methods)
  return server
}

// RFC 9112, 3.2 and RFC 9110, 10.1.1: a host has to be named, and of expectations there is one.
function checkHttp({ raw: { httpVersion, headers } }: FastifyRequest): void {
  const hasHost = headers.host !== undefined || httpVersion === '1.0'
  const { expect = '100-continue' } = headers
  if (!hasHost || expect.toLowerCase() !== '100-continue') throw new EngineError('invalid_request')
}

/** What is asked in a way that an address does not take, by address. */
function collectMethods(server: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  server.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    for (const one of [method].flat()) known.add(one)
    methods.set(url, known)
  })
  return methods
}

function answerOtherMethods(server: FastifyInstance, methods: Map<string, Set<string>>): void {
  for (const [url, known] of Array.from(methods)) {
    const others = server.supportedMethods.filter(method => !known.has(method))
    const isPartOfPage = url.includes('*') || (url.startsWith('/docs/') && url !== '/docs/json')
    if (others.length === 0 || isPartOfPage) continue
    server.route({
      method: others,
      url,
      config: { allow: [...known], open: false },
      schema: { hide: true },
      handler: () => {
        throw new EngineError('method_not_allowed')
      },
    })
  }
}

function answerError(
  parts: ServerParts,
  error: FastifyError | EngineError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = toEngineError(error)
  if (known === undefined)
    parts.log.error({ run: request.runId, error: error.message, stack: error.stack }, 'request failed')
  const texts = parts.texts()
  const body =
    typeof request.body === 'object' && request.body !== null ? (request.body as Record<string, unknown>) : {}
  const answer = problemOf(texts, requestLanguage(texts, body, request.headers), known ?? error)
  const retryAfter = retryAfterHeader(answer.retryAfter)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  return reply
    .code(answer.status)
    .header('x-run-id', request.runId || newId('run'))
    .header('cache-control', 'no-store')
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(answer))
}

function toEngineError(error: FastifyError | EngineError): EngineError | undefined {
  if (error instanceof EngineError) return error
  if (error.validation !== undefined) {
    const errors = error.validation.map(({ instancePath, message, params }) => ({
      field:
        instancePath.slice(1).replaceAll('/', '.') || ((params as { missingProperty?: string }).missingProperty ?? ''),
      problem: message ?? 'is wrong',
    }))
    return new EngineError('invalid_request', { errors }, { cause: error })
  }
  const { statusCode = 500 } = error
  if (statusCode === 413) return new EngineError('body_too_large')
  if (statusCode === 415) return new EngineError('unsupported_media_type')
  if (statusCode === 404) return new EngineError('not_found')
  if (statusCode >= 400 && statusCode < 500) return new EngineError('invalid_request', {}, { cause: error })
  return undefined
}

// What is no HTTP never becomes a request; it gets an answer all the same.
function answerBrokenRequest(error: Error & { code?: string }, socket: IncomingMessage['socket']): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const body = JSON.stringify(problemPlain(Number(status.slice(0, 3))))
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncache-control: no-store\r\n` +
      `x-run-id: ${newId('run')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function problemPlain(status: number): object {
  return {
    type: 'about:blank',
    title: 'The request is invalid',
    status,
    code: 'invalid_request',
    detail: 'The request is no valid HTTP.',
  }
}
