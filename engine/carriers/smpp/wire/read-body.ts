// Fields and optional parameters off the wire (SMPP 3.4, section 3.1). Lengths
// of the specification are not held against the peer: what has an end is read.

import type { BodyField, Destination, PduFields, Unsuccessful } from './bodies.ts'
import { statuses } from './statuses.ts'
import { noTlvs } from './tlvs.ts'

const toNumber = 1

/** Turned into a PduError by decodePdu, which knows the header. */
export class BodyError extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Where in the frame the reading is. */
interface Cursor {
  frame: Buffer
  at: number
}

/**
 * Puts what it finds into `fields`; answers where the optional parameters
 * begin. `mayEnd`: the frame may be over before any field, and inside a text.
 */
export function readBody(
  body: readonly BodyField[],
  fields: PduFields,
  frame: Buffer,
  start: number,
  mayEnd: boolean,
): number {
  const cursor: Cursor = { frame, at: start }
  for (const field of body) {
    if (mayEnd && cursor.at === frame.length) break
    switch (field.kind) {
      case 'octet':
        fields[field.name] = readOctet(cursor, field.name)
        break
      case 'text':
        fields[field.name] = readText(cursor, field.name, mayEnd)
        break
      case 'message':
        fields.shortMessage = readMessage(cursor)
        break
      case 'destinations':
        fields.destinations = readDestinations(cursor)
        break
      case 'unsuccessful':
        fields.unsuccessful = readUnsuccessful(cursor)
        break
    }
  }
  return cursor.at
}

function endsIn(name: string): BodyError {
  return new BodyError(`it ends in ${name}`, statuses.ESME_RINVCMDLEN)
}

function readOctet(cursor: Cursor, name: string): number {
  const value = cursor.frame[cursor.at]
  if (value === undefined) throw endsIn(name)
  cursor.at++
  return value
}

function readText(cursor: Cursor, name: string, mayEnd: boolean): string {
  const { frame, at } = cursor
  const end = frame.indexOf(0, at)
  if (end === -1) {
    if (!mayEnd) throw endsIn(name)
    cursor.at = frame.length
    return frame.toString('latin1', at, frame.length)
  }
  cursor.at = end + 1
  return end === at ? '' : frame.toString('latin1', at, end)
}

function readMessage(cursor: Cursor): Buffer {
  const length = readOctet(cursor, 'sm_length')
  const end = cursor.at + length
  if (end > cursor.frame.length) throw new BodyError('it ends in shortMessage', statuses.ESME_RINVMSGLEN)
  const message = cursor.frame.subarray(cursor.at, end)
  cursor.at = end
  return message
}

function readDestinations(cursor: Cursor): Destination[] {
  return Array.from({ length: readOctet(cursor, 'number_of_dests') }, () => {
    if (readOctet(cursor, 'dest_flag') !== toNumber) return { listName: readText(cursor, 'dl_name', false) }
    return readAddress(cursor)
  })
}

function readUnsuccessful(cursor: Cursor): Unsuccessful[] {
  return Array.from({ length: readOctet(cursor, 'no_unsuccess') }, () => {
    const address = readAddress(cursor)
    if (cursor.at + 4 > cursor.frame.length) throw endsIn('error_status_code')
    const status = cursor.frame.readUInt32BE(cursor.at)
    cursor.at += 4
    return { ...address, status }
  })
}

function readAddress(cursor: Cursor) {
  return {
    addrTon: readOctet(cursor, 'dest_addr_ton'),
    addrNpi: readOctet(cursor, 'dest_addr_npi'),
    addr: readText(cursor, 'destination_addr', false),
  }
}

/** Fewer octets than a tag and a length are let go: some peers fill up. */
export function readTlvs(frame: Buffer, start: number): ReadonlyMap<number, Buffer> {
  let at = start
  if (frame.length - at < 4) return noTlvs
  const tlvs = new Map<number, Buffer>()
  while (frame.length - at >= 4) {
    const tag = frame.readUInt16BE(at)
    const length = frame.readUInt16BE(at + 2)
    at += 4
    if (at + length > frame.length) {
      throw new BodyError(`it ends in TLV 0x${tag.toString(16)}`, statuses.ESME_RINVOPTPARSTREAM)
    }
    tlvs.set(tag, frame.subarray(at, at + length))
    at += length
  }
  return tlvs
}
