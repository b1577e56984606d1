// What a message centre reports on a message: parameters of the PDU where it
// sends them, else a text (SMPP 3.4, appendix B), which each centre writes in
// its own way:
//
//   id:IIIIIIIIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:E text:…
//
// So it is read key by key, in any order and letter case, never by position.

import { decodeText, isUcs2, type DefaultAlphabet } from './alphabet.ts'
import { readPart } from './parts.ts'
import type { Pdu } from './pdu.ts'
import { tlvInteger, tlvTags, tlvText } from './tlvs.ts'

export type ReceiptState =
  | 'enroute'
  | 'accepted'
  | 'delivered'
  | 'expired'
  | 'deleted'
  | 'undeliverable'
  | 'rejected'
  | 'unknown'

export interface Receipt {
  /** As the network spells them, that of the parameter first. Empty when it names none. */
  ids: string[]
  state: ReceiptState
  /** The word of the text for the state, `DELIVRD`; null without one. */
  stat: string | null
  /** The network's code for what went wrong; null when it gives none, or only zeros. */
  error: string | null
  /** ms since 1970. The text names no time zone: it is read as UTC. */
  submitDate?: number
  doneDate?: number
  /** Told underway: another one follows. */
  intermediate: boolean
}

/** In esm_class, section 5.2.12: what a message from the centre is. */
const typeMask = 0x3c
const plainType = 0x00
const receiptType = 0x04
const intermediateType = 0x20

/** message_state, section 5.2.28; 0 and 9 are of SMPP 5.0. */
const statesByNumber: readonly ReceiptState[] = [
  'enroute',
  'enroute',
  'delivered',
  'expired',
  'deleted',
  'undeliverable',
  'accepted',
  'unknown',
  'rejected',
  'undeliverable',
]

/** By how the word begins: DELIVRD, DELIVERED; UNDELIV, UNDELIVERABLE; ACCEPTD, ACCEPTED. */
const statesByWord: ReadonlyArray<readonly [string, ReceiptState]> = [
  ['DELI', 'delivered'],
  ['UNDEL', 'undeliverable'],
  ['FAIL', 'undeliverable'],
  ['EXPIR', 'expired'],
  ['DELE', 'deleted'],
  ['ACCEP', 'accepted'],
  ['REJ', 'rejected'],
  ['ENROUTE', 'enroute'],
  ['BUFF', 'enroute'],
  ['SCHED', 'enroute'],
]

/**
 * Undefined for a deliver_sm or data_sm that is no receipt. One with the
 * parameter receipted_message_id is one whatever its esm_class says: a phone
 * cannot set it. Never throws.
 */
export function readReceipt(pdu: Pdu, defaultAlphabet: DefaultAlphabet): Receipt | undefined {
  const type = (pdu.fields.esmClass ?? 0) & typeMask
  const id = tlvText(pdu.tlvs, tlvTags.receiptedMessageId)
  const isReceipt = type === receiptType || type === intermediateType || (type === plainType && id !== undefined)
  if (!isReceipt) return undefined
  const keys = readKeys(readText(pdu, defaultAlphabet))
  const stat = keys.get('stat')?.toUpperCase() ?? null
  const number = tlvInteger(pdu.tlvs, tlvTags.messageState)
  const submitDate = readDate(keys.get('submitdate'))
  const doneDate = readDate(keys.get('donedate'))
  return {
    ids: [...new Set([id, keys.get('id')])].filter(id => id !== undefined),
    state: (number === undefined ? undefined : statesByNumber[number]) ?? stateOf(stat),
    stat,
    error: readError(keys.get('err')) ?? readNetworkError(pdu),
    ...(submitDate !== undefined && { submitDate }),
    ...(doneDate !== undefined && { doneDate }),
    intermediate: type === intermediateType,
  }
}

// Centres write this text as ASCII whatever data_coding they give it: that of
// the message reported on, mostly. An underscore in an id would be § in the GSM
// alphabet, and ASCII read as UCS-2 is Chinese.
function readText(pdu: Pdu, defaultAlphabet: DefaultAlphabet): string {
  const { octets } = readPart(pdu)
  const dataCoding = pdu.fields.dataCoding ?? 0
  const wide = octets[0] === 0 || octets[0] === 0xfe || octets[0] === 0xff
  if (wide) return decodeText(octets, 0x08, defaultAlphabet)
  if (isPlain(octets)) return octets.toString('latin1')
  return decodeText(octets, isUcs2(dataCoding) ? 0 : dataCoding, defaultAlphabet)
}

/** No control characters but tabs and line ends. */
function isPlain(octets: Buffer): boolean {
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]!
    if (octet < 0x20 && octet !== 0x09 && octet !== 0x0a && octet !== 0x0d) return false
  }
  return true
}

const key = /(?<![a-z0-9])(id|sub|dlvrd|submit[ _-]*date|done[ _-]*date|stat|err|text):/gi

/**
 * The first word after each key. What stands behind `text:` is the SMS itself,
 * and its words are never told, since one may be a code: nothing is read there.
 * Where `text:` comes first, the last of each key counts, which the centre wrote.
 * A text that has neither id nor state is no receipt: some centres tell those by
 * parameters, and repeat the SMS here.
 */
function readKeys(text: string): Map<string, string> {
  const matches = [...text.matchAll(key)]
  const found = matches.map((match, place) => ({
    name: match[1]!.toLowerCase().replaceAll(/[ _-]/g, ''),
    word: /^\s*([^\s,;]+)/.exec(text.slice(match.index + match[0].length, matches[place + 1]?.index))?.[1],
  }))
  const textAt = found.findIndex(({ name }) => name === 'text')
  const ordered = textAt === 0 ? found.toReversed() : textAt > 0 ? found.slice(0, textAt) : found
  const values = new Map<string, string>()
  for (const { name, word } of ordered) if (word !== undefined && !values.has(name)) values.set(name, word)
  return values.has('id') || values.has('stat') ? values : new Map()
}

function stateOf(stat: string | null): ReceiptState {
  return statesByWord.find(([start]) => stat?.startsWith(start))?.[1] ?? 'unknown'
}

function readError(code: string | undefined): string | null {
  return code === undefined || /^0*$/.test(code) ? null : code
}

/** One octet for the kind of network, two for its code. */
function readNetworkError({ tlvs }: Pdu): string | null {
  const value = tlvs.get(tlvTags.networkErrorCode)
  return value?.length === 3 ? readError(String(value.readUInt16BE(1))) : null
}

/** `YYMMDDhhmm`, with seconds or not; centres write zeros where they know nothing. */
function readDate(digits: string | undefined): number | undefined {
  const found = /^(?:20)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$/.exec(digits ?? '')
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1).map(part => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second)
}
