// GET and POST /admin/tokens, DELETE /admin/tokens/:id. A token is shown once.

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import { PageQuery, pageOf } from './pages.ts'
import type { Tokens } from './tokens.ts'

const Query = Type.Object(PageQuery)
const NewToken = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  scopes: Type.Array(Type.String({ maxLength: 80 }), { maxItems: 100 }),
  app: Type.Optional(Type.String({ maxLength: 64 })),
  brand: Type.Optional(Type.String({ minLength: 1, maxLength: 30 })),
  addresses: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100 })),
  expiresAt: Type.Optional(Type.String({ maxLength: 40 })),
})

export function addTokenRoutes(server: FastifyInstance, { tokens }: { tokens: Tokens }): void {
  server.get(
    '/admin/tokens',
    { config: {}, schema: { tags: ['admin'], summary: 'API tokens, without their secrets', querystring: Query } },
    request => {
      const { page, next } = pageOf(tokens.list(), token => token.id, request.query as Static<typeof Query>)
      return { tokens: page, next }
    },
  )

  server.post(
    '/admin/tokens',
    {
      config: {},
      schema: { tags: ['admin'], summary: 'Makes a token; the answer is the only place that shows it', body: NewToken },
    },
    async (request, reply) => reply.code(201).send(await tokens.create(request.body as Static<typeof NewToken>)),
  )

  server.delete(
    '/admin/tokens/:id',
    { config: {}, schema: { tags: ['admin'], summary: 'Ends a token at once' } },
    async (request, reply) => {
      if (!(await tokens.delete((request.params as { id: string }).id))) throw new EngineError('not_found')
      return reply.code(204).send()
    },
  )
}
