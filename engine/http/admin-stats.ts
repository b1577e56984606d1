// GET /admin/stats: what this engine has done since it started, in counts and
// percentiles. The same numbers, for machines, are at /metrics.

import type { FastifyInstance } from 'fastify'

import { percentiles } from '../outbox/latencies.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { version } from '../version.ts'
import { time } from './pages.ts'
import type { RequestCounts } from './request-counts.ts'

export interface StatsParts {
  outbox: Outbox
  sandbox: Sandbox
  requests: RequestCounts
  clock: () => number
}

export function addStatsRoute(server: FastifyInstance, parts: StatsParts): void {
  const startedAt = time(parts.clock())
  const began = performance.now()
  const schema = { tags: ['admin'], summary: 'Counts since the start, percentiles of the last ten minutes' }
  server.get('/admin/stats', { config: {}, schema }, async () => ({
    version,
    startedAt,
    uptimeS: Math.floor((performance.now() - began) / 1_000),
    messages: await messages(parts.outbox),
    runs: runs(parts.sandbox),
    http: answered(parts.requests),
    sandbox: processes(parts.sandbox),
  }))
}

async function messages(outbox: Outbox): Promise<object> {
  const { accepted, submitted, retried, reports, states, inFlight } = outbox.stats()
  const views = await outbox.carriers()
  return {
    accepted,
    submitted,
    retried,
    reports,
    inFlight,
    queue: views.reduce((sum, { queue }) => sum + queue, 0),
    byState: states,
    byCarrier: Object.fromEntries(
      views.map(view => [
        view.name,
        {
          queue: view.queue,
          inFlight: view.inFlight,
          submitted: view.submitted,
          accepted: view.accepted,
          refused: view.refused,
          uncertain: view.uncertain,
          byState: view.states,
          acceptedToSentMs: percentiles(view.sentMs),
          submitMs: percentiles(view.submitMs),
          sentToDeliveredMs: percentiles(view.deliveredMs),
        },
      ]),
    ),
  }
}

function runs(sandbox: Sandbox): object {
  const { running, ended } = sandbox.counts()
  const byScript: Record<string, Record<string, number>> = {}
  for (const { script, outcome, count } of ended) (byScript[script] ??= {})[outcome] = count
  return { running, byScript }
}

function answered(requests: RequestCounts): object {
  const byStatus: Record<string, number> = {}
  let count = 0
  for (const answer of requests.routes().flatMap(({ answers }) => answers)) {
    const kind = `${Math.floor(answer.status / 100)}xx`
    byStatus[kind] = (byStatus[kind] ?? 0) + answer.count
    count += answer.count
  }
  return { requests: count, byStatus, ms: percentiles(requests.latency()) }
}

function processes(sandbox: Sandbox): object {
  const { kills, replays, repeats, lanes } = sandbox.stats()
  return {
    kills,
    replays,
    repeats,
    processes: lanes.map(({ role, script, pid, memoryMb, isolates }) => ({
      role,
      script: script ?? null,
      pid,
      memoryMb: memoryMb ?? null,
      isolates,
    })),
  }
}
