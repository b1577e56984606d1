import { expect, test, vi } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { createPlace, loopback, message, puppet } from './open-outbox.ts'

test('a report counts once and final stays final', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const { outbox, until, changes } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await until(asked.id, 'sent')

  await carrier.report(`main-${asked.id}`, 'delivered')
  await carrier.report(`main-${asked.id}`, 'delivered')
  await carrier.report(`main-${asked.id}`, 'failed', 'too late')

  expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered', error: null })
  expect(changes.map(({ state }) => state)).toEqual(['delivered'])
})

test.each(['undelivered', 'rejected', 'expired', 'failed'] as const)('a report may say %s', async state => {
  const place = await createPlace()
  const carrier = puppet('main')
  const { outbox, until, changes } = place.open({ carriers: [carrier, puppet('backup')] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await carrier.report(`main-${asked.id}`, state, 'absent subscriber')

  expect(await outbox.get(asked.id)).toMatchObject({ state, error: 'absent subscriber', carrier: 'main' })
  expect(changes).toMatchObject([{ id: asked.id, state }])
})

test('a report for no message, or from another carrier, changes nothing', async () => {
  const place = await createPlace()
  const carriers = [puppet('main'), puppet('backup')] as const
  const { outbox, until } = place.open({ carriers })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await until(asked.id, 'sent')

  await carriers[0].report('nobody', 'delivered')
  await carriers[1].report(`main-${asked.id}`, 'delivered')
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'sent' })
})

test('a report that is faster than the answer to its submit is kept for it', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const answer = Promise.withResolvers<void>()
  carrier.answers.push(async () => {
    await answer.promise
    return { accepted: true, carrierIds: ['early'] }
  })
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))

  const told = Promise.all([carrier.report('early', 'delivered'), carrier.report('early', 'delivered')])
  answer.resolve()
  await told
  const done = await until(asked.id, 'delivered')
  expect(done.timeline.map(({ state }) => state)).toEqual(['queued', 'sent', 'delivered'])
})

test('a report that comes while the submit is being settled waits for it', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const gate = Promise.withResolvers<void>()
  const settling = Promise.withResolvers<void>()
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    work: {
      ...storage.work,
      async settle(...given) {
        settling.resolve()
        await gate.promise
        return storage.work.settle(...given)
      },
    },
  })
  const { outbox } = place.open({ carriers: [carrier] }, wrap)
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await settling.promise

  const told = carrier.report(`main-${asked.id}`, 'delivered')
  gate.resolve()
  await told
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered' })
})

test('a report finds its message after a restart', async () => {
  const place = await createPlace()
  const asked = message()
  const before = place.open({ carriers: [puppet('main')] })
  await before.outbox.start()
  await before.outbox.accept(asked)
  await before.until(asked.id, 'sent')
  await before.close()

  const carrier = puppet('main')
  const { outbox } = place.open({ carriers: [carrier] })
  await outbox.start()
  await carrier.report(`main-${asked.id}`, 'delivered')
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered', carrier: 'main' })
})

test('an id that no network gives costs nothing, and holds nobody up', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  // What is under way might explain an id that nobody knows.
  carrier.answers.push(() => new Promise(() => {}))
  const { outbox } = place.open({ carriers: [carrier] })
  await outbox.start()
  await outbox.accept(message())
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))

  const began = performance.now()
  await carrier.report(':'.repeat(1_000_000), 'delivered')
  expect(performance.now() - began).toBeLessThan(1_000)
})

test('a report that could not be stored is refused, so that the network repeats it', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  let down = false
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    work: {
      ...storage.work,
      async settle(...given) {
        if (down) throw new EngineError('storage_unavailable')
        return storage.work.settle(...given)
      },
    },
  })
  const { outbox, until } = place.open({ carriers: [carrier] }, wrap)
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await until(asked.id, 'sent')

  down = true
  await expect(carrier.report(`main-${asked.id}`, 'delivered')).rejects.toMatchObject({ code: 'storage_unavailable' })
  down = false
  await carrier.report(`main-${asked.id}`, 'delivered')
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered' })
})

test('with failover an undelivered message gets one try by another carrier', async () => {
  const place = await createPlace()
  const carriers = ['a', 'b', 'c'].map(name => loopback(name, place.clock, { receipt: 'undelivered' }))
  const { outbox, until, changes } = place.open({ carriers })
  await outbox.start()
  const asked = message({ failover: true })
  await outbox.accept(asked)

  const done = await until(asked.id, 'undelivered')
  expect(done.timeline.map(({ state, carrier }) => `${state} ${carrier}`)).toEqual([
    'queued a',
    'sent a',
    'undelivered a',
    'queued b',
    'sent b',
    'undelivered b',
  ])
  expect(carriers.map(carrier => carrier.messages().length)).toEqual([1, 1, 0])
  expect(changes).toHaveLength(1)
})

test('without another carrier, or when its time has passed, failover changes nothing', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const backup = puppet('backup')
  const { outbox, until } = place.open({ carriers: [carrier, backup] })
  await outbox.start()
  const bound = message({ failover: true, carrier: 'main' })
  const late = message({ failover: true, validForMs: 1_000 })
  for (const one of [bound, late]) {
    await outbox.accept(one)
    await until(one.id, 'sent')
  }
  place.clock.advance(1_000)
  for (const { id } of [bound, late]) {
    await carrier.report(`main-${id}`, 'undelivered')
    expect(await outbox.get(id)).toMatchObject({ state: 'undelivered', carrier: 'main' })
  }
  expect(backup.submissions).toEqual([])
})
