// A text as the parts that are submitted, and a part that came in read back.
//
// Three ways to send what one SMS cannot hold: a user data header in front of
// the octets of each part (3GPP TS 23.040, 9.2.3.24), the SAR parameters beside
// them, or all of it as message_payload, which the message centre cuts itself.

import { septetWidth } from '../../../gsm7.ts'
import { encodeText, wireEncoding, type DefaultAlphabet, type Encoding } from './alphabet.ts'
import type { Pdu } from './pdu.ts'
import { noTlvs, tlvInteger, tlvTags } from './tlvs.ts'

export type LongMessages = 'udh' | 'sar' | 'payload'

/** Fields of one submit_sm. */
export interface MessagePart {
  esmClass: number
  dataCoding: number
  shortMessage: Buffer
  tlvs: ReadonlyMap<number, Buffer>
}

/** In esm_class: a user data header comes before the text. */
const udhIndicator = 0x40
const concatenated8 = 0x00
const concatenated16 = 0x08
const maxParts = 255

/** The parameters that may be among a part's `tlvs`. */
export const partTags: ReadonlySet<number> = new Set([
  tlvTags.messagePayload,
  tlvTags.sarMsgRefNum,
  tlvTags.sarTotalSegments,
  tlvTags.sarSegmentSeqnum,
])

/** In septets or UTF-16 units; the header that joins the parts takes 6 of 140 octets. */
const room = { gsm7: { alone: 160, part: 153 }, ucs2: { alone: 70, part: 67 } }

/**
 * As many parts as the segments that were counted, except in one case: a
 * default alphabet of Latin-1 that lacks a character of a GSM text, which then
 * goes as UCS-2. With `payload` a long text is one part. `reference` joins the
 * parts at the phone, so messages to one number should differ in it; with
 * `udh` its low 8 bits count, with `sar` 16. Throws RangeError for more than
 * 255 parts, or 65,535 octets of payload.
 */
export function splitText(
  text: string,
  encoding: Encoding,
  { mode, defaultAlphabet, reference }: { mode: LongMessages; defaultAlphabet: DefaultAlphabet; reference: number },
): MessagePart[] {
  const wire = wireEncoding(text, encoding, defaultAlphabet)
  const encode = (piece: string) => encodeText(piece, { defaultAlphabet, encoding: wire })
  if (widthOf(text, wire) <= room[wire].alone) {
    const { dataCoding, octets } = encode(text)
    return [{ esmClass: 0, dataCoding, shortMessage: octets, tlvs: noTlvs }]
  }
  if (mode === 'payload') return [payload(encode(text))]
  const pieces = cut(text, wire)
  if (pieces.length > maxParts) throw new RangeError(`the text has ${pieces.length} parts, at most ${maxParts} fit`)
  const total = pieces.length
  return pieces.map((piece, place) => {
    const { dataCoding, octets } = encode(piece)
    if (mode === 'sar') {
      return { esmClass: 0, dataCoding, shortMessage: octets, tlvs: sarTlvs(reference, place + 1, total) }
    }
    const header = Buffer.of(5, concatenated8, 3, reference & 0xff, total, place + 1)
    return { esmClass: udhIndicator, dataCoding, shortMessage: Buffer.concat([header, octets]), tlvs: noTlvs }
  })
}

function payload({ dataCoding, octets }: { dataCoding: number; octets: Buffer }): MessagePart {
  if (octets.length > 0xffff) throw new RangeError(`the text has ${octets.length} octets, at most 65535 fit`)
  return {
    esmClass: 0,
    dataCoding,
    shortMessage: Buffer.alloc(0),
    tlvs: new Map([[tlvTags.messagePayload, octets]]),
  }
}

function sarTlvs(reference: number, number: number, total: number): ReadonlyMap<number, Buffer> {
  return new Map([
    [tlvTags.sarMsgRefNum, Buffer.of((reference >> 8) & 0xff, reference & 0xff)],
    [tlvTags.sarTotalSegments, Buffer.of(total)],
    [tlvTags.sarSegmentSeqnum, Buffer.of(number)],
  ])
}

/** Septets or UTF-16 units. */
function widthOf(text: string, encoding: Encoding): number {
  if (encoding === 'ucs2') return text.length
  let width = 0
  for (let at = 0; at < text.length; at++) width += septetWidth(text.charCodeAt(at))
  return width
}

/** Neither an escape pair nor a surrogate pair is cut: such a part stays one unit short. */
function cut(text: string, encoding: Encoding): string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length;) {
    const end = encoding === 'ucs2' ? endOfUnits(text, at) : endOfSeptets(text, at)
    pieces.push(text.slice(at, end))
    at = end
  }
  return pieces
}

function endOfUnits(text: string, start: number): number {
  const end = start + room.ucs2.part
  if (end >= text.length) return text.length
  const cutsPair = isWithin(text.charCodeAt(end - 1), 0xd800) && isWithin(text.charCodeAt(end), 0xdc00)
  return cutsPair ? end - 1 : end
}

/** High surrogates begin at 0xd800, low ones at 0xdc00; there are 1,024 of each. */
function isWithin(unit: number, from: number): boolean {
  return unit >= from && unit < from + 0x400
}

function endOfSeptets(text: string, start: number): number {
  let at = start
  for (let width = 0; at < text.length; at++) {
    width += septetWidth(text.charCodeAt(at))
    if (width > room.gsm7.part) break
  }
  return at
}

export interface ReadPart {
  /** The text without a header, to be read by data_coding; a view of the PDU. */
  octets: Buffer
  /** Which part of a longer text it is; `number` counts from 1. Missing for a whole one. */
  part?: { reference: number; number: number; total: number }
}

/** Of a deliver_sm or data_sm. Never throws: a header that makes no sense is left where it is, as text. */
export function readPart({ fields, tlvs }: Pick<Pdu, 'fields' | 'tlvs'>): ReadPart {
  const short = fields.shortMessage
  const octets = (short?.length ? short : tlvs.get(tlvTags.messagePayload)) ?? Buffer.alloc(0)
  const headed = ((fields.esmClass ?? 0) & udhIndicator) !== 0 ? readHeader(octets) : undefined
  const part = headed?.part ?? readSar(tlvs)
  return { octets: headed?.octets ?? octets, ...(part && { part }) }
}

/** Undefined when the header would not fit. */
function readHeader(octets: Buffer): ReadPart | undefined {
  const end = 1 + (octets[0] ?? 0)
  if (end > octets.length) return undefined
  let part: ReadPart['part']
  // Elements of a kind, a length and that many octets; one that would not fit ends them.
  for (let at = 1; at + 1 < end && at + 2 + octets[at + 1]! <= end; at += 2 + octets[at + 1]!) {
    const kind = octets[at]!
    const length = octets[at + 1]!
    if (kind === concatenated8 && length === 3) {
      part = partOf(octets[at + 2]!, octets[at + 3]!, octets[at + 4]!) ?? part
    } else if (kind === concatenated16 && length === 4) {
      part = partOf(octets.readUInt16BE(at + 2), octets[at + 4]!, octets[at + 5]!) ?? part
    }
  }
  return { octets: octets.subarray(end), ...(part && { part }) }
}

function readSar(tlvs: Pdu['tlvs']): ReadPart['part'] {
  const reference = tlvInteger(tlvs, tlvTags.sarMsgRefNum)
  const total = tlvInteger(tlvs, tlvTags.sarTotalSegments)
  const number = tlvInteger(tlvs, tlvTags.sarSegmentSeqnum)
  if (reference === undefined || total === undefined || number === undefined) return undefined
  return partOf(reference, total, number)
}

/** Nothing when the numbers make no sense, or there is nothing to join. */
function partOf(reference: number, total: number, number: number): ReadPart['part'] {
  return total > 1 && number >= 1 && number <= total ? { reference, number, total } : undefined
}
