// What we put on the wire, as Wireshark's dissector reads it. The fixture holds
// the octets that it was shown and what it saw; where tshark is installed the
// octets of today are shown to it anew.
//
// PATCHCORD_WRITE_GOLDEN=1 writes the fixture.

import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { decodePdu, encodePdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { examples } from './golden/examples.ts'
import { dissect, hasTshark } from './golden/tshark.ts'

interface Golden {
  name: string
  octets: string
  fields: Record<string, string>
}

const file = join(import.meta.dirname, 'golden', 'pdus.json')
const write = process.env.PATCHCORD_WRITE_GOLDEN === '1'
const goldens: Golden[] = write ? [] : JSON.parse(readFileSync(file, 'utf8'))

describe('on the wire', () => {
  test('tshark, where it is installed, finds every PDU well-formed and meant as it is', async () => {
    if (!(await hasTshark())) {
      expect(write, 'tshark and text2pcap write the fixture').toBe(false)
      console.info('tshark is not installed: the octets are held against the fixture alone')
      return
    }
    const dissected = await dissect(examples.map(({ pdu }) => encodePdu(pdu)))
    expect(dissected).toHaveLength(examples.length)
    for (const [place, { name, pdu, sees }] of examples.entries()) {
      const { fields, malformed } = dissected[place]!
      expect(malformed, name).toBe(false)
      expect(fields, name).toMatchObject({ 'smpp.sequence_number': String(pdu.sequence), ...sees })
      goldens[place] ??= { name, octets: encodePdu(pdu).toString('hex'), fields }
    }
    if (write) await writeFile(file, `${JSON.stringify(goldens, undefined, 2)}\n`)
  })

  test.each(examples.map((example, place) => [example.name, example, place] as const))(
    'the octets are those that tshark saw: %s',
    (name, { pdu, sees }, place) => {
      const golden = goldens[place]!
      expect(golden.name).toBe(name)
      expect(encodePdu(pdu).toString('hex')).toBe(golden.octets)
      expect(golden.fields).toMatchObject({ 'smpp.sequence_number': String(pdu.sequence), ...sees })
      expect(decodePdu(Buffer.from(golden.octets, 'hex'))).toMatchObject({ status: 0, ...pdu })
    },
  )
})
