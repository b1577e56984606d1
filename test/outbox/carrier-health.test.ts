import { expect, test } from 'vitest'

import { createCarrierHealth } from '../../engine/outbox/carrier-health.ts'
import { createClock } from './open-outbox.ts'

const throttled = { accepted: false, verdict: 'later', error: 'throttled', throttled: true } as const
const broken = { accepted: false, verdict: 'elsewhere', error: 'no connection', carrierAtFault: true } as const
const late = { accepted: false, verdict: 'later', error: 'not sent', unasked: true } as const
const bad = { accepted: false, verdict: 'final', error: 'bad text' } as const

function open(settings = {}) {
  const clock = createClock()
  const carrier = { ready: true }
  return { clock, carrier, health: createCarrierHealth(() => carrier.ready, clock, settings) }
}

test('five failures in a row close a carrier for five seconds, then one message finds out', () => {
  const { clock, health } = open()
  for (let n = 0; n < 4; n++) health.uncertain()
  expect(health.state()).toBe('up')
  health.refused(broken)
  expect(health.state()).toBe('down')
  expect(health.allows(0)).toBe(0)
  expect(health.waitMs()).toBe(5_000)

  clock.advance(5_000)
  expect(health.state()).toBe('probing')
  expect([health.allows(0), health.allows(1)]).toEqual([1, 0])
  health.accepted()
  expect(health.state()).toBe('up')
})

test('a probe that fails doubles the time, up to a minute', () => {
  const { clock, health } = open()
  for (let n = 0; n < 5; n++) health.uncertain()
  const waits: Array<number | null> = []
  for (let n = 0; n < 5; n++) {
    waits.push(health.waitMs())
    clock.advance(health.waitMs()!)
    health.uncertain()
  }
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000])
})

test('failures that are not in a row, and refusals of single messages, close nothing', () => {
  const { health } = open()
  for (let n = 0; n < 20; n++) {
    health.uncertain()
    if (n % 4 === 3) health.refused(bad)
  }
  expect(health.state()).toBe('up')
})

test('all that fails with one connection is one failure', () => {
  const { clock, health } = open({ togetherMs: 50 })
  for (let n = 0; n < 100; n++) health.uncertain(true)
  for (let n = 0; n < 100; n++) health.refused(broken)
  expect(health.failures()).toBe(1)
  clock.advance(60)
  health.uncertain(true)
  expect(health.failures()).toBe(2)
})

test('submits that got no answer, each by itself, are as many failures', () => {
  const { health } = open({ togetherMs: 50 })
  for (let n = 0; n < 5; n++) health.uncertain()
  expect(health.state()).toBe('down')
})

test('a carrier that throttles pauses for a second, doubled each time until it takes something', () => {
  const { clock, health } = open()
  health.refused(throttled)
  // Those that were under way say the same.
  health.refused(throttled)
  expect(health.state()).toBe('paused')
  expect(health.allows(0)).toBe(0)
  expect(health.waitMs()).toBe(1_000)
  expect(health.isUp()).toBe(true)

  clock.advance(1_000)
  expect(health.allows(7)).toBe(Infinity)
  for (let n = 0; n < 3; n++) {
    health.refused(throttled)
    clock.advance(health.waitMs()!)
  }
  health.refused(throttled)
  expect(health.waitMs()).toBe(16_000)
  expect(health.isUp()).toBe(false)
  clock.advance(16_000)
  health.accepted()
  health.refused(throttled)
  expect(health.waitMs()).toBe(1_000)
})

test('a carrier that says itself that it cannot send is down, and up when it says so', () => {
  const { carrier, clock, health } = open()
  expect(health.state()).toBe('up')
  clock.advance(10)
  carrier.ready = false
  expect(health.state()).toBe('down')
  expect(health.since()).toBe(clock())
  expect(health.waitMs()).toBeNull()
  carrier.ready = true
  expect(health.state()).toBe('up')
})

test('a message that came too late to be sent says nothing about its carrier', () => {
  const { clock, health } = open()
  for (const refusal of [broken, broken, broken, broken, broken, late]) {
    health.began()
    health.refused(refusal)
  }
  expect([health.state(), health.failures()]).toEqual(['down', 5])
  clock.advance(5_000)
  health.began()
  health.refused(late)
  expect([health.state(), health.isUp()]).toEqual(['probing', true])
})
