// The same PDUs through a codec that we did not write: the npm package `smpp`.

import { createRequire } from 'node:module'

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { commandId, commandNames, type CommandName } from '../../../engine/carriers/smpp/wire/commands.ts'
import { decodePdu, encodePdu, type PduFields } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { statuses } from '../../../engine/carriers/smpp/wire/statuses.ts'
import { tlvTags } from '../../../engine/carriers/smpp/wire/tlvs.ts'
import { anyFields } from './any-pdu.ts'

interface PeerPdu extends Record<string, unknown> {
  toBuffer(): Buffer
}

// It has no types of its own.
const peer = createRequire(import.meta.url)('smpp') as {
  PDU: new (command: string | Buffer, fields?: Record<string, unknown>) => PeerPdu
  commands: Record<string, { id: number; params?: Record<string, unknown> }>
  errors: Record<string, number>
  tlvs: Record<string, { id: number }>
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** Our fields by the peer's names. */
function peerFields({ destinations, unsuccessful, ...fields }: PduFields): Record<string, unknown> {
  const address = (to: { addrTon: number; addrNpi: number; addr: string }) => ({
    dest_addr_ton: to.addrTon,
    dest_addr_npi: to.addrNpi,
    destination_addr: to.addr,
  })
  return {
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [snake(name), value])),
    ...(destinations && {
      dest_address: destinations.map(to => ('listName' in to ? { dl_name: to.listName } : address(to))),
    }),
    ...(unsuccessful && {
      unsuccess_sme: unsuccessful.map(({ status, ...to }) => ({ ...address(to), error_status_code: status })),
    }),
  }
}

/** What the peer turns into objects of its own goes by values that it leaves alone: no times, and octets as data. */
function plainFields(command: CommandName): fc.Arbitrary<PduFields> {
  return anyFields(command, 0x7f).map(fields => {
    const plain = { ...fields }
    for (const name of ['scheduleDeliveryTime', 'validityPeriod', 'finalDate'] as const) {
      if (name in plain) plain[name] = ''
    }
    if ('esmClass' in plain) plain.esmClass = 0
    if ('dataCoding' in plain) plain.dataCoding = 4
    return plain
  })
}

const shared = commandNames.filter(name => name in peer.commands)
const tlvs = new Map([
  [tlvTags.receiptedMessageId, Buffer.from('1a2b\0')],
  [tlvTags.userResponseCode, Buffer.of(2)],
  [tlvTags.sarMsgRefNum, Buffer.of(1, 2)],
  [tlvTags.networkErrorCode, Buffer.of(3, 0, 27)],
])
const peerTlvs = {
  receipted_message_id: '1a2b',
  user_response_code: 2,
  sar_msg_ref_num: 0x0102,
  network_error_code: Buffer.of(3, 0, 27),
}

describe('another codec', () => {
  test('knows the same commands, statuses and parameters by the same numbers', () => {
    expect(shared).toEqual(commandNames)
    for (const name of shared) expect(commandId(name), name).toBe(peer.commands[name]!.id)
    for (const [name, code] of Object.entries(statuses))
      if (name in peer.errors) expect(code, name).toBe(peer.errors[name])
    const alias: Record<string, string> = { destinationPort: 'dest_port' }
    for (const [name, tag] of Object.entries(tlvTags)) {
      expect(peer.tlvs[alias[name] ?? snake(name)]?.id, name).toBe(tag)
    }
  })

  test.each(shared)('reads our %s', command => {
    fc.assert(
      fc.property(plainFields(command), fields => {
        const read = new peer.PDU(encodePdu({ command, sequence: 42, fields, tlvs }))
        const { short_message, ...seen } = read as PeerPdu & { short_message?: Buffer | { message: Buffer } }
        const { short_message: sent, ...expected } = peerFields(fields)
        expect(seen).toMatchObject({ command, command_status: 0, sequence_number: 42, ...expected, ...peerTlvs })
        expect(Buffer.isBuffer(short_message) ? short_message : short_message?.message).toEqual(sent)
      }),
      { numRuns: 100 },
    )
  })

  test.each(shared)('writes a %s that we read', command => {
    fc.assert(
      fc.property(plainFields(command), fields => {
        const written = new peer.PDU(command, { sequence_number: 42, ...peerFields(fields), ...peerTlvs }).toBuffer()
        expect(decodePdu(written)).toEqual({ command, status: 0, sequence: 42, fields, tlvs })
      }),
      { numRuns: 100 },
    )
  })

  test('answers with errors that we read: it leaves out their bodies', () => {
    const written = new peer.PDU('submit_sm_resp', { sequence_number: 42, command_status: 0x58 }).toBuffer()
    expect(decodePdu(written)).toEqual({
      command: 'submit_sm_resp',
      status: statuses.ESME_RTHROTTLED,
      sequence: 42,
      fields: {},
      tlvs: new Map(),
    })
  })
})
