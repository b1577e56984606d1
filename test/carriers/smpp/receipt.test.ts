import { describe, expect, test } from 'vitest'

import { candidateIds, normalId } from '../../../engine/carriers/smpp/wire/message-ids.ts'
import type { Pdu, PduFields } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { readReceipt } from '../../../engine/carriers/smpp/wire/receipt.ts'
import { tlvTags } from '../../../engine/carriers/smpp/wire/tlvs.ts'

function deliver(fields: PduFields, tlvs: Array<[number, Buffer]> = []): Pdu {
  return { command: 'deliver_sm', status: 0, sequence: 1, fields, tlvs: new Map(tlvs) }
}

/** A receipt of that text. */
function read(text: string | Buffer, fields: PduFields = {}, tlvs: Array<[number, Buffer]> = []) {
  const shortMessage = Buffer.from(text as string)
  return readReceipt(deliver({ esmClass: 0x04, dataCoding: 0, shortMessage, ...fields }, tlvs), 'gsm7')
}

const usual =
  'id:0123456789 sub:001 dlvrd:001 submit date:2611221030 done date:2611221031 stat:DELIVRD err:000 text:Your code'
const submitDate = Date.UTC(2026, 10, 22, 10, 30)
const doneDate = Date.UTC(2026, 10, 22, 10, 31)
const delivered = { ids: ['0123456789'], state: 'delivered', stat: 'DELIVRD', error: null, intermediate: false }

describe('a receipt', () => {
  test('in the usual words', () => {
    expect(read(usual)).toEqual({ ...delivered, submitDate, doneDate })
  })

  test.each<[string, string, object]>([
    ['dates without a space', usual.replaceAll(' date', 'date'), { ...delivered, submitDate, doneDate }],
    ['dates with an underscore', usual.replaceAll(' date', '_date'), { ...delivered, submitDate, doneDate }],
    [
      'dates with seconds',
      usual.replace('2611221031', '261122103159'),
      { ...delivered, submitDate, doneDate: doneDate + 59_000 },
    ],
    [
      'dates with a century',
      usual.replace('2611221031', '20261122103159'),
      { ...delivered, submitDate, doneDate: doneDate + 59_000 },
    ],
    ['dates of zeros', usual.replace('2611221030', '000000000000').replace('2611221031', '0000000000'), delivered],
    ['no dates', 'id:0123456789 stat:DELIVRD', delivered],
    ['capitals', 'ID:0123456789 STAT:DELIVRD ERR:000', delivered],
    ['small letters', 'id:0123456789 stat:delivrd err:0', delivered],
    ['another order', 'stat:DELIVRD err:000 done date:2611221031 id:0123456789', { ...delivered, doneDate }],
    ['the text first', 'text:Hello stat:DELIVRD id:0123456789', delivered],
    ['spaces behind the colons', 'id: 0123456789 stat: DELIVRD err: 000', delivered],
    ['line ends and commas between', 'id:0123456789,\r\nstat:DELIVRD,\r\nerr:000', delivered],
    ['an id with dashes', 'id:3f2a-77_B-0 stat:DELIVRD', { ...delivered, ids: ['3f2a-77_B-0'] }],
    ['no id', 'stat:DELIVRD err:000', { ...delivered, ids: [] }],
    ['an empty value', 'id: stat:DELIVRD', { ...delivered, ids: [] }],
    [
      'a text that looks like one',
      `${usual.slice(0, -9)}id:9 stat:UNDELIV err:005`,
      { ...delivered, submitDate, doneDate },
    ],
    [
      'a text that has a key of its own',
      'id:0123456789 stat:UNDELIV text:Your code err:483920',
      { ...delivered, state: 'undeliverable', stat: 'UNDELIV' },
    ],
    [
      'the text first, that has a key of its own',
      'text:Your code err:483920 id:0123456789 stat:DELIVRD err:007',
      { ...delivered, error: '007' },
    ],
    ['keys that only end like ours', 'id:0123456789 stat:DELIVRD xid:7 mystat:UNDELIV', delivered],
    [
      'a code that is no number',
      'id:0123456789 stat:UNDELIV err:0x1F',
      { ...delivered, state: 'undeliverable', stat: 'UNDELIV', error: '0x1F' },
    ],
    [
      'a longer code',
      'id:0123456789 stat:REJECTD err:00021',
      { ...delivered, state: 'rejected', stat: 'REJECTD', error: '00021' },
    ],
  ])('with %s', (_name, text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  test.each([
    ['DELIVRD', 'delivered'],
    ['DELIVERED', 'delivered'],
    ['EXPIRED', 'expired'],
    ['DELETED', 'deleted'],
    ['UNDELIV', 'undeliverable'],
    ['UNDELIVERABLE', 'undeliverable'],
    ['FAILED', 'undeliverable'],
    ['ACCEPTD', 'accepted'],
    ['ACCEPTED', 'accepted'],
    ['ENROUTE', 'enroute'],
    ['BUFFRED', 'enroute'],
    ['REJECTD', 'rejected'],
    ['UNKNOWN', 'unknown'],
    ['WHATEVER', 'unknown'],
  ])('says %s', (stat, state) => {
    expect(read(`id:1 stat:${stat} err:000`)).toMatchObject({ stat, state })
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8].map(value => [value] as const))('says message_state %i', value => {
    const states = ['enroute', 'delivered', 'expired', 'deleted', 'undeliverable', 'accepted', 'unknown', 'rejected']
    const state = [tlvTags.messageState, Buffer.of(value)] as [number, Buffer]
    expect(read('id:1 stat:WHATEVER', {}, [state])?.state).toBe(states[value - 1])
  })

  test('goes by its parameters before its text', () => {
    const receipt = read('id:123 stat:DELIVRD err:000', {}, [
      [tlvTags.receiptedMessageId, Buffer.from('7b\0')],
      [tlvTags.messageState, Buffer.of(5)],
      [tlvTags.networkErrorCode, Buffer.of(3, 0, 27)],
    ])
    expect(receipt).toMatchObject({ ids: ['7b', '123'], state: 'undeliverable', error: '27' })
  })

  test('goes by its text where a parameter is unknown or broken', () => {
    const receipt = read('id:123 stat:DELIVRD err:007', {}, [
      [tlvTags.receiptedMessageId, Buffer.from('\0')],
      [tlvTags.messageState, Buffer.of(99)],
      [tlvTags.networkErrorCode, Buffer.of(3)],
    ])
    expect(receipt).toMatchObject({ ids: ['123'], state: 'delivered', error: '007' })
  })

  test('may have parameters and no text', () => {
    const tlvs: Array<[number, Buffer]> = [
      [tlvTags.receiptedMessageId, Buffer.from('7b')],
      [tlvTags.messageState, Buffer.of(2)],
    ]
    expect(read('', {}, tlvs)).toEqual({
      ids: ['7b'],
      state: 'delivered',
      stat: null,
      error: null,
      intermediate: false,
    })
    expect(read('', { esmClass: 0 }, tlvs)).toMatchObject({ ids: ['7b'], state: 'delivered' })
  })

  test('tells nothing of the SMS, where a centre repeats that in place of its own words', () => {
    const tlvs: Array<[number, Buffer]> = [
      [tlvTags.receiptedMessageId, Buffer.from('7b')],
      [tlvTags.messageState, Buffer.of(5)],
    ]
    for (const text of ['Your code err:483920', 'text:Your code err:483920'])
      expect(read(text, {}, tlvs)).toMatchObject({ ids: ['7b'], state: 'undeliverable', error: null })
  })

  test('may come as payload', () => {
    const payload: [number, Buffer] = [tlvTags.messagePayload, Buffer.from(usual)]
    expect(read('', {}, [payload])).toMatchObject(delivered)
  })

  test.each<[string, number, Buffer]>([
    ['ASCII that is said to be UCS-2', 8, Buffer.from(usual)],
    ['UCS-2', 8, Buffer.from(usual, 'utf16le').swap16()],
    ['UCS-2 that is said to be GSM', 0, Buffer.from(usual, 'utf16le').swap16()],
    ['ASCII that is said to be a flash SMS', 0x18, Buffer.from(usual)],
    ['GSM octets behind it', 0, Buffer.concat([Buffer.from(usual), Buffer.of(0, 2, 0x1b, 0x65)])],
    ['GSM octets behind it that are said to be UCS-2', 8, Buffer.concat([Buffer.from(usual), Buffer.of(0, 2)])],
  ])('is read whatever data_coding says: %s', (_name, dataCoding, octets) => {
    expect(read(octets, { dataCoding })).toMatchObject(delivered)
  })

  test('may be of the way, not of the end', () => {
    expect(read('id:1 stat:ENROUTE', { esmClass: 0x20 })).toMatchObject({ state: 'enroute', intermediate: true })
  })

  test('is known by esm_class, with other bits set or not', () => {
    expect(read(usual, { esmClass: 0x44 })?.ids).toBeDefined()
    for (const esmClass of [0x00, 0x40, 0x08, 0x10, 0x18, 0x80]) expect(read(usual, { esmClass })).toBeUndefined()
  })
})

describe('an id', () => {
  test('has one normal form', () => {
    expect(normalId(' 000A1b ')).toBe('a1b')
    expect(normalId('0000')).toBe('0')
    expect(normalId('')).toBe('')
    expect(normalId('3F-0a')).toBe('3f-0a')
  })

  test.each([
    ['26', 'auto', ['26', '1a', '38']],
    ['0000000026', 'auto', ['26', '1a', '38']],
    ['1A', 'auto', ['1a', '26']],
    ['5', 'auto', ['5']],
    ['3f-0a', 'auto', ['3f-0a']],
    ['26', 'same', ['26']],
    ['26', 'hex-dec', ['1a', '26']],
    ['1a', 'hex-dec', ['1a']],
    ['1A', 'dec-hex', ['26', '1a']],
    ['xyz', 'dec-hex', ['xyz']],
    ['18446744073709551615', 'hex-dec', ['ffffffffffffffff', '18446744073709551615']],
    ['', 'auto', ['']],
  ] as const)('%s may have been given otherwise: %s', (id, format, candidates) => {
    expect(candidateIds(id, format)).toEqual(candidates)
  })

  test('of absurd length is not taken for a number', () => {
    expect(candidateIds('9'.repeat(60_000), 'auto')).toHaveLength(1)
  })
})
