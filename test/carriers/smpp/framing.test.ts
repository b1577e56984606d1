import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createFramer, maxPduLength } from '../../../engine/carriers/smpp/wire/framing.ts'
import { encodePdu, type PduError } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { statuses } from '../../../engine/carriers/smpp/wire/statuses.ts'
import { tlvTags } from '../../../engine/carriers/smpp/wire/tlvs.ts'

function collect() {
  const frames: string[] = []
  const errors: PduError[] = []
  const framer = createFramer({
    frame: frame => frames.push(frame.toString('hex')),
    wrong: error => errors.push(error),
  })
  return { framer, frames, errors }
}

const link = (sequence: number) => encodePdu({ command: 'enquire_link', sequence })

/** `length` as a command_length, and more octets. */
function claim(length: number, more = 0): Buffer {
  const octets = Buffer.alloc(4 + more)
  octets.writeUInt32BE(length)
  return octets
}

describe('a stream of octets', () => {
  test('is cut into the same PDUs however it comes', () => {
    const pdus = fc.array(
      fc.oneof(
        fc.nat().map(link),
        fc
          .nat(300)
          .map(length =>
            encodePdu({ command: 'submit_sm_resp', sequence: 1, tlvs: new Map([[1, Buffer.alloc(length, 0x5a)]]) }),
          ),
      ),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(pdus, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 }), (sent, sizes) => {
        const { framer, frames, errors } = collect()
        let rest = Buffer.concat(sent)
        for (const size of sizes) {
          framer.push(rest.subarray(0, size))
          rest = rest.subarray(size)
        }
        framer.push(rest)
        expect(frames).toEqual(sent.map(pdu => pdu.toString('hex')))
        expect(errors).toEqual([])
        expect(framer.partial()).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  test('tells whether a PDU has begun', () => {
    const { framer, frames } = collect()
    expect(framer.partial()).toBe(false)
    framer.push(link(1).subarray(0, 3))
    expect(framer.partial()).toBe(true)
    framer.push(link(1).subarray(3, 15))
    expect(framer.partial()).toBe(true)
    framer.push(Buffer.concat([link(1).subarray(15), link(2).subarray(0, 1)]))
    expect(frames).toHaveLength(1)
    expect(framer.partial()).toBe(true)
  })

  test('may come octet by octet, also for the longest PDU', () => {
    const { framer, frames } = collect()
    const longest = claim(maxPduLength, maxPduLength - 4)
    for (let at = 0; at < longest.length; at++) framer.push(longest.subarray(at, at + 1))
    expect(frames).toEqual([longest.toString('hex')])
  })

  test('has room for a payload of 64 KB beside the longest fields', () => {
    const { framer, frames } = collect()
    const text = 'x'.repeat(64)
    framer.push(
      encodePdu({
        command: 'data_sm',
        sequence: 1,
        fields: { sourceAddr: text, destinationAddr: text },
        tlvs: new Map([[tlvTags.messagePayload, Buffer.alloc(65_535)]]),
      }),
    )
    expect(frames).toHaveLength(1)
  })
})

describe('a length that cannot be true', () => {
  test.each([0, 2, 4, 8, 15, maxPduLength + 1, 0x7fff_ffff, 0xffff_ffff, Buffer.from('HTTP').readUInt32BE()])(
    'ends the stream, told once: %i',
    length => {
      const { framer, frames, errors } = collect()
      framer.push(Buffer.concat([link(1), claim(length, 40), link(2)]))
      framer.push(link(3))
      expect(frames).toEqual([link(1).toString('hex')])
      expect(errors).toHaveLength(1)
      expect(errors[0]).toMatchObject({ name: 'PduError', status: statuses.ESME_RINVCMDLEN, sequence: 0 })
      expect(framer.partial()).toBe(false)
    },
  )

  test('is seen too when it comes in pieces', () => {
    const { framer, errors } = collect()
    for (const octet of claim(8)) framer.push(Buffer.of(octet))
    expect(errors).toHaveLength(1)
  })

  test('costs no memory', () => {
    const before = process.memoryUsage().arrayBuffers
    const framers = Array.from({ length: 1_000 }, () => {
      const { framer } = collect()
      framer.push(claim(0x7fff_ffff))
      return framer
    })
    expect(framers).toHaveLength(1_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })
})
