// A carrier whose circuit was open is asked by one message, and nobody waits for that one.

import { expect, test, vi } from 'vitest'

import type { SubmitResult } from '../../engine/carriers/carrier.ts'
import { createPlace, message, puppet, type Place } from './open-outbox.ts'

const broken = async () => ({ accepted: false, verdict: 'later', error: 'HTTP 500', carrierAtFault: true }) as const

/** `main` has failed five times in a row; those five are with `backup`. */
async function openWithFailedMain(place: Place) {
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.answers.push(broken, broken, broken, broken, broken)
  const routes = [
    { prefix: '+1', carriers: ['main', 'backup'] },
    { prefix: '+44', carriers: ['main'] },
  ]
  const opened = place.open({ carriers: [main, backup], routes })
  await opened.outbox.start()
  for (let n = 0; n < 5; n++) {
    const asked = message()
    await opened.outbox.accept(asked)
    await opened.until(asked.id, 'sent')
  }
  expect((await opened.outbox.carriers())[0]).toMatchObject({ state: 'down' })
  return { main, backup, ...opened }
}

test('of a burst one message goes to a carrier that is probed, the others go to the next one at once', async () => {
  const place = await createPlace()
  const { main, outbox, until } = await openWithFailedMain(place)
  place.clock.advance(5_000)
  const probe = Promise.withResolvers<SubmitResult>()
  main.answers.push(() => probe.promise)
  const burst = Array.from({ length: 50 }, () => message())
  await Promise.all(burst.map(asked => outbox.accept(asked)))

  await vi.waitFor(() => expect(main.submissions).toHaveLength(6))
  const probing = main.submissions.at(-1)!.id
  for (const { id } of burst.filter(asked => asked.id !== probing)) {
    expect(await until(id, 'sent')).toMatchObject({ carrier: 'backup', attempts: 1 })
  }
  probe.resolve({ accepted: true, carrierIds: ['x'] })
  expect(await until(probing, 'sent')).toMatchObject({ carrier: 'main' })
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'up' })
})

test('of messages that move to a carrier which is probed, one goes there', async () => {
  const place = await createPlace()
  const { main, backup, outbox, until } = await openWithFailedMain(place)
  main.answers.push(() => new Promise(() => undefined))
  const answers = Array.from({ length: 5 }, () => Promise.withResolvers<SubmitResult>())
  backup.answers.push(
    ...answers.map(
      ({ promise }) =>
        () =>
          promise,
    ),
  )
  const asked = answers.map(() => message())
  await Promise.all(asked.map(one => outbox.accept(one)))
  await vi.waitFor(() => expect(backup.submissions).toHaveLength(10))
  // Refused while they could go back to the first one.
  place.clock.advance(5_000)
  for (const { resolve } of answers) resolve(await broken())

  await vi.waitFor(() => expect(main.submissions).toHaveLength(6))
  const lanes = await Promise.all(asked.map(async ({ id }) => (await outbox.get(id))!.carrier))
  expect(lanes.filter(lane => lane === 'main')).toHaveLength(1)
  expect(await until(main.submissions.at(-1)!.id, 'queued')).toMatchObject({ carrier: 'main' })
})

test('what waits behind a probe that hangs moves on without waiting for it', async () => {
  const place = await createPlace()
  const { main, backup, outbox, until } = await openWithFailedMain(place)
  backup.setReady(false)
  const waiting = Array.from({ length: 20 }, () => message())
  await Promise.all(waiting.map(asked => outbox.accept(asked)))
  main.answers.push(() => new Promise(() => undefined))
  place.clock.advance(5_000)
  main.setRoom(100)
  await vi.waitFor(() => expect(main.submissions).toHaveLength(6))

  // By the clock of this test no time passes.
  backup.setReady(true)
  for (const { id } of waiting.filter(asked => asked.id !== main.submissions.at(-1)!.id)) {
    expect(await until(id, 'sent')).toMatchObject({ carrier: 'backup' })
  }
})

const expiring = process.env.PATCHCORD_TEST_LONG === undefined ? 500 : 3_000

test(`a carrier that is back goes through ${expiring} messages whose time is over as if they were none`, async () => {
  const place = await createPlace()
  const { main, outbox, until } = await openWithFailedMain(place)
  const late = Array.from({ length: expiring }, () => message({ to: '+447400123456', validForMs: 4_000 }))
  await Promise.all(late.map(asked => outbox.accept(asked)))
  const fresh = message({ to: '+447400123456' })
  await outbox.accept(fresh)

  place.clock.advance(5_000)
  main.setRoom(100)
  expect(await until(fresh.id, 'sent')).toMatchObject({ carrier: 'main', attempts: 1 })
  await vi.waitFor(() => expect(outbox.stats().states.expired).toBe(expiring))
  expect(main.submissions).toHaveLength(6)
})

test('a probe that came too late is followed by the next message at once', async () => {
  const place = await createPlace()
  const { main, outbox, until } = await openWithFailedMain(place)
  const late = async () => ({ accepted: false, verdict: 'later', error: 'too late', unasked: true }) as const
  main.answers.push(late, late)
  const asked = Array.from({ length: 3 }, () => message({ to: '+447400123456' }))
  await Promise.all(asked.map(one => outbox.accept(one)))
  place.clock.advance(5_000)
  const began = performance.now()
  main.setRoom(100)
  await until(asked[2]!.id, 'sent')
  expect(performance.now() - began).toBeLessThan(900)
})
