import * as fc from 'fast-check'
import calculator from 'sms-segments-calculator'
import { describe, expect, test } from 'vitest'

import { countSeptets, isGsm7, septetsOf } from '../../engine/gsm7.ts'
import { countSegments } from '../../engine/outbox/segments.ts'

const euro = '€'
const smile = '😀'

describe('segments', () => {
  test.each([
    ['nothing', '', 'gsm7', 1, 0],
    ['160 septets', 'a'.repeat(160), 'gsm7', 1, 160],
    ['161 septets', 'a'.repeat(161), 'gsm7', 2, 161],
    ['306 septets', 'a'.repeat(306), 'gsm7', 2, 306],
    ['307 septets', 'a'.repeat(307), 'gsm7', 3, 307],
    ['80 euro signs', euro.repeat(80), 'gsm7', 1, 160],
    ['81 euro signs', euro.repeat(81), 'gsm7', 2, 162],
    ['an escape pair on the cut', 'a'.repeat(152) + euro + 'a'.repeat(152), 'gsm7', 3, 306],
    ['the same, one shorter', 'a'.repeat(152) + euro + 'a'.repeat(151), 'gsm7', 2, 305],
    ['70 units', 'я'.repeat(70), 'ucs2', 1, 70],
    ['71 units', 'я'.repeat(71), 'ucs2', 2, 71],
    ['134 units', 'я'.repeat(134), 'ucs2', 2, 134],
    ['135 units', 'я'.repeat(135), 'ucs2', 3, 135],
    ['35 emoji', smile.repeat(35), 'ucs2', 1, 70],
    ['36 emoji', smile.repeat(36), 'ucs2', 2, 72],
    ['67 emoji, of which a part holds 33', smile.repeat(67), 'ucs2', 3, 134],
    ['a small c with cedilla', 'ç', 'ucs2', 1, 1],
    ['a capital one', 'Ç', 'gsm7', 1, 1],
    ['a backtick', '`', 'ucs2', 1, 1],
    ['half a surrogate pair at the cut', 'я'.repeat(66) + '\ud83d' + 'я'.repeat(67), 'ucs2', 2, 134],
  ])('of %s', (_name, text, encoding, segments, units) => {
    expect(countSegments(text)).toEqual({ encoding, segments, units })
  })

  test('agree with another counter on thousands of texts', () => {
    // The other one keeps whole graphemes together, networks keep only pairs:
    // so no joiners and combining marks among these.
    const latin = fc.constantFrom(...'abcXYZ 0189.,!?\n\r@£$ñüàÇΔΩ'.split(''))
    const escaped = fc.constantFrom(...'^{}\\[]~|€\f'.split(''))
    const other = fc.constantFrom(...'çêő`яжЩ汉字中文“…'.split(''))
    const emoji = fc.constantFrom('😀', '🔑', '📦', '🚚')
    const near = fc.integer({ min: 0, max: 4 })
    const edge = fc.constantFrom(0, 33, 35, 66, 68, 69, 132, 134, 151, 152, 158, 160, 304, 306, 457)
    const character = fc.oneof(
      { weight: 12, arbitrary: latin },
      { weight: 3, arbitrary: escaped },
      { weight: 2, arbitrary: other },
      { weight: 2, arbitrary: emoji },
    )
    const gsm = fc.oneof({ weight: 6, arbitrary: latin }, { weight: 2, arbitrary: escaped })
    const texts = fc.oneof(
      fc.string({ unit: character, maxLength: 320 }),
      fc.string({ unit: gsm, maxLength: 480 }),
      fc
        .tuple(edge, near, fc.string({ unit: character, maxLength: 6 }), fc.constantFrom('a', 'я', '€', '😀'))
        .map(([length, more, tail, filler]) => filler.repeat(length + more) + tail),
    )
    fc.assert(
      fc.property(texts, text => {
        const oracle = new calculator.SegmentedMessage(text)
        const encoding = oracle.encodingName === 'GSM-7' ? 'gsm7' : 'ucs2'
        expect(countSegments(text)).toMatchObject({ encoding, segments: oracle.segmentsCount })
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the GSM alphabet', () => {
  test('gives septets and escape pairs', () => {
    expect(septetsOf('@'.charCodeAt(0))).toBe(0x00)
    expect(septetsOf('a'.charCodeAt(0))).toBe(0x61)
    expect(septetsOf('à'.charCodeAt(0))).toBe(0x7f)
    expect(septetsOf('€'.charCodeAt(0))).toBe(0x1b65)
    expect(septetsOf(0x1b)).toBeUndefined()
    expect(septetsOf('😀'.charCodeAt(0))).toBeUndefined()
  })

  test('has 127 characters and 10 more behind the escape', () => {
    const widths = Array.from({ length: 0x10000 }, (_, unit) => countSeptets(String.fromCharCode(unit)))
    expect(widths.filter(width => width === 1)).toHaveLength(127)
    expect(widths.filter(width => width === 2)).toHaveLength(10)
  })

  test('tells what it cannot write', () => {
    expect(isGsm7('Ihr Code: 123 {€}')).toBe(true)
    expect(isGsm7('Ваш код')).toBe(false)
    expect(countSeptets('{a}')).toBe(5)
    expect(countSeptets('ё')).toBeUndefined()
  })
})
