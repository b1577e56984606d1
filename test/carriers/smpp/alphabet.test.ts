import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeText, encodeText } from '../../../engine/carriers/smpp/wire/alphabet.ts'
import { isGsm7, readSeptets } from '../../../engine/gsm7.ts'

const hex = (octets: Buffer) => octets.toString('hex')
const decode = (octets: string, dataCoding: number, defaultAlphabet: 'gsm7' | 'latin1' = 'gsm7') =>
  decodeText(Buffer.from(octets, 'hex'), dataCoding, defaultAlphabet)

describe('a text on the wire', () => {
  test.each([
    ['GSM, one septet in each octet', '@Ω€ a', 'gsm7', 'gsm7', 0, '00151b652061'],
    ['Latin-1 where that is the default', 'Aä[', 'gsm7', 'latin1', 0, '41e45b'],
    ['UCS-2 where the default lacks a character', '5€', 'gsm7', 'latin1', 8, '003520ac'],
    ['UCS-2', 'Код', 'ucs2', 'gsm7', 8, '041a043e0434'],
    ['UTF-16 for what UCS-2 does not have', '😀', 'ucs2', 'gsm7', 8, 'd83dde00'],
    ['nothing', '', 'gsm7', 'gsm7', 0, ''],
  ] as const)('is %s', (_name, text, encoding, defaultAlphabet, dataCoding, octets) => {
    const encoded = encodeText(text, { encoding, defaultAlphabet })
    expect({ dataCoding: encoded.dataCoding, octets: hex(encoded.octets) }).toEqual({ dataCoding, octets })
  })

  test('comes back as it was', () => {
    const gsm = fc.string({ unit: fc.constantFrom(...'abcXYZ 019@£$ñüàΔΩ^{}\\[]~|€\f\n\r'), maxLength: 200 })
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 })
    const any = units.map(codes => String.fromCharCode(...codes))
    fc.assert(
      fc.property(fc.oneof(gsm, any), fc.constantFrom('gsm7', 'latin1'), (text, defaultAlphabet) => {
        // The mark of the other byte order turns the rest round, as it should.
        fc.pre(!text.startsWith('\ufffe'))
        const encoding = isGsm7(text) ? 'gsm7' : 'ucs2'
        const { octets, dataCoding } = encodeText(text, { encoding, defaultAlphabet })
        // A byte order mark at the start is no text.
        if (dataCoding === 8) expect(decodeText(octets, 8, defaultAlphabet)).toBe(text.replace(/^\ufeff/, ''))
        else expect(decodeText(octets, dataCoding, defaultAlphabet)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  test('that was counted as GSM but is not never goes out wrong', () => {
    expect(() => encodeText('Код', { encoding: 'gsm7', defaultAlphabet: 'gsm7' })).toThrow(RangeError)
  })
})

describe('octets are read by the whole data_coding', () => {
  const gsmAt = '00' // @ in the GSM alphabet
  const ucs2Ya = '044f' // я
  test.each([
    ['the default', 0x00, gsmAt, '@'],
    ['ASCII', 0x01, '40', '@'],
    ['data', 0x02, 'e4', 'ä'],
    ['Latin-1', 0x03, 'e4', 'ä'],
    ['data, once more', 0x04, 'e4', 'ä'],
    ['Japanese', 0x05, '82a0', 'あ'],
    ['ISO Cyrillic', 0x06, 'ef', 'я'],
    ['ISO Hebrew', 0x07, 'e0', 'א'],
    ['UCS-2', 0x08, ucs2Ya, 'я'],
    ['ISO-2022-JP', 0x0a, '1b244224221b2842', 'あ'],
    ['extended Kanji', 0x0d, 'a4a2', 'あ'],
    ['Korean', 0x0e, 'b0a1', '가'],
    ['a flash SMS', 0x10, gsmAt, '@'],
    ['a flash SMS of data', 0x14, 'e4', 'ä'],
    ['a flash SMS in UCS-2', 0x18, ucs2Ya, 'я'],
    ['one that is to be deleted, in UCS-2', 0x48, ucs2Ya, 'я'],
    ['a reserved group', 0x8f, gsmAt, '@'],
    ['voice mail, discarded', 0xc8, gsmAt, '@'],
    ['voice mail, stored', 0xd8, gsmAt, '@'],
    ['voice mail in UCS-2', 0xe0, ucs2Ya, 'я'],
    ['class 0 in GSM', 0xf0, gsmAt, '@'],
    ['class 1 of data', 0xf5, 'e4', 'ä'],
  ])('%s', (_name, dataCoding, octets, text) => {
    expect(decode(octets, dataCoding)).toBe(text)
  })

  test('with the default alphabet of the carrier', () => {
    expect(decode('40e4', 0x00, 'latin1')).toBe('@ä')
    expect(decode('40e4', 0xf0, 'latin1')).toBe('@ä')
    expect(decode('40', 0x00, 'gsm7')).toBe('¡')
  })

  test('and what makes no sense is still read', () => {
    expect(decode('1b', 0)).toBe('')
    expect(decode('611b1b62', 0)).toBe('ab')
    expect(decode('1b61', 0)).toBe('a')
    expect(decode('61e4', 0)).toBe('aä')
    expect(decode('044f04', 8)).toBe('я')
    expect(decode('04', 8)).toBe('')
    expect(decode('fffe4f04', 8)).toBe('я')
    expect(decode('feff044f', 8)).toBe('я')
    expect(decode('d83d', 8) + decode('de00', 8)).toBe('😀')
    expect(decode('ff', 5)).toBe('\ufffd')
  })

  test('of any value without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 255 }), (octets, dataCoding) => {
        expect(typeof decodeText(octets, dataCoding, 'gsm7')).toBe('string')
      }),
      { numRuns: 3_000 },
    )
  })

  test('each octet below 0x80 is one character, but for the escape', () => {
    const all = Uint8Array.from({ length: 128 }, (_, septet) => septet).filter(septet => septet !== 0x1b)
    expect(new Set(readSeptets(all)).size).toBe(127)
  })
})
