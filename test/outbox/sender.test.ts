import { PassThrough } from 'node:stream'

import { pino } from 'pino'
import { expect, test, vi } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { createPlace, loopback, message, puppet } from './open-outbox.ts'

function states(of: { timeline: Array<{ state: string; carrier: string | null }> }) {
  return of.timeline.map(({ state, carrier }) => `${state} ${carrier}`)
}

test('"elsewhere" goes to the next carrier at once', async () => {
  const place = await createPlace()
  const main = loopback('main', place.clock, { failures: ['elsewhere'] })
  const backup = loopback('backup', place.clock)
  const { outbox, until } = place.open({ carriers: [main, backup] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)

  const done = await until(asked.id, 'delivered')
  expect(done).toMatchObject({ carrier: 'backup', attempts: 2, error: null })
  expect(states(done)).toEqual(['queued main', 'queued main', 'sent backup', 'delivered backup'])
  expect(done.timeline[1]?.detail).toBe('loopback: elsewhere')
  expect(main.messages()).toEqual([])
  expect(backup.messages()).toHaveLength(1)
})

test('a message that no carrier of its route takes has failed', async () => {
  const place = await createPlace()
  const carriers = ['a', 'b', 'c'].map(name => loopback(name, place.clock, { failures: ['elsewhere', 'elsewhere'] }))
  const { outbox, until, changes } = place.open({ carriers, routes: [{ prefix: '+1', carriers: ['b', 'a'] }] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)

  expect(await until(asked.id, 'failed')).toMatchObject({ carrier: 'a', attempts: 2, error: 'loopback: elsewhere' })
  expect(changes).toHaveLength(1)
})

test('a message that names its carrier does not move to another', async () => {
  const place = await createPlace()
  const main = loopback('main', place.clock, { failures: ['elsewhere'] })
  const { outbox, until } = place.open({ carriers: [main, loopback('backup', place.clock)] })
  await outbox.start()
  const asked = message({ carrier: 'main' })
  await outbox.accept(asked)

  expect(await until(asked.id, 'failed')).toMatchObject({ carrier: 'main', attempts: 1 })
})

test('"final" is rejected where the number is at fault, else failed', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(
    async () => ({ accepted: false, verdict: 'final', error: 'no such number', numberAtFault: true }),
    async () => ({ accepted: false, verdict: 'final', error: 'spam' }),
  )
  const { outbox, until, storage } = place.open({ carriers: [carrier, puppet('backup')] })
  await outbox.start()
  const number = message()
  await outbox.accept(number)
  expect(await until(number.id, 'rejected')).toMatchObject({ error: 'no such number', carrier: 'main' })
  const spam = message()
  await outbox.accept(spam)
  expect(await until(spam.id, 'failed')).toMatchObject({ error: 'spam', carrier: 'main' })
  expect((await storage.work.get('messages', spam.id))?.body).not.toContain('483920')
})

test('"later" pauses, longer each time, and stays with the carrier', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const busy = async () => ({ accepted: false, verdict: 'later', error: 'throttled' }) as const
  carrier.answers.push(busy, busy, busy)
  const { outbox, until, storage } = place.open({ carriers: [carrier, puppet('backup')] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)

  const pauses: number[] = []
  for (let submits = 1; submits <= 3; submits++) {
    const item = await vi.waitFor(async () => {
      const item = await storage.work.get('messages', asked.id)
      expect(carrier.submissions).toHaveLength(submits)
      expect(item).toMatchObject({ state: 'queued', owner: null, lane: 'main' })
      expect(item?.dueAt).toBeGreaterThan(place.clock())
      return item
    })
    pauses.push((item?.dueAt ?? 0) - place.clock())
    place.clock.advance(pauses.at(-1) ?? 0)
    carrier.setRoom(100)
  }
  // The jitter of this test is 0, which is half of the pause.
  expect(pauses).toEqual([500, 1_000, 2_000])
  expect(await until(asked.id, 'sent')).toMatchObject({ carrier: 'main', attempts: 4 })
})

test('a paused message wakes by itself', async () => {
  const place = await createPlace()
  const carrier = loopback('main', place.clock, { failures: ['later', 'later'] })
  const settings = { firstPauseMs: 2, longestPauseMs: 2 }
  const { outbox, until } = place.open({ carriers: [carrier], settings, clock: Date.now })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  expect(await until(asked.id, 'delivered')).toMatchObject({ attempts: 3 })
})

test('a pause ends with the message: it expires and is not submitted again', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async () => ({ accepted: false, verdict: 'later', error: 'throttled' }))
  const { outbox, until, storage } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message({ validForMs: 200 })
  await outbox.accept(asked)
  await vi.waitFor(async () =>
    expect(await storage.work.get('messages', asked.id)).toMatchObject({ owner: null, dueAt: place.clock() + 200 }),
  )
  place.clock.advance(200)
  carrier.setRoom(100)

  expect(await until(asked.id, 'expired')).toMatchObject({ attempts: 1, error: 'throttled' })
  expect(carrier.submissions).toHaveLength(1)
})

test('a submit of unknown outcome is repeated after a pause, when the message allows it', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async () => {
    throw new Error('connection lost')
  })
  const { outbox, until, storage } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message({ onUncertain: 'resend' })
  await outbox.accept(asked)
  await vi.waitFor(async () =>
    expect(await storage.work.get('messages', asked.id)).toMatchObject({ owner: null, dueAt: place.clock() + 500 }),
  )
  place.clock.advance(500)
  carrier.setRoom(100)

  const done = await until(asked.id, 'sent')
  expect(states(done)).toEqual(['queued main', 'uncertain main', 'queued main', 'sent main'])
  expect(done.timeline[1]?.detail).toBe('connection lost')
  expect(carrier.submissions).toHaveLength(2)
})

test('a submit of unknown outcome fails a message that must not go out twice', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async () => {
    throw new Error('connection lost')
  })
  const { outbox, until } = place.open({ carriers: [carrier, puppet('backup')] })
  await outbox.start()
  const asked = message({ onUncertain: 'fail' })
  await outbox.accept(asked)

  const done = await until(asked.id, 'failed')
  expect(states(done)).toEqual(['queued main', 'uncertain main', 'failed main'])
  expect(carrier.submissions).toHaveLength(1)
})

test('while the storage cannot settle, nothing is submitted again', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  let refusals = 3
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    work: {
      ...storage.work,
      async settle(...given) {
        if (refusals-- > 0) throw new EngineError('storage_unavailable')
        return storage.work.settle(...given)
      },
    },
  })
  const { outbox, until } = place.open({ carriers: [carrier] }, wrap)
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)

  expect(await until(asked.id, 'sent')).toMatchObject({ attempts: 1 })
  expect(refusals).toBe(-1)
  expect(carrier.submissions).toHaveLength(1)
})

test('a settle whose answer was lost counts as written', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async () => ({ accepted: false, verdict: 'final', error: 'spam' }))
  let lost = false
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    work: {
      ...storage.work,
      async settle(...given) {
        const written = await storage.work.settle(...given)
        if (lost) return written
        lost = true
        throw new EngineError('storage_unavailable')
      },
    },
  })
  const { outbox, until, changes } = place.open({ carriers: [carrier] }, wrap)
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await until(asked.id, 'failed')
  await vi.waitFor(() => expect(changes).toHaveLength(1))
  expect(carrier.submissions).toHaveLength(1)
})

test('each attempt is one log line, without text and whole number', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async ({ to, text }) => ({
    accepted: false,
    verdict: 'elsewhere',
    error: `error 21211 for ${to} and ${to.slice(2)}: ${text}`,
  }))
  const lines: string[] = []
  const stream = new PassThrough().on('data', chunk => lines.push(String(chunk)))
  const log = Object.assign(pino({ level: 'info' }, stream), { flush() {} })
  const { outbox, until } = place.open({ carriers: [carrier, puppet('backup')], log })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  const done = await until(asked.id, 'sent')

  expect(done.timeline[1]?.detail).toBe('error 21211 for +1201*****23 and **********: Your code is ******')
  const attempts = lines.map(line => JSON.parse(line)).filter(line => line.msg === 'delivery attempt')
  expect(attempts).toMatchObject([
    { message: asked.id, carrier: 'main', to: '+1201*****23', state: 'queued', attempt: 1 },
    { message: asked.id, carrier: 'backup', to: '+1201*****23', state: 'sent', attempt: 2 },
  ])
  expect(lines.join('')).not.toMatch(/483920|2015550123/)
})
