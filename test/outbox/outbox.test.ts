import { expect, test, vi } from 'vitest'

import { createPlace, loopback, message, puppet } from './open-outbox.ts'

test('a message is accepted, sent and delivered, and its text is forgotten', async () => {
  const place = await createPlace()
  const carrier = loopback('main', place.clock)
  const { outbox, storage, until, changes } = place.open({ carriers: [carrier] })
  await outbox.start()

  const asked = message({ text: 'Your code is 483920 €', ref: 'order', from: 'Shop' })
  expect(await outbox.accept(asked)).toEqual({ id: asked.id, segments: 1, encoding: 'gsm7' })

  const done = await until(asked.id, 'delivered')
  expect(done).toMatchObject({
    id: asked.id,
    script: 'otp',
    to: '+12015550123',
    from: 'Shop',
    ref: 'order',
    carrier: 'main',
    segments: 1,
    attempts: 1,
    error: null,
  })
  expect(done.timeline.map(entry => [entry.state, entry.carrier])).toEqual([
    ['queued', 'main'],
    ['sent', 'main'],
    ['delivered', 'main'],
  ])
  expect(carrier.messages()).toMatchObject([{ id: asked.id, text: asked.text, from: 'Shop' }])
  expect(changes).toEqual([done])

  const stored = await storage.work.get('messages', asked.id)
  expect(stored?.body).not.toContain('483920')
  expect(stored).toMatchObject({ dueAt: null, owner: null, expiresAt: place.clock() + 30 * 86_400_000 })
})

test('accepting the same id again is the same message', async () => {
  const place = await createPlace()
  const carrier = loopback('main', place.clock)
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()

  const asked = message()
  const answers = await Promise.all([outbox.accept(asked), outbox.accept(asked), outbox.accept(asked)])
  await until(asked.id, 'delivered')
  answers.push(await outbox.accept({ ...asked, text: 'я'.repeat(100) }))

  expect(answers).toEqual(Array.from({ length: 4 }, () => ({ id: asked.id, segments: 1, encoding: 'gsm7' })))
  expect(carrier.messages()).toHaveLength(1)
  expect(outbox.stats()).toMatchObject({ accepted: 1, submitted: 1 })
})

test('a number without a route is refused and nothing is stored', async () => {
  const place = await createPlace()
  const { outbox } = place.open({
    carriers: [loopback('main', place.clock)],
    routes: [{ prefix: '+1', carriers: ['main'] }],
  })
  await outbox.start()

  const abroad = message({ to: '+4915112345678' })
  await expect(outbox.accept(abroad)).rejects.toMatchObject({ code: 'unsupported_number' })
  await expect(outbox.accept(message({ carrier: 'other' }))).rejects.toMatchObject({ code: 'unsupported_number' })
  expect(await outbox.get(abroad.id)).toBeUndefined()
})

test('a message that was accepted once stays accepted when its route is gone', async () => {
  const place = await createPlace()
  const asked = message({ to: '+4915112345678' })
  const before = place.open({ carriers: [loopback('main', place.clock)] })
  await before.outbox.accept(asked)
  await before.close()

  const { outbox } = place.open({ carriers: [loopback('main', place.clock)], routes: [] })
  expect(await outbox.accept(asked)).toMatchObject({ id: asked.id })
})

test('a test number never reaches a carrier and is delivered at once', async () => {
  const place = await createPlace()
  const carrier = loopback('main', place.clock)
  const { outbox, changes } = place.open({ carriers: [carrier], testNumbers: { '+12015550199': '000000' }, routes: [] })
  await outbox.start()

  const asked = message({ to: '+12015550199' })
  await outbox.accept(asked)
  await outbox.accept(asked)

  expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered', carrier: 'test', attempts: 0 })
  expect(changes).toHaveLength(1)
  expect(carrier.messages()).toEqual([])
})

test('what was accepted survives a restart and is sent then', async () => {
  const place = await createPlace()
  const asked = [message(), message(), message()]
  const before = place.open({ carriers: [loopback('main', place.clock)] })
  await Promise.all(asked.map(one => before.outbox.accept(one)))
  await before.crash()

  const carrier = loopback('main', place.clock)
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  for (const { id } of asked) expect(await until(id, 'delivered')).toMatchObject({ attempts: 1 })
  expect(carrier.messages()).toHaveLength(3)
})

test('codes pass bulk messages that were there before', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const { outbox, until } = place.open({ carriers: [carrier] })
  const bulk = [message({ priority: 'bulk' }), message({ priority: 'bulk' })]
  for (const one of bulk) await outbox.accept(one)
  place.clock.advance(10)
  const code = message({ priority: 'otp' })
  await outbox.accept(code)
  carrier.setRoom(1)
  await outbox.start()

  await Promise.all([...bulk, code].map(({ id }) => until(id, 'sent')))
  expect(carrier.submissions.map(({ id }) => id)).toEqual([code.id, bulk[0]?.id, bulk[1]?.id])
})

test('no more is claimed than the carrier has room for', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.setRoom(0)
  const { outbox, storage, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = [message(), message(), message()]
  await Promise.all(asked.map(one => outbox.accept(one)))

  expect(await outbox.waiting()).toEqual({ main: 3 })
  expect(carrier.submissions).toEqual([])
  expect(await storage.work.orphans('messages', ['nobody'], 10)).toEqual([])

  carrier.setRoom(2)
  await Promise.all(asked.map(({ id }) => until(id, 'sent')))
  expect(await outbox.waiting()).toEqual({ main: 0 })
})

test('a carrier that is down gets nothing until it is up', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.setReady(false)
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'queued' })

  carrier.setReady(true)
  await until(asked.id, 'sent')
})

test('a text whose time has passed is never sent', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const { outbox, until, changes } = place.open({ carriers: [carrier] })
  const late = message({ validForMs: 60_000 })
  const good = message({ validForMs: 60_001 })
  await Promise.all([late, good].map(one => outbox.accept(one)))
  place.clock.advance(60_000)
  await outbox.start()

  expect(await until(late.id, 'expired')).toMatchObject({ attempts: 0, error: null })
  await until(good.id, 'sent')
  expect(carrier.submissions.map(({ id }) => id)).toEqual([good.id])
  expect(changes.map(({ state }) => state)).toEqual(['expired'])
})

test('messages are listed newest first by state, number, script and carrier', async () => {
  const place = await createPlace()
  const { outbox, until } = place.open({ carriers: [puppet('main'), puppet('backup')] })
  await outbox.start()
  const first = message({ to: '+12015550101', script: 'sms' })
  const second = message({ to: '+12015550102', carrier: 'backup' })
  const third = message({ to: '+12015550101' })
  for (const one of [first, second, third]) {
    await outbox.accept(one)
    await until(one.id, 'sent')
    place.clock.advance(1)
  }
  async function ids(filter: Parameters<typeof outbox.list>[0]) {
    return (await outbox.list(filter)).messages.map(({ id }) => id)
  }

  expect(await ids({ limit: 10 })).toEqual([third.id, second.id, first.id])
  expect(await ids({ limit: 10, number: '+12015550101' })).toEqual([third.id, first.id])
  expect(await ids({ limit: 10, script: 'sms' })).toEqual([first.id])
  expect(await ids({ limit: 10, carrier: 'backup' })).toEqual([second.id])
  expect(await ids({ limit: 10, state: 'queued' })).toEqual([])

  const page = await outbox.list({ limit: 2 })
  expect(page.messages).toHaveLength(2)
  expect(await ids({ limit: 2, cursor: page.next ?? '' })).toEqual([first.id])
})

test('a graceful stop claims nothing more and lets what is submitted settle', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.setRoom(1)
  const answer = Promise.withResolvers<void>()
  carrier.answers.push(async ({ id }) => {
    await answer.promise
    return { accepted: true, carrierIds: [id] }
  })
  const one = place.open({ carriers: [carrier], settings: { stopWithinMs: 20_000 } })
  await one.outbox.start()
  const asked = [message(), message()] as const
  await one.outbox.accept(asked[0])
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  carrier.setRoom(0)
  await one.outbox.accept(asked[1])

  const stopped = one.outbox.stop()
  carrier.setRoom(1)
  answer.resolve()
  await stopped

  expect(await one.outbox.get(asked[0].id)).toMatchObject({ state: 'sent' })
  expect(await one.outbox.get(asked[1].id)).toMatchObject({ state: 'queued', attempts: 0 })
  expect(await one.storage.work.orphans('messages', ['nobody'], 10)).toEqual([])
})

test('a burst is sent whole, with few commits', async () => {
  const place = await createPlace()
  const carrier = loopback('main', place.clock)
  const { outbox, commits } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = Array.from({ length: 1_000 }, () => message())
  await Promise.all(asked.map(one => outbox.accept(one)))
  await vi.waitFor(() => expect(outbox.stats().states.delivered).toBe(1_000), { timeout: 20_000 })

  expect(new Set(carrier.messages().map(({ id }) => id)).size).toBe(1_000)
  expect(outbox.stats()).toMatchObject({ submitted: 1_000, retried: 0, reports: 1_000, inFlight: 0 })
  expect(commits()).toBeLessThan(200)
})
