import { expect, test } from 'vitest'

import { createBackoff, usualBackoff } from '../../../engine/carriers/smpp/backoff.ts'

const refused = 0x0e
const pauses = (count: number, next: () => number) => Array.from({ length: count }, next)

test('a lost connection is tried after 1 s, doubling to a minute', () => {
  const backoff = createBackoff(usualBackoff, () => 0)
  expect(pauses(8, () => backoff.next(0, undefined))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
  ])
})

test('a refused bind is tried after a minute, doubling to ten', () => {
  const backoff = createBackoff(usualBackoff, () => 0)
  expect(pauses(5, () => backoff.next(0, refused))).toEqual([60_000, 120_000, 240_000, 480_000, 600_000])
})

test('chance takes up to half of a pause away', () => {
  expect(createBackoff(usualBackoff, () => 0.999_999).next(0, undefined)).toBeCloseTo(500, 0)
  expect(createBackoff(usualBackoff, () => 0.5).next(0, refused)).toBe(45_000)
})

test('a session that lasted begins anew, one that was lost at once does not', () => {
  const backoff = createBackoff(usualBackoff, () => 0)
  backoff.next(0, undefined)
  backoff.next(0, undefined)
  expect(backoff.next(3_000, undefined)).toBe(4_000)
  expect(backoff.next(60_000, undefined)).toBe(1_000)
})

test('a bind that is refused because the centre is busy is soon tried again', () => {
  const backoff = createBackoff(usualBackoff, () => 0)
  expect([0x08, 0x14, 0x58, 0x64].map(status => backoff.next(0, status))).toEqual([1_000, 2_000, 4_000, 8_000])
})
