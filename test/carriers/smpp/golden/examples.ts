// PDUs as we put them on the wire, each with what an independent decoder has
// to see in it: names and values are those of Wireshark's SMPP dissector.

import { splitText } from '../../../../engine/carriers/smpp/wire/parts.ts'
import type { PduFields, PduInput } from '../../../../engine/carriers/smpp/wire/pdu.ts'
import { tlvTags } from '../../../../engine/carriers/smpp/wire/tlvs.ts'

export interface Example {
  name: string
  pdu: PduInput
  sees: Record<string, string>
}

const bindFields: PduFields = {
  systemId: 'patchcord',
  password: 'secret08',
  systemType: 'OTP',
  interfaceVersion: 0x34,
  addrTon: 1,
  addrNpi: 1,
  addressRange: '^1201',
}
const seesBind = {
  'smpp.system_id': 'patchcord',
  'smpp.password': 'secret08',
  'smpp.system_type': 'OTP',
  'smpp.interface_version': '52',
  'smpp.addr_ton': '0x01',
  'smpp.addr_npi': '0x01',
  'smpp.address_range': '^1201',
}

const submitFields: PduFields = {
  sourceAddrTon: 5,
  sourceAddrNpi: 0,
  sourceAddr: 'Patchcord',
  destAddrTon: 1,
  destAddrNpi: 1,
  destinationAddr: '12015550123',
  validityPeriod: '000000000500000R',
  registeredDelivery: 1,
}
const seesSubmit = {
  'smpp.source_addr_ton': '0x05',
  'smpp.source_addr': 'Patchcord',
  'smpp.dest_addr_ton': '0x01',
  'smpp.dest_addr_npi': '0x01',
  'smpp.destination_addr': '12015550123',
  'smpp.regdel.receipt': '0x01',
}

const long = `${'Your code is 123456 {€}. '.repeat(7)}Good bye`
const longCyrillic = `Ваш код 123456 😀 ${'и ещё раз '.repeat(9)}`
const code = 'Ваш код: 123456'

function submits(
  name: string,
  text: string,
  encoding: 'gsm7' | 'ucs2',
  mode: 'udh' | 'sar' | 'payload',
  sees: Example['sees'],
) {
  const parts = splitText(text, encoding, { mode, defaultAlphabet: 'gsm7', reference: 0xa7 })
  return parts.map(({ tlvs, ...fields }, place): Example => ({
    name: parts.length === 1 ? name : `${name}, part ${place + 1} of ${parts.length}`,
    pdu: { command: 'submit_sm', sequence: 0x7fff_fff0 + place, fields: { ...submitFields, ...fields }, tlvs },
    sees: { ...seesSubmit, ...seesPart(mode, parts.length, place + 1), ...sees },
  }))
}

function seesPart(mode: 'udh' | 'sar' | 'payload', total: number, number: number): Example['sees'] {
  if (total === 1) return { 'smpp.esm.submit.features': '0x00' }
  if (mode === 'sar') {
    return {
      'smpp.sar_msg_ref_num': '167',
      'smpp.sar_total_segments': String(total),
      'smpp.sar_segment_seqnum': String(number),
    }
  }
  return {
    'smpp.esm.submit.features': '0x01',
    'gsm_sms.udh.mm.msg_id': '167',
    'gsm_sms.udh.mm.msg_parts': String(total),
    'gsm_sms.udh.mm.msg_part': String(number),
  }
}

const receiptText =
  'id:0123456789 sub:001 dlvrd:001 submit date:2611221030 done date:2611221031 stat:DELIVRD err:000 text:Your code'

export const examples: Example[] = [
  ...(['bind_receiver', 'bind_transmitter', 'bind_transceiver'] as const).map(command => ({
    name: command,
    pdu: { command, sequence: 1, fields: bindFields },
    sees: seesBind,
  })),
  {
    name: 'bind_transceiver_resp',
    pdu: {
      command: 'bind_transceiver_resp',
      sequence: 1,
      fields: { systemId: 'centre' },
      tlvs: new Map([[tlvTags.scInterfaceVersion, Buffer.of(0x34)]]),
    },
    sees: { 'smpp.system_id': 'centre', 'smpp.SC_interface_version': '52' },
  },
  {
    name: 'a refused bind',
    pdu: { command: 'bind_transceiver_resp', status: 0x0e, sequence: 1 },
    sees: { 'smpp.command_status': '0x0000000e' },
  },
  ...submits('a short text', 'Your code is 123456', 'gsm7', 'udh', { 'smpp.data_coding': '0x00' }),
  ...submits('a Cyrillic text', code, 'ucs2', 'udh', { 'smpp.data_coding': '0x08' }),
  ...submits('a long text by UDH', long, 'gsm7', 'udh', { 'smpp.data_coding': '0x00' }),
  ...submits('a long Cyrillic text by UDH', longCyrillic, 'ucs2', 'udh', { 'smpp.data_coding': '0x08' }),
  ...submits('a long text by SAR', long, 'gsm7', 'sar', { 'smpp.esm.submit.features': '0x00' }),
  ...submits('a long text by payload', long, 'gsm7', 'payload', { 'smpp.sm_length': '0' }),
  {
    name: 'a submit_sm with parameters',
    pdu: {
      command: 'submit_sm',
      sequence: 2,
      fields: { ...submitFields, serviceType: 'OTP', priorityFlag: 1, shortMessage: Buffer.from('1') },
      tlvs: new Map([
        [tlvTags.userMessageReference, Buffer.of(0x12, 0x34)],
        [tlvTags.sourcePort, Buffer.of(0x0b, 0x84)],
        [0x1400, Buffer.from('1101234567890123456')],
      ]),
    },
    sees: {
      ...seesSubmit,
      'smpp.service_type': 'OTP',
      'smpp.priority_flag': '0x01',
      'smpp.user_message_reference': '0x1234',
      'smpp.source_port': '0x0b84',
      'smpp.vendor_op': '31:31:30:31:32:33:34:35:36:37:38:39:30:31:32:33:34:35:36',
    },
  },
  {
    name: 'submit_sm_resp',
    pdu: { command: 'submit_sm_resp', sequence: 2, fields: { messageId: '0a1b-2C3d' } },
    sees: { 'smpp.message_id': '0a1b-2C3d', 'smpp.command_status': '0x00000000' },
  },
  {
    name: 'a throttled submit_sm',
    pdu: { command: 'submit_sm_resp', status: 0x58, sequence: 2 },
    sees: { 'smpp.command_status': '0x00000058' },
  },
  {
    name: 'a receipt',
    pdu: {
      command: 'deliver_sm',
      sequence: 7,
      fields: {
        sourceAddrTon: 1,
        sourceAddrNpi: 1,
        sourceAddr: '12015550123',
        destinationAddr: 'Patchcord',
        esmClass: 0x04,
        shortMessage: Buffer.from(receiptText),
      },
      tlvs: new Map([
        [tlvTags.receiptedMessageId, Buffer.from('75bcd15\0')],
        [tlvTags.messageState, Buffer.of(2)],
        [tlvTags.networkErrorCode, Buffer.of(3, 0, 27)],
      ]),
    },
    sees: {
      'smpp.esm.submit.msg_type': '0x01',
      'smpp.source_addr': '12015550123',
      'smpp.destination_addr': 'Patchcord',
      'smpp.message': Buffer.from(receiptText)
        .toString('hex')
        .replaceAll(/..(?!$)/g, '$&:'),
      'smpp.receipted_message_id': '75bcd15',
      'smpp.message_state': '2',
      'smpp.network_error.code': '0x001b',
    },
  },
  {
    name: 'deliver_sm_resp',
    pdu: { command: 'deliver_sm_resp', sequence: 7 },
    sees: { 'smpp.command_id': '0x80000005', 'smpp.command_length': '17' },
  },
  {
    name: 'data_sm',
    pdu: {
      command: 'data_sm',
      sequence: 3,
      fields: { sourceAddr: 'Patchcord', destinationAddr: '12015550123', dataCoding: 8 },
      tlvs: new Map([[tlvTags.messagePayload, Buffer.from(code, 'utf16le').swap16()]]),
    },
    sees: { 'smpp.source_addr': 'Patchcord', 'smpp.destination_addr': '12015550123', 'smpp.data_coding': '0x08' },
  },
  {
    name: 'submit_multi',
    pdu: {
      command: 'submit_multi',
      sequence: 4,
      fields: {
        sourceAddr: 'Patchcord',
        destinations: [{ addrTon: 1, addrNpi: 1, addr: '12015550123' }, { listName: 'staff' }],
        shortMessage: Buffer.from('Hi'),
      },
    },
    sees: { 'smpp.message': '48:69', 'smpp.destination_addr': '12015550123', 'smpp.dl_name': 'staff' },
  },
  {
    name: 'query_sm',
    pdu: { command: 'query_sm', sequence: 5, fields: { messageId: '75bcd15', sourceAddr: 'Patchcord' } },
    sees: { 'smpp.message_id': '75bcd15', 'smpp.source_addr': 'Patchcord' },
  },
  {
    name: 'cancel_sm',
    pdu: {
      command: 'cancel_sm',
      sequence: 6,
      fields: { messageId: '75bcd15', sourceAddr: 'Patchcord', destinationAddr: '12015550123' },
    },
    sees: { 'smpp.message_id': '75bcd15', 'smpp.destination_addr': '12015550123' },
  },
  ...(['enquire_link', 'enquire_link_resp', 'unbind', 'unbind_resp'] as const).map(command => ({
    name: command,
    pdu: { command, sequence: 0x7fff_ffff },
    sees: { 'smpp.sequence_number': '2147483647', 'smpp.command_length': '16' },
  })),
  {
    name: 'generic_nack',
    pdu: { command: 'generic_nack', status: 0x03, sequence: 0 },
    sees: { 'smpp.command_id': '0x80000000', 'smpp.command_status': '0x00000003' },
  },
]
