import { array, assert, double, integer, property } from 'fast-check'
import { expect, test } from 'vitest'

import { createTokenBucket } from '../../engine/carriers/token-bucket.ts'

function open(perSecond: number | undefined) {
  let now = 0
  return { bucket: createTokenBucket(perSecond, () => now), pass: (ms: number) => void (now += ms) }
}

test('holds a tenth of a second’s worth, one token at least', () => {
  expect(open(200).bucket.available()).toBe(20)
  expect(open(3).bucket.available()).toBe(1)
  expect(open(0.5).bucket.available()).toBe(1)
})

test('an empty one says when the next token is there, and keeps its word', () => {
  const { bucket, pass } = open(200)
  for (let taken = 0; taken < 20; taken++) bucket.take()
  expect([bucket.available(), bucket.waitMs()]).toEqual([0, 5])
  pass(4)
  expect([bucket.available(), bucket.waitMs()]).toEqual([0, 1])
  pass(1)
  expect([bucket.available(), bucket.waitMs()]).toEqual([1, 0])
})

test('a debt is paid before the next token', () => {
  const { bucket, pass } = open(10)
  for (let taken = 0; taken < 3; taken++) bucket.take()
  expect([bucket.available(), bucket.waitMs()]).toEqual([0, 300])
  pass(300)
  expect([bucket.available(), bucket.waitMs()]).toEqual([1, 0])
})

test('without a rate there is always one', () => {
  const { bucket } = open(undefined)
  for (let taken = 0; taken < 1_000; taken++) bucket.take()
  expect([bucket.available(), bucket.waitMs()]).toEqual([Infinity, 0])
})

test('however it is asked, it gives no more than its rate and what it holds, and one that waits is served', () => {
  assert(
    property(
      double({ min: 0.1, max: 10_000, noNaN: true }),
      array(integer({ min: 0, max: 300 }), { maxLength: 100 }),
      (perSecond, pauses) => {
        const { bucket, pass } = open(perSecond)
        let taken = 0
        let passed = 0
        for (const pause of pauses) {
          pass(pause)
          passed += pause
          for (let left = bucket.available(); left > 0; left--) {
            bucket.take()
            taken++
          }
          const waitMs = bucket.waitMs()
          pass(waitMs)
          passed += waitMs
          expect(bucket.available()).toBeGreaterThanOrEqual(1)
        }
        expect(taken).toBeLessThanOrEqual((passed * perSecond) / 1_000 + Math.max(1, perSecond / 10) + 1e-6)
      },
    ),
  )
})

test('of a rate that engines share each has its part, and keeps nothing of a part that it gave away', () => {
  let [now, share] = [0, 1]
  const bucket = createTokenBucket(
    100,
    () => now,
    () => share,
  )
  expect(bucket.available()).toBe(10)
  share = 0.5
  expect(bucket.available()).toBe(5)
  share = 0
  expect([bucket.available(), bucket.waitMs()]).toEqual([0, 1_000])
  now += 60_000
  expect(bucket.available()).toBe(0)
  share = 0.25
  expect([bucket.available(), bucket.waitMs()]).toEqual([0, 40])
  now += 40
  expect(bucket.available()).toBe(1)
})
