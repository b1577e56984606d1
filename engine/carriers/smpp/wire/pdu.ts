// One SMPP PDU, to octets and back (SMPP 3.4, section 3.2):
//
//   command_length 4 | command_id 4 | command_status 4 | sequence_number 4
//   mandatory fields in their order (bodies.ts)
//   optional parameters: tag 2 | length 2 | value
//
// Numbers are big-endian. What goes out keeps to the letter; what comes in is
// read as real message centres send it.

import { bodies, type PduFields } from './bodies.ts'
import { commandId, commandName, isResponse, type CommandName } from './commands.ts'
import { PduError } from './pdu-error.ts'
import { BodyError, readBody, readTlvs } from './read-body.ts'
import { statuses } from './statuses.ts'
import { noTlvs } from './tlvs.ts'
import { sizeOfBody, sizeOfTlvs, writeBody, writeTlvs } from './write-body.ts'

export type { Destination, PduFields, Unsuccessful } from './bodies.ts'
export { PduError } from './pdu-error.ts'

const headerLength = 16
const noFields: PduFields = Object.freeze({})

export interface Pdu {
  command: CommandName
  /** command_status: 0, or why not (statuses.ts). */
  status: number
  sequence: number
  fields: PduFields
  /** By tag (tlvs.ts), unknown ones too. Of a tag that comes twice, the last. */
  tlvs: ReadonlyMap<number, Buffer>
}

export interface PduInput {
  command: CommandName
  status?: number
  sequence: number
  fields?: PduFields
  tlvs?: ReadonlyMap<number, Buffer>
}

/**
 * Throws RangeError that names the field: too long for the wire, a character
 * that is not one octet, a number that does not fit. An error response without
 * fields goes out without a body, as the specification has it.
 */
export function encodePdu({ command, status = 0, sequence, fields, tlvs = noTlvs }: PduInput): Buffer {
  const body = fields === undefined && status !== 0 && isResponse(command) ? [] : bodies[command]
  const given = fields ?? noFields
  const pdu = Buffer.allocUnsafe(headerLength + sizeOfBody(body, given) + sizeOfTlvs(tlvs))
  pdu.writeUInt32BE(pdu.length, 0)
  pdu.writeUInt32BE(commandId(command), 4)
  pdu.writeUInt32BE(status, 8)
  pdu.writeUInt32BE(sequence, 12)
  const at = writeBody(body, given, pdu, headerLength)
  writeTlvs(tlvs, pdu, at)
  return pdu
}

/**
 * `frame` is one whole PDU (framing.ts); shortMessage and the optional
 * parameters are views of it. Throws PduError and nothing else.
 *
 * Responses may end before any of their fields, and what an error response has
 * after its header is read only if it can be: its body is not promised.
 */
export function decodePdu(frame: Buffer): Pdu {
  if (frame.length < headerLength || frame.readUInt32BE(0) !== frame.length) {
    throw new PduError(`command_length does not fit the ${frame.length} octets`, {
      status: statuses.ESME_RINVCMDLEN,
      sequence: 0,
    })
  }
  const id = frame.readUInt32BE(4)
  const status = frame.readUInt32BE(8)
  const sequence = frame.readUInt32BE(12)
  const command = commandName(id)
  if (command === undefined) {
    throw new PduError(`unknown command 0x${id.toString(16)}`, {
      status: statuses.ESME_RINVCMDID,
      sequence,
      commandId: id,
    })
  }
  const pdu: Pdu = { command, status, sequence, fields: {}, tlvs: noTlvs }
  if (frame.length === headerLength && (isResponse(command) || bodies[command].length === 0)) return pdu
  try {
    const at = readBody(bodies[command], pdu.fields, frame, headerLength, isResponse(command))
    pdu.tlvs = readTlvs(frame, at)
  } catch (cause) {
    if (!(cause instanceof BodyError)) throw cause
    if (status !== 0 && isResponse(command)) return withoutBody(pdu, frame)
    throw new PduError(`${command}: ${cause.message}`, { status: cause.status, sequence, command, commandId: id })
  }
  return pdu
}

/** Some centres leave out the fields of an error response but not what tells of the error. */
function withoutBody(pdu: Pdu, frame: Buffer): Pdu {
  const bare: Pdu = { ...pdu, fields: {}, tlvs: noTlvs }
  try {
    bare.tlvs = readTlvs(frame, headerLength)
  } catch (cause) {
    if (!(cause instanceof BodyError)) throw cause
  }
  return bare
}
