import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeText } from '../../../engine/carriers/smpp/wire/alphabet.ts'
import {
  partTags,
  readPart,
  splitText,
  type LongMessages,
  type MessagePart,
} from '../../../engine/carriers/smpp/wire/parts.ts'
import { tlvTags } from '../../../engine/carriers/smpp/wire/tlvs.ts'
import { countSegments } from '../../../engine/outbox/segments.ts'

const asRead = ({ tlvs, ...fields }: MessagePart) => readPart({ fields, tlvs })
const split = (text: string, mode: LongMessages, defaultAlphabet: 'gsm7' | 'latin1' = 'gsm7', reference = 0x1234) =>
  splitText(text, countSegments(text).encoding, { mode, defaultAlphabet, reference })

const latin = fc.constantFrom(...'abcXYZ 0189.,\n@£$ñüà')
const escaped = fc.constantFrom(...'^{}\\[]~|\f')
const gsm = fc.oneof(
  { weight: 5, arbitrary: latin },
  { weight: 2, arbitrary: fc.oneof(escaped, fc.constantFrom(...'€ΔΩ')) },
)
const wide = fc.oneof(
  { weight: 5, arbitrary: gsm },
  { weight: 2, arbitrary: fc.constantFrom('я', '😀', '汉', '\ud83d') },
)
const texts = fc.oneof(
  fc.string({ unit: gsm, maxLength: 700 }),
  fc.string({ unit: wide, maxLength: 400 }),
  // Around the cuts.
  fc
    .tuple(fc.constantFrom(66, 68, 70, 132, 134, 152, 158, 160, 305, 458), fc.string({ unit: wide, maxLength: 8 }))
    .map(([length, tail]) => 'a'.repeat(length) + tail),
  fc
    .tuple(fc.constantFrom(66, 68, 132, 134), fc.string({ unit: wide, maxLength: 8 }))
    .map(([length, tail]) => 'я'.repeat(length) + tail),
)

describe('a text in parts', () => {
  test('needs the TLVs that no param may be, and no others', () => {
    const modes: LongMessages[] = ['udh', 'sar', 'payload']
    const tags = modes.flatMap(mode => split('a'.repeat(400), mode)).flatMap(({ tlvs }) => [...tlvs.keys()])
    expect(new Set(tags)).toEqual(partTags)
  })

  test('has as many as the segments that were counted, and reads as it was', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom<LongMessages>('udh', 'sar'), (text, mode) => {
        const parts = split(text, mode)
        const { segments, encoding } = countSegments(text)
        expect(parts).toHaveLength(segments)
        const read = parts.map(part => {
          const { octets } = asRead(part)
          expect(octets.length).toBeLessThanOrEqual(
            parts.length === 1 ? (encoding === 'gsm7' ? 160 : 140) : encoding === 'gsm7' ? 153 : 134,
          )
          return decodeText(octets, part.dataCoding, 'gsm7')
        })
        expect(read.join('')).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('has as many where the default alphabet is Latin-1, as long as that has all of it', () => {
    const both = fc.oneof(latin, escaped)
    fc.assert(
      fc.property(fc.string({ unit: both, maxLength: 700 }), text => {
        const parts = split(text, 'udh', 'latin1')
        expect(parts).toHaveLength(countSegments(text).segments)
        expect(parts.map(part => decodeText(asRead(part).octets, part.dataCoding, 'latin1')).join('')).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  test('goes as UCS-2 in all its parts where Latin-1 lacks one character', () => {
    const parts = split(`${'a'.repeat(100)}€`, 'udh', 'latin1')
    expect(parts.map(part => part.dataCoding)).toEqual([8, 8])
    expect(parts.map(part => decodeText(asRead(part).octets, 8, 'latin1')).join('')).toBe(`${'a'.repeat(100)}€`)
  })

  test('of UDH has a header in each', () => {
    const parts = split('a'.repeat(161), 'udh')
    expect(parts.map(part => part.shortMessage.subarray(0, 6).toString('hex'))).toEqual([
      '050003340201',
      '050003340202',
    ])
    expect(parts.map(part => [part.esmClass, part.shortMessage.length, part.tlvs.size])).toEqual([
      [0x40, 159, 0],
      [0x40, 14, 0],
    ])
    expect(parts.map(part => asRead(part).part)).toEqual([
      { reference: 0x34, number: 1, total: 2 },
      { reference: 0x34, number: 2, total: 2 },
    ])
  })

  test('of SAR has its numbers beside the text', () => {
    const [, second] = split('я'.repeat(71), 'sar')
    expect(second).toEqual({
      esmClass: 0,
      dataCoding: 8,
      shortMessage: Buffer.from('044f044f044f044f', 'hex'),
      tlvs: new Map([
        [tlvTags.sarMsgRefNum, Buffer.from('1234', 'hex')],
        [tlvTags.sarTotalSegments, Buffer.of(2)],
        [tlvTags.sarSegmentSeqnum, Buffer.of(2)],
      ]),
    })
    expect(asRead(second!).part).toEqual({ reference: 0x1234, number: 2, total: 2 })
  })

  test('is one, whatever its length, as payload', () => {
    const parts = split('a'.repeat(65_535), 'payload')
    expect(parts).toHaveLength(1)
    expect(parts[0]).toMatchObject({ esmClass: 0, shortMessage: Buffer.alloc(0) })
    expect(asRead(parts[0]!).octets.toString()).toBe('a'.repeat(65_535))
    expect(() => split('a'.repeat(65_536), 'payload')).toThrow(RangeError)
  })

  test.each<LongMessages>(['udh', 'sar', 'payload'])('is one short_message when it is short: %s', mode => {
    expect(split('Hi', mode)).toEqual([
      { esmClass: 0, dataCoding: 0, shortMessage: Buffer.from('Hi'), tlvs: new Map() },
    ])
    expect(split('a'.repeat(160), mode)).toHaveLength(1)
    expect(split('', mode)).toHaveLength(1)
  })

  test('has 255 at most', () => {
    expect(split('a'.repeat(153 * 255), 'udh')).toHaveLength(255)
    expect(() => split('a'.repeat(153 * 255 + 1), 'udh')).toThrow(RangeError)
  })
})

describe('a part that came in', () => {
  const read = (esmClass: number, octets: string) => {
    const { octets: text, ...rest } = readPart({
      fields: { esmClass, shortMessage: Buffer.from(octets, 'hex') },
      tlvs: new Map(),
    })
    return { text: text.toString('latin1'), ...rest }
  }

  test.each([
    ['an 8-bit reference', '0500034203026869', { text: 'hi', part: { reference: 0x42, number: 2, total: 3 } }],
    ['a 16-bit reference', '060804123403026869', { text: 'hi', part: { reference: 0x1234, number: 2, total: 3 } }],
    [
      'other elements before it',
      '0b05041581158100034203026869',
      { text: 'hi', part: { reference: 0x42, number: 2, total: 3 } },
    ],
    ['other elements alone', '060504158115816869', { text: 'hi' }],
    ['the only part', '0500034201016869', { text: 'hi' }],
    ['a number beyond the total', '0500034202036869', { text: 'hi' }],
    ['number 0', '0500034202006869', { text: 'hi' }],
    ['an element longer than the header', '0500094203026869', { text: 'hi' }],
    ['an empty header', '006869', { text: 'hi' }],
    ['a header longer than the text', '0a6869', { text: '\nhi' }],
    ['nothing at all', '', { text: '' }],
  ])('with %s', (_name, octets, expected) => {
    expect(read(0x40, octets)).toEqual(expected)
    expect(read(0x44, octets)).toEqual(expected)
  })

  test('has no header unless esm_class says so', () => {
    expect(read(0x04, '0500034203026869').text).toHaveLength(8)
  })

  test('may be payload, with a header of its own', () => {
    const tlvs = new Map([[tlvTags.messagePayload, Buffer.from('0500034203026869', 'hex')]])
    expect(readPart({ fields: { esmClass: 0x40, shortMessage: Buffer.alloc(0) }, tlvs })).toEqual({
      octets: Buffer.from('hi'),
      part: { reference: 0x42, number: 2, total: 3 },
    })
    expect(readPart({ fields: {}, tlvs: new Map() })).toEqual({ octets: Buffer.alloc(0) })
  })

  test('with SAR parameters that make no sense is a whole text', () => {
    const sar = (number: Buffer) =>
      readPart({
        fields: { shortMessage: Buffer.from('hi') },
        tlvs: new Map([
          [tlvTags.sarMsgRefNum, Buffer.of(1, 2)],
          [tlvTags.sarTotalSegments, Buffer.of(2)],
          [tlvTags.sarSegmentSeqnum, number],
        ]),
      }).part
    expect(sar(Buffer.of(2))).toEqual({ reference: 0x0102, number: 2, total: 2 })
    expect(sar(Buffer.of(3))).toBeUndefined()
    expect(sar(Buffer.alloc(0))).toBeUndefined()
  })
})
