// Who may come in. The order of the checks is part of the contract:
// 401, 404, 405, 403, 415, 413, 400.

import type { FastifyReply, FastifyRequest } from 'fastify'

import { EngineError } from '../errors.ts'
import type { Library } from '../library/library.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { Token, Tokens } from './tokens.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** No token needed. */
    open?: boolean
    /** One of these scopes is needed… */
    scopes?: string[]
    /** …and all of these. */
    alsoScopes?: string[]
    /** Answers 405 with these methods. */
    allow?: string[]
    /** A script's address: `/:script` or `/:script/:action`. */
    script?: boolean
  }
  interface FastifyRequest {
    runId: string
    token: Token
    script: ScriptVersion | null
    action: string
  }
}

export const maxBodyBytes = 16_384

export interface Access {
  /** Throws the first thing that is wrong with a request, before its body is read. */
  check(request: FastifyRequest, reply: FastifyReply): void
  /** The same where there is no address to look at: throws unauthorized, else not_found. */
  checkNowhere(request: FastifyRequest, reply: FastifyReply): never
}

export function createAccess({ tokens, library }: { tokens: Tokens; library: Library }): Access {
  function check(request: FastifyRequest, reply: FastifyReply): void {
    const { open, scopes, alsoScopes, allow, script } = request.routeOptions.config
    if (open === true) return
    request.token = authenticate(request, reply, tokens)
    if (script === true) findScript(request, library)
    else if (request.is404) throw new EngineError('not_found')
    const allowed = script === true && request.method !== 'POST' ? ['POST'] : allow
    if (allowed !== undefined) {
      void reply.header('allow', allowed.join(', '))
      throw new EngineError('method_not_allowed')
    }
    const wanted = script === true ? [`run:${request.script!.name}`, 'run:*'] : (scopes ?? ['admin'])
    const has = (scope: string): boolean => request.token.scopes.includes(scope)
    if (!wanted.some(has) || alsoScopes?.every(has) === false || !tokens.mayComeFrom(request.token, request.ip)) {
      throw new EngineError('forbidden')
    }
    if (request.method === 'POST' || request.method === 'PUT') checkBodyHeaders(request)
  }

  function checkNowhere(request: FastifyRequest, reply: FastifyReply): never {
    authenticate(request, reply, tokens)
    throw new EngineError('not_found')
  }

  return { check, checkNowhere }
}

function authenticate(request: FastifyRequest, reply: FastifyReply, tokens: Tokens): Token {
  const text = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  const token = text === undefined ? undefined : tokens.find(text)
  if (token !== undefined) return token
  void reply.header('www-authenticate', 'Bearer')
  throw new EngineError('unauthorized')
}

// The default export answers `/otp`, `check` answers `/otp/check`; event
// handlers (`onSms`, …) are no addresses.
function findScript(request: FastifyRequest, library: Library): void {
  const { script: name, action } = request.params as { script: string; action?: string }
  const script = library.get(name)
  const handler = action ?? 'default'
  if (script === undefined || action === 'default' || /^on[A-Z]/.test(handler) || !script.exports.has(handler)) {
    throw new EngineError('not_found')
  }
  request.script = script
  request.action = handler
}

function checkBodyHeaders({ headers, routeOptions }: FastifyRequest): void {
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map(text => text.trim()).find(text => text.startsWith('charset='))
  if (type!.trim() !== 'application/json' || (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))) {
    throw new EngineError('unsupported_media_type')
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new EngineError('unsupported_media_type')
  }
  if (Number(headers['content-length'] ?? 0) > (routeOptions.bodyLimit ?? maxBodyBytes))
    throw new EngineError('body_too_large')
}
