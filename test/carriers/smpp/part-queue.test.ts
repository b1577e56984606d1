import { onTestFinished, expect, test } from 'vitest'

import { createBinds } from '../../../engine/carriers/smpp/binds.ts'
import { createPartQueue } from '../../../engine/carriers/smpp/part-queue.ts'
import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import type { SubmitPart } from '../../../engine/carriers/smpp/submit-fields.ts'
import { createTokenBucket, type TokenBucket } from '../../../engine/carriers/token-bucket.ts'
import { until } from '../../helpers.ts'
import { openCarrier, submission } from './open-carrier.ts'
import { startRawSmsc } from './raw-smsc.ts'
import { sessionSettings } from './session-settings.ts'

const isSubmit = ({ command }: Pdu) => command === 'submit_sm'
const part: SubmitPart = { fields: () => ({ destinationAddr: '1' }), tlvs: new Map() }

/** Over a real bind with a window of 10 whose submits are never answered. */
async function openQueue(bucket: TokenBucket) {
  const smsc = await startRawSmsc({ on: isSubmit })
  const settings = sessionSettings(smsc.port)
  const nothing = () => undefined
  const binds = createBinds(
    { bind: 'transceiver', sessions: 1, settings, clock: Date.now },
    { changed: nothing, room: nothing, trouble: nothing, unanswered: nothing, deliver: async () => {} },
  )
  let rooms = 0
  const queue = createPartQueue(
    binds,
    bucket,
    () => rooms++,
    () => 0,
  )
  binds.start()
  onTestFinished(async () => {
    queue.stop()
    await binds.stop(0)
  })
  await until(() => binds.ready() || undefined)
  const peer = await smsc.peer()
  return {
    queue,
    rooms: () => rooms,
    send: (priority: 'otp' | 'bulk' = 'bulk') => void queue.open(priority)(part, () => true),
    sent: (count: number) => peer.saw('submit_sm', count),
  }
}

test('room is told also when the token comes just after it was missed', async () => {
  // Made and taken at 0; whoever looks is told of none at 99 ms, and asks at 100 ms how long to wait.
  const times = [0, 0, 0, 99, 100]
  const { queue, send, rooms } = await openQueue(createTokenBucket(10, () => times.shift() ?? 1_000))
  send()
  expect(queue.room()).toBe(0)
  await until(() => rooms() > 0 || undefined)
  expect(queue.room()).toBe(1)
})

test('room is told also when what waited took the token that came first', async () => {
  const { queue, send, sent, rooms } = await openQueue(createTokenBucket(20))
  for (let count = 0; count < 4; count++) send()
  expect(queue.room()).toBe(0)
  await sent(4)
  await until(() => rooms() > 0 || undefined)
  expect(queue.room()).toBe(1)
})

test('a token that is months away is waited for in steps', async () => {
  const warnings: string[] = []
  const heed = ({ name }: Error) => void warnings.push(name)
  process.on('warning', heed)
  onTestFinished(() => void process.off('warning', heed))
  const { queue, send, sent } = await openQueue(createTokenBucket(1e-7))
  send()
  expect(queue.room()).toBe(0)
  send()
  await sent(1)
  // A timer that Node cannot hold warns, and rings at once.
  expect(warnings.filter(name => name === 'TimeoutOverflowWarning')).toEqual([])
})

test('codes have room while only bulk parts wait, as many as the window', async () => {
  const { queue, send } = await openQueue(createTokenBucket(undefined))
  for (let count = 0; count < 30; count++) send('bulk')
  expect([queue.room(), queue.room('otp')]).toEqual([0, 10])
  for (let count = 0; count < 10; count++) send('otp')
  expect(queue.room('otp')).toBe(0)
})

test('codes that fill the window leave no room for others', async () => {
  const { queue, send } = await openQueue(createTokenBucket(undefined))
  for (let count = 0; count < 10; count++) send('otp')
  expect([queue.room(), queue.room('otp')]).toEqual([0, 0])
})

test('without a token one code may wait for the next', async () => {
  const { queue, send, sent, rooms } = await openQueue(createTokenBucket(5))
  send('bulk')
  send('bulk')
  expect([queue.room(), queue.room('otp')]).toEqual([0, 1])
  send('otp')
  expect(queue.room('otp')).toBe(0)
  await sent(2)
  await until(() => rooms() > 0 || undefined)
  expect(queue.room('otp')).toBe(1)
})

test('without a bind there is no room for codes either', async () => {
  const { carrier } = await openCarrier(1, {}, { bound: false })
  expect(carrier.room('otp')).toBe(0)
})

test('a code goes before the remaining parts of a bulk message that has begun', async () => {
  const held: Array<() => void> = []
  const order: string[] = []
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (!isSubmit(pdu)) return false
      order.push(pdu.fields.destinationAddr!)
      held.push(() => peer.send('submit_sm_resp', pdu.sequence, { fields: { messageId: `m${pdu.sequence}` } }))
      return true
    },
  })
  const { carrier } = await openCarrier(smsc.port, { window: 2 })
  const bulk = carrier.submit(submission({ to: '+1001', priority: 'bulk', text: 'a'.repeat(700), segments: 5 }))
  await until(() => held.length === 2 || undefined)
  expect([carrier.room(), carrier.room('otp')]).toEqual([0, 2])
  const code = carrier.submit(submission({ to: '+1002' }))
  for (let answered = 0; answered < 6; answered++) {
    await until(() => held.length > 0 || undefined)
    held.shift()!()
  }
  expect(await Promise.all([bulk, code])).toMatchObject([{ accepted: true }, { accepted: true }])
  expect(order).toEqual(['1001', '1001', '1002', '1001', '1001', '1001'])
})

test('how long a part is valid is counted from when it goes out', async () => {
  let now = Date.now()
  const held: Array<() => void> = []
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (isSubmit(pdu)) held.push(() => peer.send('submit_sm_resp', pdu.sequence))
      return isSubmit(pdu)
    },
  })
  const { carrier } = await openCarrier(smsc.port, { window: 1 }, { clock: () => now })
  const text = 'a'.repeat(300)
  const result = carrier.submit(submission({ text, segments: 2, expiresAt: now + 600_000 }))
  await until(() => held.length === 1 || undefined)
  now += 60_000
  held.shift()!()
  await until(() => held.length === 1 || undefined)
  held.shift()!()
  await result
  const sent = await smsc.peers[0]!.saw('submit_sm', 2)
  expect(sent.map(({ fields }) => fields.validityPeriod)).toEqual(['000000001000000R', '000000000900000R'])
})
