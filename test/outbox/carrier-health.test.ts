import { expect, test } from 'vitest'

import type { Refusal } from '../../engine/carriers/carrier.ts'
import { createCarrierHealth } from '../../engine/outbox/carrier-health.ts'
import { createClock } from './open-outbox.ts'

const throttled = { accepted: false, verdict: 'later', error: 'throttled', throttled: true } as const
const broken = { accepted: false, verdict: 'elsewhere', error: 'no connection', carrierAtFault: true } as const
const late = { accepted: false, verdict: 'later', error: 'not sent', unasked: true } as const
const bad = { accepted: false, verdict: 'final', error: 'bad text' } as const

function open(settings = {}) {
  const clock = createClock()
  const carrier = { ready: true }
  const health = createCarrierHealth(() => carrier.ready, clock, settings)
  // A submit and its end in one; some tests begin several first.
  const submit = {
    accepted: () => health.accepted(health.began()),
    refused: (refusal: Refusal) => health.refused(health.began(), refusal),
    uncertain: (isLost?: boolean) => health.uncertain(health.began(), isLost),
  }
  return { clock, carrier, health, submit }
}

test('five failures in a row close a carrier for five seconds, then one message finds out', () => {
  const { clock, health, submit } = open()
  for (let n = 0; n < 4; n++) submit.uncertain()
  expect(health.state()).toBe('up')
  submit.refused(broken)
  expect(health.state()).toBe('down')
  expect(health.allows()).toBe(0)
  expect(health.waitMs()).toBe(5_000)

  clock.advance(5_000)
  expect(health.state()).toBe('probing')
  expect(health.allows()).toBe(1)
  const probe = health.began()
  expect(health.allows()).toBe(0)
  health.accepted(probe)
  expect(health.state()).toBe('up')
})

test('a probe that fails doubles the time, up to a minute', () => {
  const { clock, health, submit } = open()
  for (let n = 0; n < 5; n++) submit.uncertain()
  const waits: Array<number | null> = []
  for (let n = 0; n < 5; n++) {
    waits.push(health.waitMs())
    clock.advance(health.waitMs()!)
    submit.uncertain()
  }
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000])
})

test('failures that are not in a row, and refusals of single messages, close nothing', () => {
  const { health, submit } = open()
  for (let n = 0; n < 20; n++) {
    submit.uncertain()
    if (n % 4 === 3) submit.refused(bad)
  }
  expect(health.state()).toBe('up')
})

test('all that fails with one connection is one failure', () => {
  const { clock, health, submit } = open({ togetherMs: 50 })
  for (let n = 0; n < 100; n++) submit.uncertain(true)
  for (let n = 0; n < 100; n++) submit.refused(broken)
  expect(health.failures()).toBe(1)
  clock.advance(60)
  submit.uncertain(true)
  expect(health.failures()).toBe(2)
})

test('submits that got no answer, each by itself, are as many failures', () => {
  const { health, submit } = open({ togetherMs: 50 })
  for (let n = 0; n < 5; n++) submit.uncertain()
  expect(health.state()).toBe('down')
})

test('a carrier that throttles pauses for a second, doubled each time until it takes something', () => {
  const { clock, health, submit } = open()
  submit.refused(throttled)
  // Those that were under way say the same.
  submit.refused(throttled)
  expect(health.state()).toBe('paused')
  expect(health.allows()).toBe(0)
  expect(health.waitMs()).toBe(1_000)
  expect(health.isUp()).toBe(true)

  clock.advance(1_000)
  expect(health.allows()).toBe(Infinity)
  for (let n = 0; n < 3; n++) {
    submit.refused(throttled)
    clock.advance(health.waitMs()!)
  }
  submit.refused(throttled)
  expect(health.waitMs()).toBe(16_000)
  expect(health.isUp()).toBe(false)
  clock.advance(16_000)
  submit.accepted()
  submit.refused(throttled)
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
  const { clock, health, submit } = open()
  for (const refusal of [broken, broken, broken, broken, broken, late]) {
    submit.refused(refusal)
  }
  expect([health.state(), health.failures()]).toEqual(['down', 5])
  clock.advance(5_000)
  submit.refused(late)
  expect([health.state(), health.isUp()]).toEqual(['probing', true])
})

test('of submits that began before the circuit opened, none that fails says anything new', () => {
  const { clock, health, submit } = open()
  const stragglers = Array.from({ length: 10 }, () => health.began())
  for (const one of stragglers.slice(0, 5)) health.uncertain(one)
  expect([health.state(), health.waitMs()]).toEqual(['down', 5_000])
  clock.advance(5_000)
  for (const one of stragglers.slice(5, 9)) health.refused(one, broken)
  // They are no probes, and the place of the probe is not theirs.
  expect([health.state(), health.isUp(), health.allows()]).toEqual(['probing', true, 1])

  const probe = health.began()
  health.uncertain(stragglers[9]!)
  expect([health.state(), health.allows()]).toEqual(['probing', 0])
  health.uncertain(probe)
  expect([health.state(), health.waitMs()]).toEqual(['down', 10_000])
  clock.advance(10_000)
  submit.accepted()
  expect(health.state()).toBe('up')
})

test('a carrier that probes is up for the one message that is to go there', () => {
  const { clock, health, submit } = open()
  for (let n = 0; n < 5; n++) submit.uncertain()
  clock.advance(5_000)
  expect(health.isUp()).toBe(true)
  health.chosen()
  expect([health.isUp(), health.allows(), health.isProbed()]).toEqual([false, 1, false])
  // It did not come.
  clock.advance(1_000)
  expect(health.isUp()).toBe(true)

  health.chosen()
  const probe = health.began()
  clock.advance(1_000)
  expect([health.isUp(), health.allows(), health.isProbed()]).toEqual([false, 0, true])
  health.refused(probe, late)
  expect([health.isUp(), health.allows(), health.isProbed()]).toEqual([true, 1, false])
})

test('a clock that is set back, or goes back and forth, keeps a carrier neither closed nor paused', () => {
  const { clock, health, submit } = open()
  submit.refused(throttled)
  clock.advance(-3_600_000)
  expect(health.waitMs()).toBeLessThanOrEqual(1_000)
  expect(health.pausedUntil()).toBeLessThanOrEqual(clock() + 1_000)
  clock.advance(1_000)
  expect(health.state()).toBe('up')

  for (let n = 0; n < 5; n++) submit.uncertain()
  clock.advance(-3_600_000)
  expect(health.state()).toBe('down')
  expect(health.waitMs()).toBeLessThanOrEqual(5_000)
  clock.advance(2_000)
  expect([health.lastedMs(), clock() - health.since()]).toEqual([expect.closeTo(2_000, -3), expect.closeTo(2_000, -3)])
  clock.advance(3_000)
  expect(health.state()).toBe('probing')
})

test('a carrier that cannot send here is as well as the engine says that can', () => {
  const clock = createClock()
  const carrier = { ready: true, elsewhere: true }
  const health = createCarrierHealth(
    () => carrier.ready,
    clock,
    {},
    () => carrier.elsewhere,
  )
  for (let n = 0; n < 5; n++) health.uncertain(health.began())
  expect([health.state(), health.isUp()]).toEqual(['down', false])
  carrier.ready = false
  expect([health.state(), health.isUp()]).toEqual(['up', true])
  carrier.elsewhere = false
  expect([health.state(), health.isUp()]).toEqual(['down', false])
})
