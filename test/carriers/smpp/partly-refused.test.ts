import { expect, test } from 'vitest'

import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { UncertainError } from '../../../engine/carriers/uncertain-error.ts'
import { createPlace, message } from '../../outbox/open-outbox.ts'
import { createCarrier, openCarrier, submission } from './open-carrier.ts'
import { startRawSmsc, type RawPeer } from './raw-smsc.ts'

const isSubmit = ({ command }: Pdu) => command === 'submit_sm'
const partOf = (pdu: Pdu) => pdu.fields.shortMessage?.[5]
const threeParts = () => submission({ text: 'a'.repeat(400), segments: 3 })

/** Answers submits with these statuses, one used up per submit; then as it should. */
function refusing(statuses: number[]) {
  return ({ command, sequence }: Pdu, peer: RawPeer) => {
    const status = command === 'submit_sm' ? statuses.shift() : undefined
    if (status === undefined || status === 0) return false
    peer.send('submit_sm_resp', sequence, { status })
    return true
  }
}

test('a message whose first parts are all throttled is refused so', async () => {
  const smsc = await startRawSmsc({ on: refusing([0x58, 0x58, 0x58]) })
  const { carrier } = await openCarrier(smsc.port)
  expect(await carrier.submit(threeParts())).toMatchObject({ verdict: 'later', throttled: true })
  expect(await smsc.peers[0]!.saw('submit_sm')).toHaveLength(3)
})

test('a part that found no room is sent again alone when others were taken', async () => {
  const smsc = await startRawSmsc({ on: refusing([0, 0x58, 0, 0x14, 0x58]) })
  const { carrier } = await openCarrier(smsc.port)
  const result = await carrier.submit(threeParts())
  const sent = await smsc.peers[0]!.saw('submit_sm', 6)
  expect(sent.map(partOf)).toEqual([1, 2, 3, 2, 2, 2])
  const idOf = (place: number) => `id${sent[place]!.sequence}`
  expect(result).toEqual({ accepted: true, carrierIds: [idOf(0), idOf(5), idOf(2)] })
})

test('after three such tries nobody knows what the phone shows', async () => {
  const smsc = await startRawSmsc({ on: refusing([0, 0x14, 0, 0x64, 0x14, 0x14]) })
  const { carrier } = await openCarrier(smsc.port)
  const error = await carrier.submit(threeParts()).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(UncertainError)
  expect(error).toMatchObject({
    message: '2 of 3 parts were taken, then 0x14 ESME_RMSGQFUL',
    connectionLost: false,
    refusal: { verdict: 'later', error: '0x14 ESME_RMSGQFUL' },
  })
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(6)
})

test('a part is not tried again when the time of its message is over', async () => {
  let now = Date.now()
  const refuse = refusing([0, 0x58])
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (isSubmit(pdu)) now += 10_000
      return refuse(pdu, peer)
    },
  })
  const { carrier } = await openCarrier(smsc.port, {}, { clock: () => now })
  const message = { ...threeParts(), expiresAt: now + 25_000 }
  await expect(carrier.submit(message)).rejects.toThrow('2 of 3 parts were taken, then 0x58 ESME_RTHROTTLED')
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(3)
})

test('a part is not tried again by an engine whose messages others may have taken over', async () => {
  let alive = true
  const refuse = refusing([0, 0x58])
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (isSubmit(pdu)) alive = false
      return refuse(pdu, peer)
    },
  })
  const { carrier } = await openCarrier(smsc.port, {}, { alive: () => alive })
  await expect(carrier.submit(threeParts())).rejects.toThrow('2 of 3 parts were taken, then 0x58 ESME_RTHROTTLED')
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(3)
})

test('what still waits for a place when its time is over is not sent', async () => {
  let now = Date.now()
  const smsc = await startRawSmsc({
    on(pdu) {
      if (isSubmit(pdu)) now += 10_000
    },
  })
  const { carrier } = await openCarrier(smsc.port, { window: 1 }, { clock: () => now })
  const late = { accepted: false, verdict: 'later', unasked: true, error: expect.stringMatching(/its time was over/) }
  const results = [
    carrier.submit({ ...submission(), expiresAt: now + 60_000 }),
    carrier.submit({ ...submission(), expiresAt: now + 5_000 }),
    carrier.submit({ ...threeParts(), expiresAt: now + 15_000 }).catch((error: Error) => error.message),
  ]
  const partly = expect.stringMatching(/^1 of 3 parts were taken, then not sent: its time was over/)
  const [whole, single, long] = await Promise.all(results)
  expect([whole, long]).toMatchObject([{ accepted: true }, partly])
  // Not the carrier's fault, nor its answer.
  expect(single).toEqual(late)
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(2)
})

test('a part that is refused for good after others were taken is not tried again, and leaves the message uncertain', async () => {
  const smsc = await startRawSmsc({ on: refusing([0, 0x45]) })
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  await expect(carrier.submit(threeParts())).rejects.toThrow('1 of 3 parts were taken, then 0x45 ESME_RSUBMITFAIL')
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(3)
})

test('a stop between the tries leaves the message uncertain', async () => {
  const smsc = await startRawSmsc({ on: refusing([0, 0x14]) })
  const { carrier } = await openCarrier(smsc.port, { partRetryMs: 60_000, drainTimeoutMs: 10_000 })
  const error = carrier.submit(threeParts()).catch((cause: Error) => cause.message)
  await smsc.peers[0]!.saw('submit_sm', 3)
  await carrier.stop()
  expect(await error).toBe('2 of 3 parts were taken, then 0x14 ESME_RMSGQFUL')
})

test('a number at fault refuses the message, whatever was taken, and what still waits is not sent', async () => {
  const smsc = await startRawSmsc({ on: refusing([0, 0x0b]) })
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  expect(await carrier.submit(threeParts())).toMatchObject({ verdict: 'final', numberAtFault: true })
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  expect(smsc.peers[0]!.pdus.filter(isSubmit)).toHaveLength(3)
})

test('a message that is sent again has the reference that it had', async () => {
  const smsc = await startRawSmsc()
  const { carrier } = await openCarrier(smsc.port)
  const message = threeParts()
  await carrier.submit(message)
  await carrier.submit(message)
  const references = (await smsc.peers[0]!.saw('submit_sm', 6)).map(({ fields }) => fields.shortMessage?.[3])
  expect(new Set(references).size).toBe(1)
})

test('parts that had not left when the last connection broke are given back', async () => {
  const smsc = await startRawSmsc({ on: (pdu, peer) => isSubmit(pdu) && peer.socket.destroy() !== undefined })
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  const first = carrier.submit(submission()).catch((error: Error) => error.message)
  const second = carrier.submit(submission())
  expect(await first).toMatch(/^connection lost: /)
  const error = 'not sent: no bind is up'
  expect(await second).toEqual({ accepted: false, verdict: 'later', error, carrierAtFault: true })
})

/** Sends long messages over this carrier, of each of which the network takes one part and refuses the next with `status`. */
async function sendPartly(status: number, count: number) {
  const smsc = await startRawSmsc({ on: refusing(Array.from({ length: count }, () => [0, status]).flat()) })
  const place = await createPlace()
  const carrier = createCarrier({ url: `smpp://user:secret@127.0.0.1:${smsc.port}`, window: 1 }, place.clock)
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  for (let n = 0; n < count; n++) {
    const asked = message({ text: 'a'.repeat(200), onUncertain: 'fail' })
    await outbox.accept(asked)
    await until(asked.id, 'failed')
    // Failures of one moment are one.
    place.clock.advance(1_000)
  }
  return { outbox, until }
}

test('a network that takes messages in part, and refuses the rest for what they are, is up', async () => {
  const { outbox, until } = await sendPartly(0x45, 6)
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'up', failures: 0, uncertain: 6 })
  const next = message()
  await outbox.accept(next)
  await until(next.id, 'sent')
})

test('one that takes messages in part, and refuses the rest for a fault of its own, is down after five', async () => {
  const { outbox } = await sendPartly(0x04, 5)
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'down', failures: 5, uncertain: 5 })
})
