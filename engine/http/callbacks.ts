// `/callbacks/<carrier>/<secret>/report` and `…/sms`: networks tell us what
// became of messages, and bring SMS. The secret in the address and what the
// carrier verifies are the proof; the answer comes after all is stored. Whoever
// does not know the secret is told nothing, and nothing of his is read.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { CallbackAnswer, CallbackRequest, Carrier } from '../carriers/carrier.ts'
import { equalSecrets } from '../carriers/over-http/equal-secrets.ts'
import { EngineError } from '../errors.ts'

/** A hundred reports come in one call. */
const maxBodyBytes = 1_048_576

export interface CallbackParts {
  carriers: readonly Carrier[]
  /** What the carriers were given as the beginning of our addresses: signatures are over it. */
  publicUrl: string | undefined
}

type Handler = (request: CallbackRequest) => Promise<CallbackAnswer>

export async function addCallbackRoutes(
  server: FastifyInstance,
  { carriers, publicUrl }: CallbackParts,
): Promise<void> {
  const byName = new Map(carriers.map(carrier => [carrier.name, carrier]))

  /** Throws `forbidden` without the secret, also for a carrier that there is not; `not_found` for a kind of call that it does not take. */
  function handlerOf(request: FastifyRequest, kind: 'report' | 'sms'): Handler {
    const { carrier: name, secret } = request.params as { carrier: string; secret: string }
    const callbacks = byName.get(name)?.callbacks
    const fits = equalSecrets(secret, callbacks?.secret ?? '')
    if (callbacks === undefined || !fits) throw new EngineError('forbidden')
    const handle = callbacks[kind]
    if (handle === undefined) throw new EngineError('not_found')
    return handle
  }

  async function take(request: FastifyRequest, reply: FastifyReply, kind: 'report' | 'sms'): Promise<FastifyReply> {
    const handle = handlerOf(request, kind)
    const { status = 200, contentType, body = '' } = await handle(callOf(request, publicUrl))
    if (contentType !== undefined) void reply.header('content-type', contentType)
    return reply.code(status).send(body)
  }

  // A world of its own: bodies are kept as they came, for signatures.
  await server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, parsed) =>
      parsed(null, body),
    )
    for (const kind of ['report', 'sms'] as const) {
      scope.route({
        method: ['GET', 'POST'],
        url: `/callbacks/:carrier/:secret/${kind}`,
        bodyLimit: maxBodyBytes,
        // A call that only looks must not count.
        exposeHeadRoute: false,
        config: { open: true },
        schema: { hide: true },
        // Before the body is read.
        onRequest(request, _reply, done) {
          try {
            handlerOf(request, kind)
          } catch (error) {
            return done(error as Error)
          }
          done()
        },
        handler: (request, reply) => take(request, reply, kind),
      })
    }
    done()
  })
}

function callOf(
  { raw, headers, body, host, protocol }: FastifyRequest,
  publicUrl: string | undefined,
): CallbackRequest {
  const path = raw.url ?? '/'
  const flat: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(headers)) flat[name] = Array.isArray(value) ? value.join(', ') : value
  return {
    method: raw.method ?? 'GET',
    url: `${publicUrl ?? `${protocol}://${host}`}${path}`,
    query: new URLSearchParams(/\?([^#]*)/.exec(path)?.[1]),
    headers: flat,
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  }
}
