import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { startNpmSmsc, type NpmPdu } from './npm-smsc.ts'
import { openCarrier } from './open-carrier.ts'
import { startRawSmsc } from './raw-smsc.ts'

test('a receipt is reported with every spelling of its id, and acknowledged when it is stored', async () => {
  const smsc = await startNpmSmsc()
  const stored = Promise.withResolvers<void>()
  const { told } = await openCarrier(smsc.port, {}, { report: () => stored.promise })
  let acknowledged = false
  const answered = Promise.withResolvers<NpmPdu>()
  smsc.sessions[0]!.deliver_sm(
    {
      esm_class: 4,
      source_addr_ton: 1,
      source_addr: '12015550123',
      destination_addr: '12345',
      short_message: 'id:26 sub:001 dlvrd:000 submit date:2601010000 done date:2601010001 stat:UNDELIV err:011 text:',
    },
    pdu => {
      acknowledged = true
      answered.resolve(pdu)
    },
  )
  // A round trip of another PDU shows that the first was not answered yet.
  smsc.sessions[0]!.deliver_sm({ source_addr: '12015550123', destination_addr: '12345', short_message: 'hi' })
  await until(() => told.inbound.length === 1 || undefined)
  expect(acknowledged).toBe(false)
  stored.resolve()
  expect(await answered.promise).toMatchObject({ command: 'deliver_sm_resp', command_status: 0 })
  expect(told.reports).toEqual([
    { carrierIds: ['26', '1a', '38'], state: 'undelivered', error: 'UNDELIV 011', to: ['12015550123', '12345'] },
  ])
})

test.each([
  ['DELIVRD', '000', { state: 'delivered', error: null }],
  ['EXPIRED', '034', { state: 'expired', error: 'EXPIRED 034' }],
  ['DELETED', '000', { state: 'failed', error: 'DELETED' }],
  ['UNDELIV', '001', { state: 'rejected', error: 'UNDELIV 001' }],
  ['REJECTD', '0EB', { state: 'failed', error: 'REJECTD 0EB' }],
  ['REJECTD', '00c', { state: 'undelivered', error: 'REJECTD 00c' }],
  ['UNKNOWN', '000', { state: 'failed', error: 'UNKNOWN' }],
])('a receipt of %s with err %s is told as what it means', async (stat, err, report) => {
  const smsc = await startNpmSmsc()
  const { told } = await openCarrier(smsc.port, {
    messageIdFormat: 'same',
    receiptErrors: { '1': { state: 'rejected' }, C: { state: 'undelivered' } },
  })
  smsc.sessions[0]!.deliver_sm({ esm_class: 4, source_addr: '1', short_message: `id:a stat:${stat} err:${err}` })
  await until(() => told.reports.length === 1 || undefined)
  expect(told.reports).toEqual([{ carrierIds: ['a'], ...report }])
})

test('a receipt names its numbers only where one of several ids may be meant, and which of them needs none', async () => {
  const smsc = await startRawSmsc()
  const { told } = await openCarrier(smsc.port)
  const send = (sequence: number, text: string, tlvs = new Map<number, Buffer>()) =>
    smsc.peers[0]!.send('deliver_sm', sequence, {
      // As the submit had them: the centre did not swap them.
      fields: { esmClass: 4, sourceAddr: 'Shop', destinationAddr: '12015550123', shortMessage: Buffer.from(text) },
      tlvs,
    })
  send(1, 'id:msg-1 stat:DELIVRD')
  send(2, 'stat:DELIVRD', new Map([[0x001e, Buffer.from('26\0')]]))
  send(3, 'id:26 stat:DELIVRD')
  await smsc.peers[0]!.saw('deliver_sm_resp', 3)
  expect(told.reports.map(({ carrierIds, to, sureId }) => [carrierIds, to, sureId])).toEqual([
    [['msg-1'], undefined, undefined],
    [['26', '1a', '38'], ['12015550123'], '26'],
    [['26', '1a', '38'], ['12015550123'], undefined],
  ])
})

test('what says nothing final is acknowledged and goes no further', async () => {
  const smsc = await startNpmSmsc()
  const { told } = await openCarrier(smsc.port)
  const answers: number[] = []
  for (const [esmClass, text] of [
    [4, 'id:1 stat:ENROUTE err:000'],
    [4, 'id:1 stat:ACCEPTD err:000'],
    [0x20, 'id:1 stat:UNDELIV err:001'],
    [4, 'stat:DELIVRD'],
  ] as const) {
    smsc.sessions[0]!.deliver_sm({ esm_class: esmClass, short_message: text }, pdu => answers.push(pdu.command_status))
  }
  await until(() => answers.length === 4 || undefined)
  expect(answers).toEqual([0, 0, 0, 0])
  expect(told.reports).toEqual([])
})

test('an SMS from a phone is told with its numbers, its text and which part it is', async () => {
  const smsc = await startNpmSmsc()
  const { told } = await openCarrier(smsc.port)
  smsc.sessions[0]!.deliver_sm({
    source_addr_ton: 1,
    source_addr: '12015550123',
    destination_addr_ton: 0,
    destination_addr: '12345',
    esm_class: 0x40,
    data_coding: 8,
    short_message: { udh: Buffer.from([5, 0, 3, 42, 2, 1]), message: 'привет' },
  })
  await until(() => told.inbound.length === 1 || undefined)
  expect(told.inbound).toEqual([
    { from: '+12015550123', to: '12345', text: 'привет', part: { reference: 42, number: 1, total: 2 } },
  ])
})
