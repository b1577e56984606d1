// `/callbacks/<carrier>/<secret>/report` and `…/sms`: networks tell us what
// became of messages, and bring SMS. The secret in the address and what the
// carrier verifies are the proof; the answer comes after all is stored.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { CallbackRequest, Carrier } from '../carriers/carrier.ts'
import { equalSecrets } from '../carriers/equal-secrets.ts'
import { EngineError } from '../errors.ts'

/** A hundred reports come in one call. */
const maxBodyBytes = 1_048_576

export interface CallbackParts {
  carriers: readonly Carrier[]
  /** What the carriers were given as the beginning of our addresses: signatures are over it. */
  publicUrl: string | undefined
}

export async function addCallbackRoutes(
  server: FastifyInstance,
  { carriers, publicUrl }: CallbackParts,
): Promise<void> {
  const byName = new Map(carriers.map(carrier => [carrier.name, carrier]))

  async function take(request: FastifyRequest, reply: FastifyReply, kind: 'report' | 'sms'): Promise<FastifyReply> {
    const { carrier: name, secret } = request.params as { carrier: string; secret: string }
    const callbacks = byName.get(name)?.callbacks
    if (callbacks === undefined) throw new EngineError('not_found')
    if (!equalSecrets(secret, callbacks.secret)) throw new EngineError('forbidden')
    const handle = callbacks[kind]
    if (handle === undefined) throw new EngineError('not_found')
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
    url: `${publicUrl?.replace(/\/+$/, '') ?? `${protocol}://${host}`}${path}`,
    query: new URL(path, 'http://localhost').searchParams,
    headers: flat,
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  }
}
