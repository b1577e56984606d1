// The loopback carrier's phone: what it got, and how it answers. Only while
// loopback is the only carrier.

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import type { LoopbackCarrier } from '../carriers/loopback.ts'
import { EngineError } from '../errors.ts'
import { time } from './pages.ts'

const Inbound = Type.Object({
  from: Type.String({ minLength: 1, maxLength: 32 }),
  to: Type.String({ minLength: 1, maxLength: 32 }),
  text: Type.String({ maxLength: 1_600 }),
})

export function addLoopbackRoutes(
  server: FastifyInstance,
  { loopback }: { loopback: LoopbackCarrier | undefined },
): void {
  const present = (): LoopbackCarrier => {
    if (loopback === undefined) throw new EngineError('not_found')
    return loopback
  }

  server.get(
    '/admin/loopback',
    {
      config: { alsoScopes: ['code:read', 'pii:read'] },
      schema: { tags: ['admin'], summary: 'What the loopback phone got, newest first' },
    },
    () => ({
      messages: present()
        .messages()
        .map(message => ({ ...message, at: time(message.at) })),
    }),
  )

  server.post(
    '/admin/loopback/inbound',
    { config: {}, schema: { tags: ['admin'], summary: 'As if a phone had sent this SMS', body: Inbound } },
    async (request, reply) => {
      const runId = await present().inject(request.body as Static<typeof Inbound>)
      if (runId === undefined) throw new EngineError('not_found')
      return reply.code(202).send({ runId })
    },
  )
}
