import { expect, test } from 'vitest'

import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { until } from '../../helpers.ts'
import { openCarrier, submission } from './open-carrier.ts'
import { startRawSmsc } from './raw-smsc.ts'

const isSubmit = ({ command }: Pdu) => command === 'submit_sm'

test('a refused bind is told, without the password, and tried again', async () => {
  const refusals = [0x0e, 0x0e]
  const smsc = await startRawSmsc({
    on({ sequence }, peer) {
      const status = refusals.shift()
      if (status !== undefined) peer.send('bind_transceiver_resp', sequence, { status })
      return status !== undefined
    },
  })
  const { carrier, told } = await openCarrier(smsc.port, {}, { bound: false })
  expect(carrier.ready()).toBe(false)
  expect(carrier.room()).toBe(0)
  expect(await carrier.submit(submission())).toEqual({ accepted: false, verdict: 'later', error: 'no bind is up' })
  await until(() => told.troubles.length > 0 || undefined)
  expect(carrier.status().sessions).toMatchObject([{ detail: 'bind refused: 0x0e ESME_RINVPASWD' }])
  const before = told.rooms
  await until(() => carrier.ready() || undefined)
  expect(told.rooms).toBeGreaterThan(before)
  expect(told.troubles).toEqual(Array.from({ length: 2 }, () => 'bind refused: 0x0e ESME_RINVPASWD'))
  expect(JSON.stringify([told, carrier.status()])).not.toContain('secret')
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
})

test('nobody listens: told, and tried again', async () => {
  const { carrier, told } = await openCarrier(1, {}, { bound: false })
  await until(() => told.troubles.length > 1 || undefined)
  expect(told.troubles[0]).toBe('connection lost: ECONNREFUSED')
  expect(carrier.ready()).toBe(false)
})

test('a connection that breaks mid-window makes each submit in flight uncertain, and the next ones go over a new one', async () => {
  const smsc = await startRawSmsc({ on: (pdu, peer) => isSubmit(pdu) && peer === smsc.peers[0] })
  const { carrier, told } = await openCarrier(smsc.port, { window: 20 })
  const results = Array.from({ length: 20 }, () => carrier.submit(submission()))
  await smsc.peers[0]!.saw('submit_sm', 20)
  const settled = Promise.allSettled(results)
  smsc.peers[0]!.socket.destroy()
  for (const result of await settled) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/^connection lost: /), connectionLost: true },
    })
  }
  await until(() => carrier.ready() || undefined)
  expect(told.troubles).toHaveLength(1)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
})

test('one session that dies leaves the others at work', async () => {
  const smsc = await startRawSmsc()
  const { carrier } = await openCarrier(smsc.port, { sessions: 2, reconnectMs: 60_000 })
  await until(() => carrier.room() === 20 || undefined)
  smsc.peers[0]!.socket.destroy()
  await until(() => carrier.room() === 10 || undefined)
  expect(carrier.ready()).toBe(true)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  expect(
    carrier
      .status()
      .sessions?.map(({ state }) => state)
      .toSorted(),
  ).toEqual(['transceiver bound', 'transceiver waiting'])
})

test('garbage ends the connection; the next one is used', async () => {
  const smsc = await startRawSmsc()
  const { carrier, told } = await openCarrier(smsc.port)
  smsc.peers[0]!.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  await until(() => told.troubles.length > 0 || undefined)
  expect(told.troubles).toEqual(['a PDU of impossible length'])
  await until(() => carrier.ready() || undefined)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
})

test('a submit that is never answered is uncertain; its answer, too late, is only counted', async () => {
  const smsc = await startRawSmsc({ on: isSubmit })
  const { carrier } = await openCarrier(smsc.port, { responseTimeoutMs: 20 })
  await expect(carrier.submit(submission())).rejects.toMatchObject({
    message: 'no answer in time',
    connectionLost: false,
  })
  const [sent] = await smsc.peers[0]!.saw('submit_sm')
  smsc.peers[0]!.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  await until(() => carrier.status().sessions?.[0]?.detail === 'answers that came too late: 1' || undefined)
  expect(carrier.room()).toBe(10)
})

test('the window of submits that were given up is told to be free', async () => {
  const smsc = await startRawSmsc({ on: isSubmit })
  const { carrier, told } = await openCarrier(smsc.port, { window: 2, responseTimeoutMs: 20 })
  const results = [carrier.submit(submission()), carrier.submit(submission())]
  expect(carrier.room()).toBe(0)
  const before = told.rooms
  await Promise.allSettled(results)
  await until(() => told.rooms > before || undefined)
  expect(carrier.room()).toBe(2)
})

test('parts that wait for a place go out when submits are given up', async () => {
  const smsc = await startRawSmsc({ on: ({ command }, { pdus }) => command === 'submit_sm' && pdus.length === 2 })
  const { carrier } = await openCarrier(smsc.port, { window: 1, responseTimeoutMs: 20 })
  const first = carrier.submit(submission()).catch((error: Error) => error.message)
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  expect(await first).toBe('no answer in time')
})

test('a submit that is answered by a generic_nack is refused', async () => {
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (isSubmit(pdu)) peer.send('generic_nack', pdu.sequence, { status: 0x03 })
      return isSubmit(pdu)
    },
  })
  const { carrier } = await openCarrier(smsc.port)
  expect(await carrier.submit(submission())).toMatchObject({ verdict: 'elsewhere', error: '0x03 ESME_RINVCMDID' })
})

test('a receipt may come before the answer to its submit', async () => {
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (!isSubmit(pdu)) return false
      const shortMessage = Buffer.from('id:0000012345 stat:DELIVRD err:000')
      peer.send('deliver_sm', 1, { fields: { esmClass: 4, sourceAddr: '12015550123', shortMessage } })
      return true
    },
  })
  const { carrier, told } = await openCarrier(smsc.port)
  const result = carrier.submit(submission())
  await until(() => told.reports.length === 1 || undefined)
  await smsc.peers[0]!.saw('deliver_sm_resp')
  const [sent] = await smsc.peers[0]!.saw('submit_sm')
  smsc.peers[0]!.send('submit_sm_resp', sent!.sequence, { fields: { messageId: '3039' } })
  expect(await result).toEqual({ accepted: true, carrierIds: ['3039'] })
  expect(told.reports[0]).toMatchObject({ state: 'delivered' })
  expect(told.reports[0]?.carrierIds).toContain('3039')
})

test('a receipt that could not be stored is to be repeated', async () => {
  let broken = true
  const smsc = await startRawSmsc()
  const report = async () => {
    if (broken) throw new Error('disk full')
  }
  const { told } = await openCarrier(smsc.port, {}, { report })
  const fields = { esmClass: 4, shortMessage: Buffer.from('id:1 stat:DELIVRD') }
  smsc.peers[0]!.send('deliver_sm', 1, { fields })
  expect(await smsc.peers[0]!.saw('deliver_sm_resp')).toMatchObject([{ status: 0x64 }])
  broken = false
  smsc.peers[0]!.send('deliver_sm', 2, { fields })
  expect(await smsc.peers[0]!.saw('deliver_sm_resp', 2)).toMatchObject([{}, { status: 0 }])
  expect(told.reports).toHaveLength(1)
})

test('receipts and SMS may come as data_sm', async () => {
  const smsc = await startRawSmsc()
  const { told } = await openCarrier(smsc.port)
  const tlvs = new Map([
    [0x001e, Buffer.from('abc\0')],
    [0x0427, Buffer.of(5)],
    [0x0423, Buffer.of(3, 0, 27)],
  ])
  smsc.peers[0]!.send('data_sm', 1, { fields: { esmClass: 4, sourceAddr: '1201' }, tlvs })
  smsc.peers[0]!.send('data_sm', 2, { fields: { sourceAddr: 'shop' }, tlvs: new Map([[0x0424, Buffer.from('hi')]]) })
  expect(await smsc.peers[0]!.saw('data_sm_resp', 2)).toMatchObject([{ status: 0 }, { status: 0 }])
  expect(told.reports).toEqual([
    {
      carrierIds: expect.arrayContaining(['abc']),
      state: 'undelivered',
      error: 'UNDELIV 27',
      to: ['1201'],
      sureId: 'abc',
    },
  ])
  expect(told.inbound).toMatchObject([{ from: 'shop', text: 'hi' }])
})

test('params of India go out as their TLVs, without a setting', async () => {
  const smsc = await startRawSmsc()
  const { carrier } = await openCarrier(smsc.port)
  await carrier.submit(submission({ params: { dltEntityId: '1101', dltTemplateId: { hex: '31003200' } } }))
  const [sent] = await smsc.peers[0]!.saw('submit_sm')
  expect([...sent!.tlvs]).toEqual([
    [0x1400, Buffer.from('1101')],
    [0x1401, Buffer.from([0x31, 0, 0x32, 0])],
  ])
})

test('a sender that is too long for the wire is no matter of the network', async () => {
  const smsc = await startRawSmsc()
  const { carrier } = await openCarrier(smsc.port)
  expect(await carrier.submit(submission({ from: 'x'.repeat(30) }))).toMatchObject({
    accepted: false,
    verdict: 'elsewhere',
  })
  expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
})

test('one time is all that a stop has for submits and deliveries', async () => {
  const smsc = await startRawSmsc({ on: isSubmit })
  const never = new Promise<void>(() => undefined)
  const { carrier } = await openCarrier(smsc.port, { drainTimeoutMs: 1_000 }, { report: () => never })
  void carrier.submit(submission()).catch(() => undefined)
  smsc.peers[0]!.send('deliver_sm', 1, { fields: { esmClass: 4, shortMessage: Buffer.from('id:1 stat:DELIVRD') } })
  await until(() => (carrier.status().inFlight === 1 ? true : undefined))
  const began = performance.now()
  await carrier.stop()
  expect(performance.now() - began).toBeLessThan(2_000)
  await smsc.peers[0]!.saw('unbind')
})

test('a stop lets what is under way end, takes nothing more and unbinds', async () => {
  const smsc = await startRawSmsc({ on: isSubmit })
  const { carrier } = await openCarrier(smsc.port, { drainTimeoutMs: 10_000 })
  const result = carrier.submit(submission())
  const [sent] = await smsc.peers[0]!.saw('submit_sm')
  const stopped = carrier.stop()
  expect(await carrier.submit(submission())).toMatchObject({ accepted: false, verdict: 'later' })
  smsc.peers[0]!.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  expect(await result).toMatchObject({ accepted: true })
  await stopped
  await smsc.peers[0]!.saw('unbind')
  expect([carrier.ready(), carrier.room()]).toEqual([false, 0])
  expect(smsc.peers).toHaveLength(1)
})
