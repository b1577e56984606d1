import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { startNpmSmsc } from './npm-smsc.ts'
import { openCarrier, submission } from './open-carrier.ts'

test('several sessions share the submits, and their windows are one room', async () => {
  const held: Array<() => void> = []
  const smsc = await startNpmSmsc((pdu, session) => held.push(() => session.send(pdu.response({ message_id: 'm' }))))
  const { carrier } = await openCarrier(smsc.port, { sessions: 3, window: 2 })
  await until(() => carrier.room() === 6 || undefined)
  const results = Array.from({ length: 6 }, () => carrier.submit(submission()))
  expect([carrier.room(), carrier.status().inFlight]).toEqual([0, 6])
  await until(() => held.length === 6 || undefined)
  expect(carrier.status()).toMatchObject({
    window: 6,
    rate: null,
    sessions: Array.from({ length: 3 }, () => ({ state: 'transceiver bound', inFlight: 2 })),
  })
  for (const answer of held) answer()
  expect(await Promise.all(results)).toMatchObject(Array.from({ length: 6 }, () => ({ accepted: true })))
  expect(carrier.room()).toBe(6)
})

test('a transmitter sends while its receiver takes what is delivered', async () => {
  const smsc = await startNpmSmsc()
  const { carrier, told } = await openCarrier(smsc.port, { bind: 'transmitter-receiver' })
  await until(() => smsc.binds.length === 2 || undefined)
  expect(smsc.binds.map(({ command }) => command).toSorted()).toEqual(['bind_receiver', 'bind_transmitter'])
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  for (const session of smsc.sessions) session.deliver_sm({ esm_class: 4, short_message: 'id:m1 stat:DELIVRD' })
  await until(() => told.reports.length > 0 || undefined)
  expect(carrier.status()).toMatchObject({ window: 10, sessions: [{ state: 'transmitter bound' }, {}] })
})

test('the rate holds what is sent back, parts of long messages too', async () => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port, { rate: 50 })
  expect(carrier.room()).toBe(5)
  const began = performance.now()
  const result = await carrier.submit(submission({ text: 'a'.repeat(153 * 9), segments: 9 }))
  // Five at once, then one each 20 ms.
  expect(performance.now() - began).toBeGreaterThanOrEqual(75)
  expect(result).toMatchObject({ accepted: true })
})

test('when the rate is used up there is no room, until there is and it is told', async () => {
  const smsc = await startNpmSmsc()
  const { carrier, told } = await openCarrier(smsc.port, { rate: 2 })
  expect(carrier.room()).toBe(1)
  const result = carrier.submit(submission())
  expect(carrier.room()).toBe(0)
  const before = told.rooms
  expect(await result).toMatchObject({ accepted: true })
  await until(() => told.rooms > before || undefined)
  expect(carrier.room()).toBe(1)
})

test('room is told once when answers come together, and not while nobody asked', async () => {
  const held: Array<() => void> = []
  const smsc = await startNpmSmsc((pdu, session) => held.push(() => session.send(pdu.response({ message_id: 'm' }))))
  const { carrier, told } = await openCarrier(smsc.port, { window: 4 })
  const before = told.rooms
  const first = Array.from({ length: 3 }, () => carrier.submit(submission()))
  await until(() => held.length === 3 || undefined)
  for (const answer of held.splice(0)) answer()
  await Promise.all(first)
  expect(told.rooms).toBe(before)

  const second = Array.from({ length: 4 }, () => carrier.submit(submission()))
  expect(carrier.room()).toBe(0)
  await until(() => held.length === 4 || undefined)
  for (const answer of held.splice(0)) answer()
  await Promise.all(second)
  await until(() => told.rooms === before + 1 || undefined)
})

test('an otp waits for no bulk message that has not gone out', async () => {
  const order: string[] = []
  const held: Array<() => void> = []
  const smsc = await startNpmSmsc((pdu, session) => {
    order.push(String(pdu.destination_addr))
    held.push(() => session.send(pdu.response({ message_id: 'm' })))
  })
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  const results = [
    carrier.submit(submission({ to: '+1001', priority: 'bulk' })),
    carrier.submit(submission({ to: '+1002', priority: 'bulk' })),
    carrier.submit(submission({ to: '+1003', priority: 'otp' })),
  ]
  for (let count = 0; count < 3; count++) {
    await until(() => held.length > 0 || undefined)
    held.shift()!()
  }
  await Promise.all(results)
  expect(order).toEqual(['1001', '1003', '1002'])
})
