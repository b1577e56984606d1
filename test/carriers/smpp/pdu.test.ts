import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  commandId,
  commandName,
  commandNames,
  isResponse,
  responseTo,
} from '../../../engine/carriers/smpp/wire/commands.ts'
import { decodePdu, encodePdu, PduError, type PduInput } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { describeStatus, statusCode, statuses, statusName } from '../../../engine/carriers/smpp/wire/statuses.ts'
import { tlvInteger, tlvTags, tlvText } from '../../../engine/carriers/smpp/wire/tlvs.ts'
import { anyPdu } from './any-pdu.ts'

/** A frame with its length set right. */
function frameOf(id: number, status: number, body: string | Buffer, sequence = 7): Buffer {
  const octets = typeof body === 'string' ? Buffer.from(body, 'hex') : body
  const head = Buffer.alloc(16)
  for (const [place, value] of [16 + octets.length, id, status, sequence].entries())
    head.writeUInt32BE(value, place * 4)
  return Buffer.concat([head, octets])
}

/** What decoding throws. */
function errorOf(frame: Buffer): PduError {
  try {
    decodePdu(frame)
  } catch (cause) {
    if (cause instanceof PduError) return cause
    throw cause
  }
  throw new Error('it was decoded')
}

const submitResp = 0x8000_0004
const submit: PduInput = {
  command: 'submit_sm',
  sequence: 1,
  fields: { sourceAddr: 'Patchcord', destinationAddr: '12015550123', shortMessage: Buffer.from('Hi') },
}

describe('a PDU', () => {
  test('of any command comes back as it was', () => {
    fc.assert(
      fc.property(anyPdu, pdu => {
        const frame = encodePdu(pdu)
        expect(frame.readUInt32BE(0)).toBe(frame.length)
        expect(decodePdu(frame)).toEqual(pdu)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is laid out as the specification has it', () => {
    const header = ['00000037', '00000004', '00000000', '00000001']
    const addresses = ['00', '0000', '5061746368636f726400', '0000', '313230313535353031323300']
    const rest = ['000000', '00', '00', '00000000', '02', '4869']
    expect(encodePdu(submit).toString('hex')).toBe([...header, ...addresses, ...rest].join(''))
  })

  test('whose fields are not given goes out with zeros and empty strings', () => {
    expect(decodePdu(encodePdu({ command: 'bind_transceiver', sequence: 1 })).fields).toEqual({
      systemId: '',
      password: '',
      systemType: '',
      interfaceVersion: 0,
      addrTon: 0,
      addrNpi: 0,
      addressRange: '',
    })
  })

  test('keeps the last of a parameter that comes twice', () => {
    const twice = frameOf(submitResp, 0, '3100001d000161001d000162')
    expect(decodePdu(twice).tlvs).toEqual(new Map([[tlvTags.additionalStatusInfoText, Buffer.from('b')]]))
  })
})

describe('what does not fit the wire', () => {
  test.each<[string, Partial<PduInput>]>([
    ['sourceAddr', { fields: { sourceAddr: '1'.repeat(21) } }],
    ['destinationAddr', { fields: { destinationAddr: '1'.repeat(21) } }],
    ['serviceType', { fields: { serviceType: 'ABCDEF' } }],
    ['validityPeriod', { fields: { validityPeriod: '0'.repeat(17) } }],
    ['shortMessage', { fields: { shortMessage: Buffer.alloc(255) } }],
    ['dataCoding', { fields: { dataCoding: 256 } }],
    ['esmClass', { fields: { esmClass: -1 } }],
    ['priorityFlag', { fields: { priorityFlag: Number.NaN } }],
    ['sourceAddr', { fields: { sourceAddr: 'Ω' } }],
    ['sourceAddr', { fields: { sourceAddr: 'a\0b' } }],
    ['systemId', { command: 'bind_transceiver', fields: { systemId: 'a'.repeat(16) } }],
    ['password', { command: 'bind_transceiver', fields: { password: 'a'.repeat(17) } }],
    ['systemType', { command: 'bind_transceiver', fields: { systemType: 'a'.repeat(13) } }],
    ['messageId', { command: 'submit_sm_resp', fields: { messageId: 'a'.repeat(65) } }],
    ['TLV 0x424', { tlvs: new Map([[tlvTags.messagePayload, Buffer.alloc(65_536)]]) }],
    ['tag', { tlvs: new Map([[65_536, Buffer.alloc(1)]]) }],
    [
      'destinations',
      { command: 'submit_multi', fields: { destinations: Array.from({ length: 256 }, () => ({ listName: 'a' })) } },
    ],
    ['listName', { command: 'submit_multi', fields: { destinations: [{ listName: 'a'.repeat(21) }] } }],
  ])('is refused by the name %s', (name, wrong) => {
    const encode = () => encodePdu({ ...submit, ...wrong })
    expect(encode).toThrow(RangeError)
    expect(encode).toThrow(name)
  })

  test('is a sequence number of more than four octets', () => {
    expect(() => encodePdu({ command: 'unbind', sequence: 0x1_0000_0000 })).toThrow(RangeError)
  })

  test('never shows in the refusal: it may be a password', () => {
    const wrong: PduInput = { command: 'bind_transceiver', sequence: 1, fields: { password: 'hunter2'.repeat(3) } }
    expect(() => encodePdu(wrong)).not.toThrow('hunter2')
  })
})

describe('what real message centres send', () => {
  test.each<[string, number, string, object, Array<[number, string]>]>([
    ['an error without a body', 0x58, '', {}, []],
    ['an error with an empty id', 0x58, '00', { messageId: '' }, []],
    ['an error with its reason alone', 0x58, '001d00026e6f', {}, [[0x1d, 'no']]],
    ['an error with rubbish', 0x58, '00ff', { messageId: '' }, []],
    ['an error with rubbish that looks like a parameter', 0x58, '00001d0005ff', {}, []],
    ['an acceptance without an id', 0, '', {}, []],
    ['an acceptance whose id has no end', 0, '3161', { messageId: '1a' }, []],
    ['an acceptance with an octet too many', 0, '316100ff', { messageId: '1a' }, []],
    ['an acceptance with an unknown parameter', 0, '316100abcd000161', { messageId: '1a' }, [[0xabcd, 'a']]],
    ['an acceptance with an empty parameter', 0, '316100abcd0000', { messageId: '1a' }, [[0xabcd, '']]],
  ])('is read: %s', (_name, status, body, fields, tlvs) => {
    expect(decodePdu(frameOf(submitResp, status, body))).toEqual({
      command: 'submit_sm_resp',
      status,
      sequence: 7,
      fields,
      tlvs: new Map(tlvs.map(([tag, value]) => [tag, Buffer.from(value)])),
    })
  })

  test('is read: an enquire_link with octets behind it', () => {
    expect(decodePdu(frameOf(0x15, 0, 'ffff'))).toMatchObject({ command: 'enquire_link', sequence: 7 })
  })

  test('is read: an id and an address longer than the specification allows', () => {
    const id = 'a'.repeat(100)
    expect(decodePdu(frameOf(submitResp, 0, Buffer.from(`${id}\0`))).fields.messageId).toBe(id)
    const alert = Buffer.concat([Buffer.of(1, 1), Buffer.from(`${id}\0`), Buffer.of(0, 0, 0)])
    expect(decodePdu(frameOf(0x102, 0, alert)).fields.sourceAddr).toBe(id)
  })
})

describe('what cannot be read', () => {
  const deliver = encodePdu({ ...submit, command: 'deliver_sm', sequence: 7 }).subarray(16)
  const shortText = Buffer.from(deliver)
  shortText[shortText.length - 3] = 200

  test.each<[string, Buffer, object]>([
    ['less than a header', Buffer.alloc(15), { status: statuses.ESME_RINVCMDLEN, sequence: 0, commandId: 0 }],
    ['another length than it says', Buffer.alloc(20), { status: statuses.ESME_RINVCMDLEN, sequence: 0 }],
    ['an unknown command', frameOf(0x777, 0, ''), { status: statuses.ESME_RINVCMDID, sequence: 7, commandId: 0x777 }],
    [
      'a request that ends in its fields',
      frameOf(0x05, 0, deliver.subarray(0, 6)),
      { status: statuses.ESME_RINVCMDLEN, command: 'deliver_sm', sequence: 7 },
    ],
    ['a request without its body', frameOf(0x05, 0, ''), { status: statuses.ESME_RINVCMDLEN, command: 'deliver_sm' }],
    [
      'a text that ends too soon',
      frameOf(0x05, 0, shortText),
      { status: statuses.ESME_RINVMSGLEN, command: 'deliver_sm' },
    ],
    [
      'a parameter that ends too soon',
      frameOf(0x05, 0, Buffer.concat([deliver, Buffer.from('001e000561', 'hex')])),
      { status: statuses.ESME_RINVOPTPARSTREAM, command: 'deliver_sm', sequence: 7 },
    ],
    [
      'such a one in an acceptance',
      frameOf(submitResp, 0, '3100001e000561'),
      { status: statuses.ESME_RINVOPTPARSTREAM, command: 'submit_sm_resp', sequence: 7 },
    ],
    [
      'destinations that are not there',
      frameOf(0x21, 0, '0000000005'),
      { status: statuses.ESME_RINVCMDLEN, command: 'submit_multi' },
    ],
    [
      'refusals that are not there',
      frameOf(0x8000_0021, 0, '310001'),
      { status: statuses.ESME_RINVCMDLEN, command: 'submit_multi_resp' },
    ],
  ])('says with which status it is to be answered: %s', (_name, frame, facts) => {
    expect(errorOf(frame)).toMatchObject(facts)
  })
})

describe('the tables', () => {
  test('find every command by number and by name', () => {
    for (const name of commandNames) expect(commandName(commandId(name))).toBe(name)
    expect(commandName(0x99)).toBeUndefined()
    expect(commandNames.filter(isResponse)).toHaveLength(13)
    expect(responseTo('submit_sm')).toBe('submit_sm_resp')
    expect(responseTo('submit_sm_resp')).toBeUndefined()
    expect(responseTo('outbind')).toBeUndefined()
    expect(responseTo('alert_notification')).toBeUndefined()
  })

  test('name every status', () => {
    expect(statusName(0x58)).toBe('ESME_RTHROTTLED')
    expect(statusName(0x412)).toBe('vendor 0x0412')
    expect(statusName(0x09)).toBe('reserved 0x09')
    expect(describeStatus(0x58)).toBe('0x58 ESME_RTHROTTLED')
    expect(describeStatus(0)).toBe('0x00 ESME_ROK')
    expect(describeStatus(0x412)).toBe('0x0412 vendor')
    expect(describeStatus(0xffff_ffff)).toBe('0xffffffff reserved')
    expect(statusCode('ESME_RTHROTTLED')).toBe(0x58)
    expect(statusCode('rthrottled')).toBe(0x58)
    expect(statusCode('RNOSUCH')).toBeUndefined()
    expect(statusCode('constructor')).toBeUndefined()
  })

  test('read parameters as numbers and texts', () => {
    const tlvs = new Map([
      [1, Buffer.of(2)],
      [2, Buffer.of(1, 0)],
      [3, Buffer.alloc(5)],
      [4, Buffer.from('ab\0c')],
      [5, Buffer.from('\0')],
      [6, Buffer.from('ab')],
    ])
    expect([1, 2, 3, 9].map(tag => tlvInteger(tlvs, tag))).toEqual([2, 256, undefined, undefined])
    expect([4, 5, 6, 9].map(tag => tlvText(tlvs, tag))).toEqual(['ab', undefined, 'ab', undefined])
  })
})
