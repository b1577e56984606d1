// Alive and ready. Alive never looks at anything else: a restart would not mend
// a storage that is away.

import type { FastifyInstance } from 'fastify'

import { EngineError } from '../errors.ts'

/** `ready` rejects while requests could not be answered. */
export function addHealthRoutes(server: FastifyInstance, { ready }: { ready: () => Promise<void> }): void {
  server.get(
    '/healthz',
    { config: { open: true }, schema: { tags: ['health'], security: [], summary: 'The process is alive' } },
    () => ({
      status: 'ok',
    }),
  )
  server.get(
    '/readyz',
    {
      config: { open: true },
      schema: { tags: ['health'], security: [], summary: 'Storage, scripts and a carrier are there' },
    },
    async () => {
      await ready().catch((error: unknown) => {
        throw error instanceof EngineError ? error : new EngineError('overloaded', { retryAfter: 1 }, { cause: error })
      })
      return { status: 'ready' }
    },
  )
}
