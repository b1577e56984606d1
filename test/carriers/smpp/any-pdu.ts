// PDUs of every command with all their fields, for properties.

import * as fc from 'fast-check'

import { bodies, type BodyField } from '../../../engine/carriers/smpp/wire/bodies.ts'
import { commandNames, type CommandName } from '../../../engine/carriers/smpp/wire/commands.ts'
import type { PduFields, PduInput } from '../../../engine/carriers/smpp/wire/pdu.ts'

export const octet = fc.integer({ min: 0, max: 255 })
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map(values => Buffer.from(values))
const characters = (last: number) => fc.integer({ min: 1, max: last }).map(code => String.fromCharCode(code))

/** `lastCharacter`: 0xff for all that the wire takes, 0x7f for peers that know ASCII alone. */
export function anyFields(command: CommandName, lastCharacter: number): fc.Arbitrary<PduFields> {
  const text = (maxLength: number) => fc.string({ unit: characters(lastCharacter), maxLength })
  const address = { addrTon: octet, addrNpi: octet, addr: text(20) }
  const valueOf = (field: BodyField): fc.Arbitrary<unknown> => {
    switch (field.kind) {
      case 'octet':
        return octet
      case 'text':
        return text(field.max)
      case 'message':
        return octets(254)
      case 'destinations':
        return fc.array(fc.oneof(fc.record(address), fc.record({ listName: text(20) })), { maxLength: 5 })
      default:
        return fc.array(fc.record({ ...address, status: fc.nat() }), { maxLength: 5 })
    }
  }
  const values = Object.fromEntries(bodies[command].map(field => [field.name, valueOf(field)]))
  return fc.record(values).map(fields => fields as PduFields)
}

export const anyPdu: fc.Arbitrary<Required<PduInput>> = fc.constantFrom(...commandNames).chain(command =>
  fc.record({
    command: fc.constant(command),
    status: fc.constantFrom(0, 0x58, 0xffff_ffff),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    fields: anyFields(command, 0xff),
    tlvs: fc
      .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 0xffff }), octets(40)), {
        maxLength: 4,
        selector: ([tag]) => tag,
      })
      .map(entries => new Map(entries)),
  }),
)
