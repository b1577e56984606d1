// How long something took lately: percentiles of the last thousand samples that
// are not older than ten minutes. Adding costs two writes into a ring; what is
// read is sorted then, as few read and seldom.

/** Times in ms, rounded to 0.01; null while there is no sample. */
export interface Latency {
  /** Of the samples that the percentiles are of. */
  count: number
  p50: number | null
  p95: number | null
  p99: number | null
  /** Of all samples since the start: they only grow, as Prometheus wants it. */
  total: number
  sumMs: number
}

export interface Latencies {
  /** A wall clock that was set makes negative ones: they count as 0. What is no number is left out. */
  add(ms: number): void
  read(): Latency
}

const kept = 1_000
const keptMs = 600_000

/** `monotonic` in ms. */
export function createLatencies(monotonic: () => number = () => performance.now()): Latencies {
  const samples = new Float64Array(kept)
  const takenAt = new Float64Array(kept)
  let total = 0
  let sumMs = 0

  return {
    add(ms) {
      if (!Number.isFinite(ms)) return
      const sample = Math.max(0, ms)
      const place = total % kept
      samples[place] = sample
      takenAt[place] = monotonic()
      total++
      sumMs += sample
    },
    read() {
      const oldest = monotonic() - keptMs
      const sorted = samples.subarray(0, total).filter((_, place) => takenAt[place]! >= oldest)
      sorted.sort()
      const quantile = (q: number) => nearestRank(sorted, q)
      return { count: sorted.length, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), total, sumMs }
    },
  }
}

function nearestRank(sorted: Float64Array, quantile: number): number | null {
  const found = sorted[Math.ceil(quantile * sorted.length) - 1]
  return found === undefined ? null : Math.round(found * 100) / 100
}

/** What people read of it. */
export function percentiles({ count, p50, p95, p99 }: Latency): Pick<Latency, 'count' | 'p50' | 'p95' | 'p99'> {
  return { count, p50, p95, p99 }
}
