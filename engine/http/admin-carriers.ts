// GET /admin/carriers: how each way to the network is.

import type { FastifyInstance } from 'fastify'

import type { CarrierView } from '../outbox/carrier-view.ts'
import { percentiles } from '../outbox/latencies.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { time } from './pages.ts'

export function addCarrierRoutes(server: FastifyInstance, { outbox }: { outbox: Outbox }): void {
  const schema = {
    tags: ['admin'],
    summary: 'Carriers in the order of the configuration: health, window, rate, queue, last errors, callback address',
  }
  server.get('/admin/carriers', { config: {}, schema }, async () => {
    const views = await outbox.carriers()
    return { carriers: views.map(shown), next: null }
  })
}

function shown(view: CarrierView): object {
  return {
    ...view,
    since: time(view.since),
    pausedUntil: view.pausedUntil === null ? null : time(view.pausedUntil),
    lastErrors: view.lastErrors.map(({ at, error }) => ({ at: time(at), error })),
    sessions: view.sessions?.map(session => ({ ...session, since: time(session.since) })),
    submitMs: percentiles(view.submitMs),
    deliveredMs: percentiles(view.deliveredMs),
    sentMs: percentiles(view.sentMs),
  }
}
