// GET /metrics: everything that is counted, as Prometheus reads it. Labels are
// carriers, scripts, states and routes, of which there are few; never a number,
// an id or an address as it came.

import type { FastifyInstance } from 'fastify'

import { metricsContentType, summarySamples, writeMetrics, type Family, type Sample } from '../metrics.ts'
import type { CarrierView } from '../outbox/carrier-view.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { version } from '../version.ts'
import type { RequestCounts } from './request-counts.ts'

export interface MetricsParts {
  outbox: Outbox
  sandbox: Sandbox
  requests: RequestCounts
}

export function addMetricsRoute(server: FastifyInstance, { outbox, sandbox, requests }: MetricsParts): void {
  const schema = {
    tags: ['health'],
    summary: 'Counts, gauges and latencies in Prometheus’ text format; scope `metrics` or `admin`',
  }
  server.get('/metrics', { config: { scopes: ['metrics', 'admin'] }, schema }, async (_request, reply) => {
    // While the storage is away nobody knows the queues, and the rest is wanted all the more.
    const views = await outbox.carriers().catch(() => undefined)
    const text = await writeMetrics([
      family('patchcord_build_info', 'gauge', 'The version of the engine', [{ labels: { version }, value: 1 }]),
      family('patchcord_storage_up', 'gauge', 'Whether the storage could be read just now', [
        { labels: {}, value: views === undefined ? 0 : 1 },
      ]),
      ...ofMessages(outbox),
      ...ofCarriers(views ?? []),
      ...ofRuns(sandbox),
      ...ofRequests(requests),
      ...ofSandbox(sandbox),
    ])
    return reply.type(metricsContentType).send(text)
  })
}

function family(name: string, type: Family['type'], help: string, samples: Sample[]): Family {
  return { name, type, help, samples }
}

function ofMessages(outbox: Outbox): Family[] {
  const { accepted, retried, reports } = outbox.stats()
  const one = (value: number): Sample[] => [{ labels: {}, value }]
  return [
    family('patchcord_messages_accepted_total', 'counter', 'Messages that were promised to scripts', one(accepted)),
    family('patchcord_messages_retried_total', 'counter', 'Messages that went back to a queue', one(retried)),
    family('patchcord_reports_total', 'counter', 'Delivery reports that networks sent', one(reports)),
  ]
}

function ofCarriers(views: CarrierView[]): Family[] {
  const each = (read: (view: CarrierView) => number): Sample[] =>
    views.map(view => ({ labels: { carrier: view.name }, value: read(view) }))
  const summary = (name: string, help: string, read: (view: CarrierView) => CarrierView['submitMs']): Family =>
    family(
      name,
      'summary',
      help,
      views.flatMap(view => summarySamples({ carrier: view.name }, read(view))),
    )
  return [
    family(
      'patchcord_messages_total',
      'counter',
      'How often a message reached a state at a carrier',
      views.flatMap(({ name, states }) =>
        Object.entries(states).map(([state, value]) => ({ labels: { state, carrier: name }, value })),
      ),
    ),
    family(
      'patchcord_submits_total',
      'counter',
      'What came of handing a message to a carrier',
      views.flatMap(view =>
        (['accepted', 'refused', 'uncertain'] as const).map(outcome => ({
          labels: { carrier: view.name, outcome },
          value: view[outcome],
        })),
      ),
    ),
    family(
      'patchcord_queue_messages',
      'gauge',
      'Messages that wait for a carrier',
      each(({ queue }) => queue),
    ),
    family(
      'patchcord_carrier_up',
      'gauge',
      '1 while a carrier takes messages, 0 while it is down, probing or paused',
      each(({ ready, state }) => (ready && state === 'up' ? 1 : 0)),
    ),
    family(
      'patchcord_carrier_in_flight',
      'gauge',
      'Submits under way',
      each(({ inFlight }) => inFlight),
    ),
    family(
      'patchcord_carrier_window',
      'gauge',
      'Submits that may be under way at once',
      each(({ window }) => window),
    ),
    summary('patchcord_sent_seconds', 'From the promise to the network’s answer', ({ sentMs }) => sentMs),
    summary('patchcord_submit_seconds', 'From the hand-over to the network’s answer', ({ submitMs }) => submitMs),
    summary('patchcord_delivery_seconds', 'From the network’s answer to its report', ({ deliveredMs }) => deliveredMs),
  ]
}

function ofRuns(sandbox: Sandbox): Family[] {
  const { running, ended } = sandbox.counts()
  const samples = ended.map(({ script, outcome, count }) => ({ labels: { script, outcome }, value: count }))
  return [
    family('patchcord_runs_total', 'counter', 'Runs that ended: answer, refusal, or the code of the failure', samples),
    family('patchcord_runs_running', 'gauge', 'Runs under way', [{ labels: {}, value: running }]),
  ]
}

function ofRequests(requests: RequestCounts): Family[] {
  const routes = requests.routes()
  return [
    family(
      'patchcord_http_requests_total',
      'counter',
      'Requests that were answered, by route',
      routes.flatMap(({ route, answers }) =>
        answers.map(({ method, status, count }) => ({
          labels: { method, route, status: String(status) },
          value: count,
        })),
      ),
    ),
    family(
      'patchcord_http_request_seconds',
      'histogram',
      'From a request to its answer',
      routes.flatMap(({ route, seconds }) => seconds.samples({ route })),
    ),
  ]
}

function ofSandbox(sandbox: Sandbox): Family[] {
  const { kills, replays, repeats, lanes } = sandbox.stats()
  const roles = [...new Set(lanes.map(({ role }) => role))]
  const one = (value: number): Sample[] => [{ labels: {}, value }]
  const each = (read: (lane: (typeof lanes)[number]) => number): Sample[] =>
    roles.map(role => ({
      labels: { role },
      value: lanes.filter(lane => lane.role === role).reduce((sum, lane) => sum + read(lane), 0),
    }))
  const bytes = each(({ memoryMb = 0 }) => memoryMb * 2 ** 20)
  return [
    family('patchcord_sandbox_kills_total', 'counter', 'Sandbox processes that were killed', one(kills)),
    family('patchcord_sandbox_replays_total', 'counter', 'Runs that were moved and replayed', one(replays)),
    family('patchcord_sandbox_repeats_total', 'counter', 'First turns that were taken again', one(repeats)),
    family(
      'patchcord_sandbox_processes',
      'gauge',
      'Sandbox processes',
      each(() => 1),
    ),
    family('patchcord_sandbox_memory_bytes', 'gauge', 'Memory of the sandbox processes', bytes),
    family(
      'patchcord_sandbox_isolates',
      'gauge',
      'Isolates of scripts',
      each(({ isolates }) => isolates),
    ),
  ]
}
