// Cuts the octets of a connection into PDUs. Each begins with its own length,
// four octets that count themselves.

import { PduError } from './pdu-error.ts'
import { statuses } from './statuses.ts'

/** The header alone. */
export const minPduLength = 16
/** A message_payload of 64 KB and room for all the rest. */
export const maxPduLength = 71_680

export interface Framer {
  /** `chunk` may hold part of a PDU, or many. */
  push(chunk: Buffer): void
  /** Whether a PDU has begun that is not all here. */
  partial(): boolean
}

export interface FramerEvents {
  /** One whole PDU; may be a view of the chunk. Must not throw. */
  frame(frame: Buffer): void
  /** The length cannot be true, so that nothing after it can be read: told once, nothing more is taken. */
  wrong(error: PduError): void
}

/** Copies each octet at most once however small the chunks are, and keeps no more than the PDU that has begun. */
export function createFramer(events: FramerEvents): Framer {
  const length = Buffer.alloc(4)
  let lengthFilled = 0
  // The PDU that has begun, once its length is known.
  let begun: Buffer | undefined
  let filled = 0
  let deaf = false

  /** The length at this place; undefined when it is wrong, which ends everything. */
  function checked(octets: Buffer, at: number): number | undefined {
    const value = octets.readUInt32BE(at)
    if (value >= minPduLength && value <= maxPduLength) return value
    deaf = true
    events.wrong(
      new PduError(`command_length ${value} is not within ${minPduLength} to ${maxPduLength}`, {
        status: statuses.ESME_RINVCMDLEN,
        sequence: 0,
      }),
    )
    return undefined
  }

  /** Goes on with what has begun; where in the chunk it ended. */
  function resume(chunk: Buffer): number {
    let at = 0
    if (begun === undefined) {
      at = chunk.copy(length, lengthFilled)
      lengthFilled += at
      if (lengthFilled < 4) return at
      lengthFilled = 0
      const total = checked(length, 0)
      if (total === undefined) return at
      begun = Buffer.allocUnsafe(total)
      filled = length.copy(begun)
    }
    const copied = chunk.copy(begun, filled, at)
    filled += copied
    if (filled === begun.length) {
      const whole = begun
      begun = undefined
      events.frame(whole)
    }
    return at + copied
  }

  function push(chunk: Buffer) {
    if (deaf) return
    let at = begun !== undefined || lengthFilled > 0 ? resume(chunk) : 0
    while (!deaf && at < chunk.length) {
      const left = chunk.length - at
      if (left < 4) {
        lengthFilled = chunk.copy(length, 0, at)
        return
      }
      const total = checked(chunk, at)
      if (total === undefined) return
      if (left < total) {
        begun = Buffer.allocUnsafe(total)
        filled = chunk.copy(begun, 0, at)
        return
      }
      const start = at
      at += total
      events.frame(chunk.subarray(start, at))
    }
  }

  return {
    push,
    partial: () => !deaf && (begun !== undefined || lengthFilled > 0),
  }
}
