// What Prometheus reads: families of numbers that the parts of the engine count
// in plain variables, written out when somebody asks.
//
// The client is loaded then too (40 ms): an engine that nobody scrapes pays
// nothing for it.

import { setTimeout as wait } from 'node:timers/promises'

import type { Metric, Registry } from '@prometheus-io/client'

export interface Family {
  /** `patchcord_…`, with its unit, and `_total` for a counter. */
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  samples: Sample[]
}

export interface Sample {
  /** Of few values: never a number, an id or an address. */
  labels: Readonly<Record<string, string>>
  value: number
  /** The part of a histogram or summary that it is. */
  part?: 'bucket' | 'sum' | 'count'
}

/** Counts values by size; `bounds` grow, and each bucket holds what is at most its bound. */
export interface Histogram {
  observe(value: number): void
  samples(labels: Sample['labels']): Sample[]
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** The families and the process's own metrics in Prometheus' text format 0.0.4. */
export async function writeMetrics(families: readonly Family[]): Promise<string> {
  const { Registry } = await import('@prometheus-io/client')
  const registry = new Registry()
  for (const family of families) registry.registerMetric(readable(family) as Metric)
  const text = await Registry.merge([registry, await processRegistry()]).metrics()
  // The client writes `Nan`, which not every reader takes.
  return text.replaceAll(/ Nan$/gm, ' NaN')
}

/** A summary's samples from percentiles in ms; `total` and `sumMs` only grow. */
export function summarySamples(
  labels: Sample['labels'],
  { p50, p95, p99, total, sumMs }: Record<'p50' | 'p95' | 'p99', number | null> & { total: number; sumMs: number },
): Sample[] {
  const quantiles = [
    ['0.5', p50],
    ['0.95', p95],
    ['0.99', p99],
  ] as const
  return [
    ...quantiles.map(([quantile, ms]) => ({ labels: { ...labels, quantile }, value: ms === null ? NaN : ms / 1_000 })),
    { labels, value: sumMs / 1_000, part: 'sum' },
    { labels, value: total, part: 'count' },
  ]
}

export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length)
  let sum = 0
  let count = 0

  return {
    observe(value) {
      sum += value
      count++
      const bucket = bounds.findIndex(bound => value <= bound)
      if (bucket !== -1) counts[bucket]!++
    },
    samples(labels) {
      let below = 0
      const buckets = bounds.map((bound, index): Sample => {
        below += counts[index]!
        return { labels: { ...labels, le: String(bound) }, value: below, part: 'bucket' }
      })
      return [
        ...buckets,
        { labels: { ...labels, le: '+Inf' }, value: count, part: 'bucket' },
        { labels, value: sum, part: 'sum' },
        { labels, value: count, part: 'count' },
      ]
    },
  }
}

/** What a registry asks of a metric. */
function readable({ name, help, type, samples }: Family): object {
  const values = samples.map(({ labels, value, part }) => ({
    labels,
    value,
    metricName: part === undefined ? name : `${name}_${part}`,
  }))
  return { name, get: async () => ({ name, help, type, values }) }
}

// Its collectors watch the whole process and cannot be taken down: one for all
// engines in it.
let ofProcess: Promise<Registry> | undefined

function processRegistry(): Promise<Registry> {
  return (ofProcess ??= watchProcess())
}

const watchEveryMs = 10

async function watchProcess(): Promise<Registry> {
  const { Registry, collectDefaultMetrics } = await import('@prometheus-io/client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: watchEveryMs })
  // Before its first sample the event loop's delay reads as three centuries.
  await wait(5 * watchEveryMs)
  return registry
}
