// Hostile octets through all that reads them. PATCHCORD_TEST_LONG makes it a
// million PDUs instead of twenty thousand.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeText } from '../../../engine/carriers/smpp/wire/alphabet.ts'
import { createFramer } from '../../../engine/carriers/smpp/wire/framing.ts'
import { candidateIds } from '../../../engine/carriers/smpp/wire/message-ids.ts'
import { readPart } from '../../../engine/carriers/smpp/wire/parts.ts'
import { decodePdu, encodePdu, PduError } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { readReceipt } from '../../../engine/carriers/smpp/wire/receipt.ts'
import { tlvTags } from '../../../engine/carriers/smpp/wire/tlvs.ts'
import { anyPdu } from './any-pdu.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === undefined ? 20_000 : 1_000_000
const seed = 20_261_122

/** The same numbers each time: mulberry32. */
function createRandom(state: number) {
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const random = createRandom(seed)

const receipt = (esmClass: number, dataCoding: number, shortMessage: Buffer) =>
  encodePdu({
    command: 'deliver_sm',
    sequence: 1,
    fields: { esmClass, dataCoding, shortMessage, sourceAddr: '12015550123' },
    tlvs: new Map([
      [tlvTags.receiptedMessageId, Buffer.from('1a2b\0')],
      [tlvTags.messageState, Buffer.of(2)],
      [tlvTags.networkErrorCode, Buffer.of(3, 0, 27)],
    ]),
  })
const text = Buffer.from('id:0123456789 submit date:2611221030 done date:2611221031 stat:DELIVRD err:000 text:Hi')

/** What mutations begin with: PDUs of every command, and those that more code reads. */
const seeds = [
  ...fc.sample(anyPdu, { seed, numRuns: 400 }).map(pdu => encodePdu(pdu)),
  ...Array.from({ length: 40 }, (_, place) => receipt(0x04, place % 2 === 0 ? 0 : random(256), text)),
  ...Array.from({ length: 40 }, () => receipt(0x44, random(256), Buffer.from('0608041234030200480069', 'hex'))),
]

function anyOctets(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)))
}

/** A PDU of noise, or a good one with some octets changed, cut off or put in; with its length set right mostly. */
function mutate(): Buffer {
  let pdu =
    random(8) === 0
      ? Buffer.concat([seeds[random(seeds.length)]!.subarray(0, 16), anyOctets(random(200))])
      : Buffer.from(seeds[random(seeds.length)]!)
  for (let times = random(6); times > 0; times--) {
    const at = random(pdu.length)
    const kind = random(8)
    if (kind === 0) pdu = Buffer.from(pdu.subarray(0, Math.max(at, 16)))
    else if (kind === 1) pdu = Buffer.concat([pdu.subarray(0, at), anyOctets(random(20)), pdu.subarray(at)])
    else pdu[at] = kind === 2 ? 0 : kind === 3 ? 0xff : random(256)
  }
  if (random(20) !== 0) pdu.writeUInt32BE(pdu.length)
  return pdu
}

/** All that happens to a PDU that came in; what it was. */
function readAll(frame: Buffer): 'read' | 'unreadable' {
  try {
    const pdu = decodePdu(frame)
    const { octets, part } = readPart(pdu)
    decodeText(octets, pdu.fields.dataCoding ?? 0, 'gsm7')
    for (const id of readReceipt(pdu, 'gsm7')?.ids ?? []) candidateIds(id, 'auto')
    if (part !== undefined && !(part.number >= 1 && part.number <= part.total)) throw new Error('a part of nothing')
    return 'read'
  } catch (cause) {
    if (cause instanceof PduError) return 'unreadable'
    throw cause
  }
}

describe('hostile octets', () => {
  test(`of ${rounds} PDUs end in PduError or in a PDU, and leave no memory behind`, { timeout: 900_000 }, () => {
    const ends = { read: 0, unreadable: 0, wrong: 0 }
    let error: PduError | undefined
    const fresh = () =>
      createFramer({
        frame: frame => ends[readAll(frame)]++,
        wrong: found => {
          error = found
          ends.wrong++
        },
      })
    let framer = fresh()
    const feed = (times: number) => {
      for (let round = 0; round < times; round++) {
        const pdu = mutate()
        const cut = random(3) === 0 ? random(pdu.length + 1) : pdu.length
        framer.push(pdu.subarray(0, cut))
        framer.push(pdu.subarray(cut))
        // A stream that has lost its step goes on as another connection.
        if (error !== undefined || random(50) === 0) framer = fresh()
        error = undefined
      }
    }
    // What the compiler and the pools take is taken by then.
    feed(rounds / 4)
    const before = process.memoryUsage()
    feed((rounds / 4) * 3)
    const after = process.memoryUsage()
    expect(after.rss - before.rss).toBeLessThan(50_000_000)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(50_000_000)
    // It was worth it: neither all good nor all bad.
    for (const count of Object.values(ends)) expect(count).toBeGreaterThan(rounds / 100)
    expect(ends.read).toBeGreaterThan(rounds / 10)
  })

  test('of one octet more or less at every place of a PDU', () => {
    for (const pdu of seeds.slice(0, 60)) {
      for (let length = 16; length <= pdu.length; length++) {
        const cut = Buffer.from(pdu.subarray(0, length))
        cut.writeUInt32BE(length)
        readAll(cut)
      }
    }
  })

  test('of 64 KB are read in no time that one would notice', () => {
    const payload = Buffer.alloc(65_000, 'submit  date:id:stat: text:')
    const pdu = encodePdu({
      command: 'deliver_sm',
      sequence: 1,
      fields: { esmClass: 4 },
      tlvs: new Map([[0x0424, payload]]),
    })
    const many = Buffer.alloc(70_000)
    seeds[0]!.copy(many)
    many.writeUInt32BE(0x0000_0005, 4)
    many.writeUInt32BE(many.length)
    for (let times = 0; times < 20; times++) {
      expect(readAll(pdu)).toBe('read')
      readAll(many)
    }
  })
})
