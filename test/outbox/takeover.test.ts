import { expect, test, vi } from 'vitest'

import { createHeartbeat } from '../../engine/outbox/heartbeat.ts'
import { createPlace, message, puppet, silent } from './open-outbox.ts'

async function dieWhileSending(place: Awaited<ReturnType<typeof createPlace>>, onUncertain: 'resend' | 'fail') {
  const carrier = puppet('main')
  carrier.answers.push(() => new Promise(() => {}))
  const asked = message({ onUncertain })
  const before = place.open({ carriers: [carrier] })
  await before.outbox.start()
  await before.outbox.accept(asked)
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  await before.crash()
  return asked
}

test('what a dead engine had claimed is uncertain, and is sent again after a pause', async () => {
  const place = await createPlace()
  const asked = await dieWhileSending(place, 'resend')
  const carrier = puppet('main')
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()

  expect(await outbox.get(asked.id)).toMatchObject({ state: 'queued', attempts: 1 })
  expect(carrier.submissions).toEqual([])
  place.clock.advance(1_000)
  carrier.setRoom(100)
  const done = await until(asked.id, 'sent')
  expect(done.timeline.map(({ state }) => state)).toEqual(['queued', 'uncertain', 'queued', 'sent'])
})

test('what a dead engine had claimed fails when it must not go out twice', async () => {
  const place = await createPlace()
  const asked = await dieWhileSending(place, 'fail')
  const carrier = puppet('main')
  const { outbox, changes } = place.open({ carriers: [carrier] })
  await outbox.start()

  expect((await outbox.get(asked.id))?.timeline.map(({ state }) => state)).toEqual(['queued', 'uncertain', 'failed'])
  expect(changes).toMatchObject([{ id: asked.id, state: 'failed' }])
  expect(carrier.submissions).toEqual([])
})

test('a submit that outlives a graceful stop is uncertain at the next start', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(() => new Promise(() => {}))
  const before = place.open({ carriers: [carrier], settings: { stopWithinMs: 10 } })
  await before.outbox.start()
  const asked = message({ onUncertain: 'fail' })
  await before.outbox.accept(asked)
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  await before.close()

  const { outbox } = place.open({ carriers: [puppet('main')] })
  await outbox.start()
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'failed' })
})

test('what waited for a carrier that is gone moves to one that is there', async () => {
  const place = await createPlace()
  const free = message()
  const paused = message()
  const bound = message({ carrier: 'old' })
  const old = puppet('old')
  old.answers.push(async () => ({ accepted: false, verdict: 'later', error: 'throttled' }))
  const before = place.open({ carriers: [old] })
  await before.outbox.start()
  await before.outbox.accept(paused)
  await vi.waitFor(async () => expect(await before.outbox.get(paused.id)).toMatchObject({ attempts: 1 }))
  old.setRoom(0)
  await before.outbox.accept(free)
  await before.outbox.accept(bound)
  await before.close()

  const carrier = puppet('new')
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  expect(await until(free.id, 'sent')).toMatchObject({ carrier: 'new' })
  expect(await until(paused.id, 'sent')).toMatchObject({ carrier: 'new' })
  expect(await until(bound.id, 'failed')).toMatchObject({ error: 'no carrier old any more' })
})

test('an engine that may be taken for dead submits nothing until it has beaten again', async () => {
  const place = await createPlace()
  const { storage } = place.open({ carriers: [] })
  let now = 0
  let revived = 0
  const heartbeat = createHeartbeat({
    storage,
    engine: 'engine_a',
    log: silent,
    everyMs: 1_000,
    deadAfterMs: 5_000,
    monotonic: () => now,
  })
  heartbeat.onRevived(() => revived++)
  expect(heartbeat.alive()).toBe(false)
  await heartbeat.start()
  expect(heartbeat.alive()).toBe(true)
  expect(await storage.entries.get('engines', 'engine_a')).toMatchObject({ value: '1' })

  now += 3_999
  expect(heartbeat.alive()).toBe(true)
  now += 1
  expect(heartbeat.alive()).toBe(false)
  await vi.waitFor(() => expect(heartbeat.alive()).toBe(true), { timeout: 5_000 })
  expect(revived).toBe(2)

  await heartbeat.stop()
  expect(heartbeat.alive()).toBe(false)
  expect(await storage.entries.get('engines', 'engine_a')).toBeUndefined()
})

test('an id that a carrier gives out again at once leads to its newest message, after a restart too', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  for (let n = 0; n < 2; n++) carrier.answers.push(async () => ({ accepted: true, carrierIds: ['7'] }))
  const before = place.open({ carriers: [carrier] })
  await before.outbox.start()
  const [one, two] = [message(), message()]
  await before.outbox.accept(one)
  await before.until(one.id, 'sent')
  await carrier.report('7', 'delivered')
  await before.outbox.accept(two)
  await before.until(two.id, 'sent')
  await before.close()

  const again = puppet('main')
  const after = place.open({ carriers: [again] })
  await after.outbox.start()
  await again.report('7', 'delivered')

  expect(await after.outbox.get(two.id)).toMatchObject({ state: 'delivered' })
})
