import { expect, test } from 'vitest'

import { startNpmSmsc, type NpmPdu } from './npm-smsc.ts'
import { openCarrier, submission } from './open-carrier.ts'

const textOf = (pdu: NpmPdu) => (pdu.short_message as { message: string | Buffer }).message
const headerOf = (pdu: NpmPdu) => [...(pdu.short_message as { udh: Buffer[] }).udh[0]!]

test('a message goes out with every field that the settings and the message ask for', async () => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port, { serviceType: 'OTP', from: '12345', priorityFlag: true })
  const expiresAt = Date.now() + 600_000
  const result = await carrier.submit(submission({ expiresAt, params: { dltEntityId: '1101', other: 7 } }))

  expect(result).toEqual({ accepted: true, carrierIds: ['m1'] })
  expect(smsc.binds).toMatchObject([
    { command: 'bind_transceiver', system_id: 'user', password: 'secret', interface_version: 0x34 },
  ])
  expect(smsc.submits[0]).toMatchObject({
    service_type: 'OTP',
    source_addr_ton: 3,
    source_addr_npi: 0,
    source_addr: '12345',
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: '12015550123',
    esm_class: 0,
    priority_flag: 1,
    registered_delivery: 1,
    data_coding: 0,
  })
  // It reads a relative time as the moment when that is over, whole seconds later than it was rounded down.
  const validUntil = smsc.submits[0]?.validity_period as Date
  expect(Math.abs(validUntil.getTime() - expiresAt)).toBeLessThan(5_000)
  expect(textOf(smsc.submits[0]!)).toBe('Your code is 123456')
})

test.each([
  ['PATCHCORD', 5, 0, 'PATCHCORD'],
  ['+15005550006', 1, 1, '15005550006'],
  ['15005550006', 1, 1, '15005550006'],
  ['729725', 3, 0, '729725'],
  [null, 0, 0, ''],
])('a sender %s has the type of number %i and the plan %i', async (from, ton, npi, addr) => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port)
  await carrier.submit(submission({ from }))
  expect(smsc.submits[0]).toMatchObject({ source_addr_ton: ton, source_addr_npi: npi, source_addr: addr })
})

test('a long message is one submit per part, each with a header and a receipt asked for', async () => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  const text = 'a'.repeat(400)
  const result = await carrier.submit(submission({ text, segments: 3 }))

  expect(result).toEqual({ accepted: true, carrierIds: ['m1', 'm2', 'm3'] })
  expect(smsc.submits.map(textOf).join('')).toBe(text)
  const reference = headerOf(smsc.submits[0]!)[2]
  expect(smsc.submits.map(headerOf)).toEqual([1, 2, 3].map(number => [0, 3, reference, 3, number]))
  expect(smsc.submits).toMatchObject(Array.from({ length: 3 }, () => ({ esm_class: 0x40, registered_delivery: 1 })))
})

test('the ids of a long message are told as the network gives them, one to several parts or none', async () => {
  const given = ['same', 'same', '']
  const smsc = await startNpmSmsc(
    (pdu, session, count) => void session.send(pdu.response({ message_id: given[count - 1] })),
  )
  const { carrier } = await openCarrier(smsc.port, { window: 1 })
  const result = await carrier.submit(submission({ text: 'a'.repeat(400), segments: 3 }))
  expect(result).toEqual({ accepted: true, carrierIds: ['same', 'same'] })
})

test('a text beyond the GSM alphabet goes as UCS-2', async () => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port)
  await carrier.submit(submission({ text: 'код 1 👍', encoding: 'ucs2' }))
  expect(smsc.submits[0]?.data_coding).toBe(8)
  expect(textOf(smsc.submits[0]!)).toBe('код 1 👍')
})

test('params go out as the TLVs that the settings name', async () => {
  const smsc = await startNpmSmsc()
  const { carrier } = await openCarrier(smsc.port, { paramTlvs: { note: '0x001d', reference: '0x0204' } })
  await carrier.submit(submission({ params: { note: 'hello', reference: { hex: '01ff' } } }))
  expect(smsc.submits[0]).toMatchObject({ user_message_reference: 0x01ff })
  expect(smsc.submits[0]?.additional_status_info_text).toContain('hello')
  expect(await carrier.submit(submission({ params: { note: { hex: 'xyz' } } }))).toMatchObject({
    accepted: false,
    verdict: 'elsewhere',
  })
})

test.each([
  ['ESME_RMSGQFUL', 0x14, { verdict: 'later', error: '0x14 ESME_RMSGQFUL' }],
  ['ESME_RTHROTTLED', 0x58, { verdict: 'later', error: '0x58 ESME_RTHROTTLED', throttled: true }],
  ['ESME_RX_T_APPN', 0x64, { verdict: 'later', error: '0x64 ESME_RX_T_APPN' }],
  ['ESME_RSYSERR', 0x08, { verdict: 'later', carrierAtFault: true, error: '0x08 ESME_RSYSERR' }],
  ['ESME_RSUBMITFAIL', 0x45, { verdict: 'elsewhere', error: '0x45 ESME_RSUBMITFAIL' }],
  ['ESME_RINVDSTADR', 0x0b, { verdict: 'final', error: '0x0b ESME_RINVDSTADR', numberAtFault: true }],
  ['ESME_RINVSRCADR', 0x0a, { verdict: 'elsewhere', error: '0x0a ESME_RINVSRCADR' }],
  ['a vendor’s own', 0x0412, { verdict: 'elsewhere', error: '0x0412 vendor' }],
])('%s refuses a message as the table says', async (_, status, refusal) => {
  const smsc = await startNpmSmsc((pdu, session) => void session.send(pdu.response({ command_status: status })))
  const { carrier } = await openCarrier(smsc.port)
  expect(await carrier.submit(submission())).toEqual({ accepted: false, ...refusal })
})

test('the settings may judge a status otherwise, by number or name', async () => {
  const smsc = await startNpmSmsc(
    (pdu, session, count) => void session.send(pdu.response({ command_status: [0x45, 0x0412, 0x58][count - 1] })),
  )
  const { carrier } = await openCarrier(smsc.port, {
    verdicts: {
      RSUBMITFAIL: { verdict: 'final', numberAtFault: true },
      '0x412': { verdict: 'later', throttled: true },
      '88': { verdict: 'elsewhere' },
    },
  })
  expect(await carrier.submit(submission())).toMatchObject({ verdict: 'final', numberAtFault: true })
  expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later', throttled: true })
  expect(await carrier.submit(submission())).toEqual({
    accepted: false,
    verdict: 'elsewhere',
    error: '0x58 ESME_RTHROTTLED',
  })
})
