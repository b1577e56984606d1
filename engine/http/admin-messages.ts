// GET /admin/messages, GET /admin/messages/:id: what became of what we promised.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import { messageStates, type Message } from '../outbox/message.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { e164Pattern, maskNumber } from '../phone.ts'
import { PageQuery, time } from './pages.ts'

const Query = Type.Object({
  ...PageQuery,
  state: Type.Optional(Type.Enum([...messageStates])),
  number: Type.Optional(Type.String({ maxLength: 32 })),
  script: Type.Optional(Type.String({ maxLength: 64 })),
  carrier: Type.Optional(Type.String({ maxLength: 64 })),
})

export function addMessageRoutes(server: FastifyInstance, { outbox }: { outbox: Outbox }): void {
  const schema = { tags: ['admin'], summary: 'Messages, newest first', querystring: Query }
  server.get('/admin/messages', { config: {}, schema }, async request => {
    const { number, ...filter } = request.query as Static<typeof Query>
    const { messages, next } = await outbox.list({ ...filter, number: readNumber(number, request) })
    return { messages: messages.map(message => shown(message, request)), next }
  })

  server.get(
    '/admin/messages/:id',
    { config: {}, schema: { tags: ['admin'], summary: 'One message with its timeline' } },
    async request => {
      const message = await outbox.get((request.params as { id: string }).id)
      if (message === undefined) throw new EngineError('not_found')
      return { ...shown(message, request), timeline: message.timeline.map(event => ({ ...event, at: time(event.at) })) }
    },
  )
}

function readNumber(number: string | undefined, request: FastifyRequest): string | undefined {
  if (number === undefined) return undefined
  if (!request.token.scopes.includes('pii:read')) throw new EngineError('forbidden')
  // In a query string a bare `+` is a space.
  const e164 = `+${number.trim().replace(/^\+/, '')}`
  if (!e164Pattern.test(e164))
    throw new EngineError('invalid_request', { errors: [{ field: 'number', problem: 'has to be E.164' }] })
  return e164
}

function shown(message: Message, request: FastifyRequest): object {
  const { id, from, state, script, carrier, segments, error } = message
  const to = request.token.scopes.includes('pii:read') ? message.to : maskNumber(message.to)
  return {
    id,
    to,
    from,
    state,
    script,
    carrier,
    segments,
    createdAt: time(message.createdAt),
    updatedAt: time(message.updatedAt),
    error,
  }
}
