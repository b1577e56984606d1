// Text to octets and back by data_coding (SMPP 3.4, section 5.2.19; 3GPP TS
// 23.038, chapter 4).
//
// 0 means the default alphabet of the message centre: mostly the GSM one with
// one septet in each octet, Latin-1 with some; a setting of the carrier tells.

import { readSeptets, septetsOf } from '../../../gsm7.ts'

export type DefaultAlphabet = 'gsm7' | 'latin1'
export type Encoding = 'gsm7' | 'ucs2'

export interface EncodedText {
  dataCoding: number
  octets: Buffer
}

const defaultCoding = 0x00
const ucs2Coding = 0x08

/**
 * `encoding` as the segments of the text were counted: `gsm7` promises that the
 * GSM alphabet has all of it. Where the centre's default is Latin-1, what that
 * does not have (Greek capitals, the euro sign) makes the text go as UCS-2.
 */
export function encodeText(
  text: string,
  { defaultAlphabet, encoding }: { defaultAlphabet: DefaultAlphabet; encoding: Encoding },
): EncodedText {
  if (wireEncoding(text, encoding, defaultAlphabet) === 'ucs2') return { dataCoding: ucs2Coding, octets: toUcs2(text) }
  const octets = defaultAlphabet === 'gsm7' ? toSeptets(text) : Buffer.from(text, 'latin1')
  return { dataCoding: defaultCoding, octets }
}

/** What a text that was counted as `encoding` goes out as. */
export function wireEncoding(text: string, encoding: Encoding, defaultAlphabet: DefaultAlphabet): Encoding {
  return encoding === 'gsm7' && defaultAlphabet === 'latin1' && !isLatin1(text) ? 'ucs2' : encoding
}

function isLatin1(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false
  return true
}

function toSeptets(text: string): Buffer {
  const octets = Buffer.allocUnsafe(text.length * 2)
  let length = 0
  for (let at = 0; at < text.length; at++) {
    const septets = septetsOf(text.charCodeAt(at))
    if (septets === undefined) throw new RangeError('the text has a character that the GSM alphabet does not have')
    if (septets > 0x7f) octets[length++] = septets >> 8
    octets[length++] = septets & 0x7f
  }
  return octets.subarray(0, length)
}

function toUcs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

/** Never throws: what an alphabet does not have is shown as U+FFFD or as Latin-1. */
export function decodeText(octets: Uint8Array, dataCoding: number, defaultAlphabet: DefaultAlphabet): string {
  switch (alphabetOf(dataCoding)) {
    case 'default':
      return defaultAlphabet === 'gsm7' ? readSeptets(octets) : fromLatin1(octets)
    case 'ucs2':
      return fromUcs2(octets)
    case 'latin1':
      return fromLatin1(octets)
    default:
      return fromOther(octets, otherCharsets[dataCoding]!)
  }
}

/** Whether the octets are said to be UCS-2. */
export function isUcs2(dataCoding: number): boolean {
  return alphabetOf(dataCoding) === 'ucs2'
}

/** Names of the Encoding standard. 0x09, pictograms, is what Japan's phones had over Shift-JIS. */
const otherCharsets: Readonly<Record<number, string>> = {
  0x05: 'shift_jis',
  0x06: 'iso-8859-5',
  0x07: 'iso-8859-8',
  0x09: 'shift_jis',
  0x0a: 'iso-2022-jp',
  0x0d: 'euc-jp',
  0x0e: 'euc-kr',
}

// The low sixteen are SMPP's own. All above are a GSM data coding scheme, which
// message centres hand through: the groups 00xx and 01xx have the alphabet in
// bits 3 and 2, and what is compressed nobody reads; 1100 and 1101 (voice mail
// waiting) are GSM, 1110 is the same in UCS-2; 1111 has the alphabet in bit 2;
// the rest is reserved and to be read as GSM.
function alphabetOf(dataCoding: number): 'default' | 'ucs2' | 'latin1' | 'other' {
  if (dataCoding < 0x10) {
    if (dataCoding === ucs2Coding) return 'ucs2'
    if (dataCoding <= 0x01) return dataCoding === 0 ? 'default' : 'latin1'
    return otherCharsets[dataCoding] === undefined ? 'latin1' : 'other'
  }
  if (dataCoding < 0x80) {
    const compressed = (dataCoding & 0x20) !== 0
    if (compressed) return 'latin1'
    return (['default', 'latin1', 'ucs2', 'default'] as const)[(dataCoding >> 2) & 3]!
  }
  if (dataCoding >= 0xf0) return (dataCoding & 0x04) === 0 ? 'default' : 'latin1'
  return dataCoding >= 0xe0 ? 'ucs2' : 'default'
}

function fromLatin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}

/** Big-endian unless its first character, a byte order mark, says otherwise. Half a character at the end is let go. */
function fromUcs2(octets: Uint8Array): string {
  const whole = octets.subarray(0, octets.length & ~1)
  const little = Buffer.from(whole)
  if (whole[0] === 0xff && whole[1] === 0xfe) return little.toString('utf16le', 2)
  little.swap16()
  // Not by TextDecoder: a pair that was cut between two parts has to come together again.
  return little.toString('utf16le', whole[0] === 0xfe && whole[1] === 0xff ? 2 : 0)
}

const decoders = new Map<string, TextDecoder>()

function fromOther(octets: Uint8Array, charset: string): string {
  let decoder = decoders.get(charset)
  if (decoder === undefined) decoders.set(charset, (decoder = new TextDecoder(charset)))
  return decoder.decode(octets)
}
