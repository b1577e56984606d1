import { expect, test } from 'vitest'

import { createLatencies, percentiles } from '../../engine/outbox/latencies.ts'

test('without a sample there are no percentiles', () => {
  expect(createLatencies().read()).toEqual({ count: 0, p50: null, p95: null, p99: null, total: 0, sumMs: 0 })
})

test('percentiles are samples that were taken, whatever their order', () => {
  const latencies = createLatencies()
  for (let i = 1; i <= 100; i++) latencies.add((i * 37) % 101)

  expect(latencies.read()).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, total: 100, sumMs: 5_050 })
  expect(percentiles(latencies.read())).toEqual({ count: 100, p50: 50, p95: 95, p99: 99 })
})

test('one sample is every percentile, rounded to a hundredth', () => {
  const latencies = createLatencies()
  latencies.add(1.23456)
  expect(latencies.read()).toMatchObject({ count: 1, p50: 1.23, p95: 1.23, p99: 1.23 })
})

test('the last thousand count, the totals know all', () => {
  const latencies = createLatencies()
  for (let i = 0; i < 500; i++) latencies.add(1_000_000)
  for (let i = 0; i < 1_000; i++) latencies.add(7)

  expect(latencies.read()).toMatchObject({ count: 1_000, p50: 7, p99: 7, total: 1_500, sumMs: 500_007_000 })
})

test('what is older than ten minutes counts no more', () => {
  let now = 0
  const latencies = createLatencies(() => now)
  latencies.add(100)
  now += 400_000
  latencies.add(5)
  expect(latencies.read()).toMatchObject({ count: 2, p99: 100 })
  now += 200_001
  expect(latencies.read()).toMatchObject({ count: 1, p50: 5, p99: 5, total: 2 })
  now += 600_000
  expect(latencies.read()).toMatchObject({ count: 0, p50: null, total: 2 })
})

test('a clock that was set back makes no negative time, and no sample is no number', () => {
  const latencies = createLatencies()
  latencies.add(-3_600_000)
  latencies.add(NaN)
  latencies.add(Infinity)
  expect(latencies.read()).toMatchObject({ count: 1, p50: 0, total: 1, sumMs: 0 })
})
