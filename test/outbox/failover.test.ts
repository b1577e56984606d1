// A carrier that is out of order costs a message little where its route names another one.

import { expect, onTestFinished, test, vi } from 'vitest'

import type { SubmitResult } from '../../engine/carriers/carrier.ts'
import { createPlace, message, puppet } from './open-outbox.ts'

const broken = async () =>
  ({ accepted: false, verdict: 'elsewhere', error: 'no connection', carrierAtFault: true }) as const
const throttled = async () => ({ accepted: false, verdict: 'later', error: 'slow down', throttled: true }) as const
const lost = async (): Promise<never> => {
  throw new Error('no answer')
}

test('a carrier that fails by itself is passed over at once, and burns no message', async () => {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.answers.push(broken)
  const { outbox, until } = place.open({ carriers: [main, backup] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)

  expect(await until(asked.id, 'sent')).toMatchObject({ carrier: 'backup', attempts: 2, error: null })
})

test('alone, it is asked again later, until the text is worth nothing', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.answers.push(broken, broken)
  const { outbox, until } = place.open({ carriers: [main], settings: { firstPauseMs: 10 } })
  await outbox.start()
  const asked = message({ validForMs: 60_000 })
  await outbox.accept(asked)
  await vi.waitFor(() => {
    place.clock.advance(20)
    expect(main.submissions.length).toBe(3)
  })
  expect(await until(asked.id, 'sent')).toMatchObject({ attempts: 3 })
})

test('a message whose fate nobody knows goes to the next carrier, if it may be sent twice', async () => {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.answers.push(lost, lost)
  const { outbox, until } = place.open({ carriers: [main, backup] })
  await outbox.start()
  const [twice, once] = [message(), message({ onUncertain: 'fail' })]
  await outbox.accept(twice)
  await outbox.accept(once)

  const sent = await until(twice.id, 'sent')
  expect(sent).toMatchObject({ carrier: 'backup' })
  expect(sent.timeline.map(({ state }) => state)).toEqual(['queued', 'uncertain', 'queued', 'sent'])
  expect(await until(once.id, 'failed')).toMatchObject({ carrier: 'main', error: 'no answer' })
})

test('where the script does not say, the carrier’s settings decide what uncertain means', async () => {
  const place = await createPlace()
  const main = puppet('main', 'fail')
  main.answers.push(lost)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  const asked = message({ onUncertain: undefined })
  await outbox.accept(asked)
  expect(await until(asked.id, 'failed')).toMatchObject({ error: 'no answer' })
})

test('a carrier that throttles gets nothing for a second, and the message that it refused goes first', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.setRoom(1)
  main.answers.push(throttled)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  const [first, second] = [message(), message()]
  await outbox.accept(first)
  await outbox.accept(second)
  await vi.waitFor(async () => expect((await outbox.carriers())[0]).toMatchObject({ state: 'paused', queue: 2 }))
  expect(main.submissions.map(({ id }) => id)).toEqual([first.id])

  place.clock.advance(1_000)
  main.setRoom(1)
  await until(second.id, 'sent')
  expect(main.submissions.map(({ id }) => id)).toEqual([first.id, first.id, second.id])
  expect(await outbox.get(first.id)).toMatchObject({ state: 'sent', attempts: 2 })
})

test('messages of a carrier that stays down move to one that is up; those without another wait', async () => {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.setReady(false)
  backup.setReady(false)
  const routes = [
    { prefix: '+1', carriers: ['main', 'backup'] },
    { prefix: '+44', carriers: ['main'] },
  ]
  const { outbox, until } = place.open({ carriers: [main, backup], routes })
  await outbox.start()
  const moving = Array.from({ length: 250 }, () => message())
  const waiting = message({ to: '+447400123456' })
  await Promise.all([...moving, waiting].map(asked => outbox.accept(asked)))
  expect((await outbox.carriers()).map(({ state, queue }) => [state, queue])).toEqual([
    ['down', 251],
    ['down', 0],
  ])

  backup.setReady(true)
  place.clock.advance(6_000)
  const last = await until(moving.at(-1)!.id, 'sent')
  for (const { id } of moving) expect(await until(id, 'sent')).toMatchObject({ carrier: 'backup', attempts: 1 })
  expect(last.timeline[1]).toMatchObject({ state: 'queued', carrier: 'backup', detail: 'main is down' })
  expect(await outbox.get(waiting.id)).toMatchObject({ state: 'queued', carrier: 'main' })

  main.setReady(true)
  await until(waiting.id, 'sent')
})

test('one that waits for a carrier which is down is shown as expired when its time is over', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.setReady(false)
  const { outbox } = place.open({ carriers: [main] })
  await outbox.start()
  const asked = message({ validForMs: 1_000 })
  await outbox.accept(asked)
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'queued' })
  place.clock.advance(1_000)
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'expired' })
  main.setReady(true)
  await vi.waitFor(async () => expect((await outbox.get(asked.id))?.timeline).toHaveLength(2))
  expect(main.submissions).toEqual([])
})

const broadcast = process.env.PATCHCORD_TEST_LONG === undefined ? 2_000 : 100_000

test(`a code overtakes a broadcast of ${broadcast} that is already accepted`, { timeout: 600_000 }, async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.setRoom(0)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  for (let n = 0; n < broadcast; n += 1_000) {
    const bulk = Array.from({ length: 1_000 }, () => message({ priority: 'bulk' }))
    await Promise.all(bulk.map(asked => outbox.accept(asked)))
  }
  const code = message()
  await outbox.accept(code)
  main.setRoom(10)
  await until(code.id, 'sent')
  expect(main.submissions.findIndex(({ id }) => id === code.id)).toBe(0)
})

test('each carrier is shown with what became of its submits', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.answers.push(async () => ({ accepted: false, verdict: 'final', error: 'spam' }), lost)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  const [bad, fate, good] = [message(), message({ onUncertain: 'fail' }), message()]
  for (const asked of [bad, fate, good]) await outbox.accept(asked)
  await until(bad.id, 'failed')
  await until(fate.id, 'failed')
  await until(good.id, 'sent')
  await main.report(`main-${good.id}`, 'delivered')
  await until(good.id, 'delivered')

  expect((await outbox.carriers())[0]).toMatchObject({
    name: 'main',
    state: 'up',
    submitted: 3,
    accepted: 1,
    refused: 1,
    uncertain: 1,
    states: { failed: 2, sent: 1, delivered: 1 },
    lastErrors: expect.arrayContaining([expect.objectContaining({ error: 'spam' })]),
    submitMs: { count: 3 },
    deliveredMs: { count: 1 },
  })
})

test('a carrier whose circuit was open is asked again, by one message, and takes its part again', async () => {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.answers.push(broken, broken, broken, broken, broken)
  const { outbox, until } = place.open({ carriers: [main, backup] })
  await outbox.start()
  const send = async (): Promise<string> => {
    const asked = message()
    await outbox.accept(asked)
    return (await until(asked.id, 'sent')).carrier
  }
  for (let n = 0; n < 5; n++) expect(await send()).toBe('backup')
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'down', failures: 5 })
  expect(await send()).toBe('backup')

  place.clock.advance(5_000)
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'probing' })
  expect(await send()).toBe('main')
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'up', failures: 0 })
})

test('one that expires behind a carrier which is down ends all the same', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.setReady(false)
  const { outbox, until, changes } = place.open({ carriers: [main] })
  await outbox.start()
  const asked = message({ validForMs: 1_000 })
  await outbox.accept(asked)
  // Its time is over, and the carrier has been down for long enough to look.
  await outbox.carriers()
  place.clock.advance(6_000)
  await vi.waitFor(() => expect(changes).toMatchObject([{ id: asked.id, state: 'expired' }]), { timeout: 10_000 })
  expect((await until(asked.id, 'expired')).timeline).toHaveLength(2)
  expect((await outbox.list({ state: 'expired', limit: 10 })).messages).toHaveLength(1)
})

test('a message whose fate is never known is not sent for ever', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.answers.push(...Array.from({ length: 20 }, () => lost))
  const { outbox, until } = place.open({ carriers: [main], settings: { firstPauseMs: 1, longestPauseMs: 1 } })
  await outbox.start()
  const asked = message({ validForMs: 86_400_000 })
  await outbox.accept(asked)
  // The circuit opens meanwhile, for up to a minute.
  const poke = setInterval(() => {
    place.clock.advance(60_000)
    main.setRoom(100)
  }, 5)
  onTestFinished(() => clearInterval(poke))
  expect(await until(asked.id, 'failed')).toMatchObject({ attempts: 8, error: 'no answer' })
})

test('a burst that is larger than the window is sent as fast as the window allows', async () => {
  const place = await createPlace()
  const main = puppet('main')
  const open = new Set<() => void>()
  const take = () =>
    new Promise<SubmitResult>(resolve => {
      const answer = (): void => {
        open.delete(answer)
        main.setRoom(4 - open.size)
        resolve({ accepted: true, carrierIds: [`x-${main.submissions.length}-${Math.random()}`] })
      }
      open.add(answer)
      main.setRoom(4 - open.size)
      setImmediate(answer)
    })
  main.answers.push(...Array.from({ length: 40 }, () => take))
  main.setRoom(4)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  const burst = Array.from({ length: 40 }, () => message())
  await Promise.all(burst.map(asked => outbox.accept(asked)))
  for (const { id } of burst) await until(id, 'sent')
})

test('a code goes before a broadcast whose parts wait inside the carrier', async () => {
  const place = await createPlace()
  const main = puppet('main')
  main.setRoom(0, 2)
  const { outbox, until } = place.open({ carriers: [main] })
  await outbox.start()
  const bulk = message({ priority: 'bulk' })
  await outbox.accept(bulk)
  const code = message()
  await outbox.accept(code)
  await until(code.id, 'sent')
  expect(await outbox.get(bulk.id)).toMatchObject({ state: 'queued' })
  main.setRoom(1)
  await until(bulk.id, 'sent')
})
