// Fields and optional parameters onto the wire (SMPP 3.4, section 3.1). The
// size is taken first, so that a PDU is one allocation and no copy.

import type { BodyField, Destination, PduFields, Unsuccessful } from './bodies.ts'

const maxShortMessage = 254
const maxAddress = 20
const maxListed = 255

const toNumber = 1
const toList = 2

/** Throws RangeError for what is too long. */
export function sizeOfBody(body: readonly BodyField[], fields: PduFields): number {
  let size = 0
  for (const field of body) {
    switch (field.kind) {
      case 'octet':
        size++
        break
      case 'text': {
        const text = fields[field.name]
        size += text === undefined ? 1 : sizeOfText(field.name, text, field.max)
        break
      }
      case 'message':
        size += 1 + sizeOfMessage(fields.shortMessage)
        break
      case 'destinations':
        size += sizeOfList(field.name, fields.destinations, sizeOfDestination)
        break
      case 'unsuccessful':
        size += sizeOfList(field.name, fields.unsuccessful, ({ addr }) => 6 + sizeOfText('addr', addr, maxAddress))
        break
    }
  }
  return size
}

function sizeOfText(name: string, text: string, max: number): number {
  if (text.length > max) throw new RangeError(`${name} has ${text.length} octets, at most ${max} fit`)
  return text.length + 1
}

function sizeOfMessage(message: Buffer | undefined): number {
  if (message === undefined) return 0
  if (message.length > maxShortMessage) {
    throw new RangeError(`shortMessage has ${message.length} octets, at most ${maxShortMessage} fit`)
  }
  return message.length
}

function sizeOfList<Item>(name: string, items: readonly Item[] = [], sizeOf: (item: Item) => number): number {
  if (items.length > maxListed) throw new RangeError(`${name} has ${items.length} entries, at most ${maxListed} fit`)
  return items.reduce((size, item) => size + sizeOf(item), 1)
}

function sizeOfDestination(to: Destination): number {
  return 'listName' in to
    ? 1 + sizeOfText('listName', to.listName, maxAddress)
    : 3 + sizeOfText('addr', to.addr, maxAddress)
}

/** Where the next octet goes. */
export function writeBody(body: readonly BodyField[], fields: PduFields, pdu: Buffer, start: number): number {
  let at = start
  for (const field of body) {
    switch (field.kind) {
      case 'octet':
        pdu[at++] = octet(field.name, fields[field.name])
        break
      case 'text':
        at = writeText(field.name, fields[field.name], pdu, at)
        break
      case 'message':
        at = writeMessage(fields.shortMessage, pdu, at)
        break
      case 'destinations':
        at = writeDestinations(fields.destinations ?? [], pdu, at)
        break
      case 'unsuccessful':
        at = writeUnsuccessful(fields.unsuccessful ?? [], pdu, at)
        break
    }
  }
  return at
}

function octet(name: string, value = 0): number {
  if (value < 0 || value > 255 || !Number.isInteger(value)) throw new RangeError(`${name} does not fit one octet`)
  return value
}

/** Character by character: for strings as short as these that is faster than a call into the buffer's own code. */
function writeText(name: string, text: string | undefined, pdu: Buffer, start: number): number {
  let at = start
  if (text !== undefined) {
    for (let place = 0; place < text.length; place++) {
      const code = text.charCodeAt(place)
      // A NUL would end the field there and make the rest another one.
      if (code === 0 || code > 0xff) throw new RangeError(`${name} has a character that is not one octet`)
      pdu[at++] = code
    }
  }
  pdu[at++] = 0
  return at
}

function writeMessage(message: Buffer | undefined, pdu: Buffer, at: number): number {
  if (message === undefined) {
    pdu[at] = 0
    return at + 1
  }
  pdu[at] = message.length
  pdu.set(message, at + 1)
  return at + 1 + message.length
}

function writeDestinations(destinations: readonly Destination[], pdu: Buffer, start: number): number {
  let at = start
  pdu[at++] = destinations.length
  for (const to of destinations) {
    if ('listName' in to) {
      pdu[at++] = toList
      at = writeText('listName', to.listName, pdu, at)
    } else {
      pdu[at++] = toNumber
      pdu[at++] = octet('addrTon', to.addrTon)
      pdu[at++] = octet('addrNpi', to.addrNpi)
      at = writeText('addr', to.addr, pdu, at)
    }
  }
  return at
}

function writeUnsuccessful(unsuccessful: readonly Unsuccessful[], pdu: Buffer, start: number): number {
  let at = start
  pdu[at++] = unsuccessful.length
  for (const { addrTon, addrNpi, addr, status } of unsuccessful) {
    pdu[at++] = octet('addrTon', addrTon)
    pdu[at++] = octet('addrNpi', addrNpi)
    at = pdu.writeUInt32BE(status, writeText('addr', addr, pdu, at))
  }
  return at
}

/** Throws RangeError for a tag or a value that does not fit. */
export function sizeOfTlvs(tlvs: ReadonlyMap<number, Buffer>): number {
  let size = 0
  if (tlvs.size === 0) return size
  for (const [tag, value] of tlvs) {
    if (tag < 0 || tag > 0xffff || !Number.isInteger(tag)) throw new RangeError('a tag does not fit two octets')
    if (value.length > 0xffff)
      throw new RangeError(`TLV 0x${tag.toString(16)} has ${value.length} octets, at most 65535 fit`)
    size += 4 + value.length
  }
  return size
}

export function writeTlvs(tlvs: ReadonlyMap<number, Buffer>, pdu: Buffer, start: number): void {
  let at = start
  if (tlvs.size === 0) return
  for (const [tag, value] of tlvs) {
    at = pdu.writeUInt16BE(tag, at)
    at = pdu.writeUInt16BE(value.length, at)
    pdu.set(value, at)
    at += value.length
  }
}
