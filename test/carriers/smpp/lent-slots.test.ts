import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { startNpmSmsc } from './npm-smsc.ts'
import { openCarrier, submission } from './open-carrier.ts'

/** A carrier whose slots are as the test says. */
async function open(settings: Record<string, unknown>, answer?: Parameters<typeof startNpmSmsc>[0]) {
  const smsc = await startNpmSmsc(answer)
  const held = new Set<number>()
  const slots = { held: (slot: number) => held.has(slot), owner: () => 'eng_other' }
  const { carrier, told } = await openCarrier(smsc.port, settings, { bound: false, slots })
  return {
    smsc,
    carrier,
    told,
    held,
    async take(slot: number) {
      held.add(slot)
      carrier.slots!.open(slot)
      await until(() => carrier.slots!.ready(slot) || undefined)
    },
  }
}

test('what is lent is opened when it is ours, and is all that counts', async () => {
  const { smsc, carrier, take, told } = await open({ sessions: 4, window: 5, rate: 100 })
  expect(carrier.status()).toMatchObject({ window: 0, rate: 0 })
  expect([carrier.ready(), carrier.room(), smsc.binds.length]).toEqual([false, 0, 0])
  await take(2)
  expect(carrier.status()).toMatchObject({
    window: 5,
    rate: 25,
    sessions: [
      { state: 'transceiver elsewhere', detail: 'engine eng_other has it' },
      {},
      { state: 'transceiver bound' },
      {},
    ],
  })
  await until(() => carrier.room() > 0 || undefined)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  expect([smsc.binds.length, told.rooms > 0]).toEqual([1, true])
})

test('a slot that is not held any more takes nothing, however well it is bound', async () => {
  const { smsc, carrier, take, held } = await open({})
  await take(0)
  held.delete(0)
  expect([carrier.ready(), carrier.room(), carrier.room('otp')]).toEqual([false, 0, 0])
  expect(await carrier.submit(submission())).toMatchObject({ accepted: false, verdict: 'later' })
  expect(smsc.submits).toEqual([])
  held.add(0)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
})

test('a long message that has begun goes out whole before its last session is given away', async () => {
  const waiting: Array<() => void> = []
  const { smsc, carrier, take } = await open({ window: 1 }, (pdu, session, count) =>
    waiting.push(() => session.send(pdu.response({ message_id: `m${count}` }))),
  )
  await take(0)
  const result = carrier.submit(submission({ text: 'a'.repeat(400), segments: 3 }))
  await until(() => waiting.length === 1 || undefined)
  const closed = carrier.slots!.close(0, 5_000)
  expect([carrier.room(), carrier.room('otp')]).toEqual([0, 0])
  for (let part = 0; part < 3; part++) {
    await until(() => waiting.length > 0 || undefined)
    waiting.shift()!()
  }
  expect(await result).toEqual({ accepted: true, carrierIds: ['m1', 'm2', 'm3'] })
  await closed
  expect(smsc.bound.now).toBe(0)
  await take(0)
  expect(carrier.room()).toBe(1)
})

test('what waits inside when the sessions are lost goes back to the line, at nobody’s fault', async () => {
  const { carrier, take, held, told } = await open({ window: 1 }, () => undefined)
  await take(0)
  const sent = carrier.submit(submission()).catch((error: Error) => error)
  const waiting = carrier.submit(submission())
  held.clear()
  await carrier.slots!.close(0, 100)
  expect(await waiting).toMatchObject({ accepted: false, verdict: 'later', unasked: true })
  expect(await sent).toBeInstanceOf(Error)
  expect(told.troubles).toEqual([])
})

test('a session is gone in time although the network answers nothing', async () => {
  const { smsc, carrier, take } = await open({ unbindTimeoutMs: 5_000 }, () => undefined)
  await take(0)
  for (const session of smsc.sessions) session.on('unbind', () => undefined)
  const unanswered = carrier.submit(submission()).catch(() => 'lost')
  const began = performance.now()
  await carrier.slots!.close(0, 300)
  expect(performance.now() - began).toBeLessThan(600)
  expect(await unanswered).toBe('lost')
})
