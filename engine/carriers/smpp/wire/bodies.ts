// The mandatory fields of each command in the order of the wire (SMPP 3.4,
// chapter 4), with the most characters that a C-octet string may have (its
// NUL not counted).

import type { CommandName } from './commands.ts'

/** One destination of a submit_multi: a number, or the name of a distribution list. */
export type Destination = { addrTon: number; addrNpi: number; addr: string } | { listName: string }

/** One destination that a submit_multi_resp refuses. `status` is a command_status. */
export interface Unsuccessful {
  addrTon: number
  addrNpi: number
  addr: string
  status: number
}

interface OctetFields {
  interfaceVersion?: number
  addrTon?: number
  addrNpi?: number
  sourceAddrTon?: number
  sourceAddrNpi?: number
  destAddrTon?: number
  destAddrNpi?: number
  esmeAddrTon?: number
  esmeAddrNpi?: number
  esmClass?: number
  protocolId?: number
  priorityFlag?: number
  registeredDelivery?: number
  replaceIfPresentFlag?: number
  dataCoding?: number
  smDefaultMsgId?: number
  messageState?: number
  errorCode?: number
}

/** Latin-1, each character one octet. */
interface TextFields {
  systemId?: string
  password?: string
  systemType?: string
  addressRange?: string
  serviceType?: string
  sourceAddr?: string
  destinationAddr?: string
  esmeAddr?: string
  scheduleDeliveryTime?: string
  validityPeriod?: string
  finalDate?: string
  messageId?: string
}

/** The fields by their names in the specification, in camel case. What is not given goes out as 0 or empty. */
export interface PduFields extends OctetFields, TextFields {
  /** At most 254 octets; sm_length is written and read with it. */
  shortMessage?: Buffer
  destinations?: Destination[]
  unsuccessful?: Unsuccessful[]
}

export type BodyField =
  | { kind: 'octet'; name: keyof OctetFields }
  | { kind: 'text'; name: keyof TextFields; max: number }
  | { kind: 'message'; name: 'shortMessage' }
  | { kind: 'destinations'; name: 'destinations' }
  | { kind: 'unsuccessful'; name: 'unsuccessful' }

const octet = (name: keyof OctetFields): BodyField => ({ kind: 'octet', name })
const text = (name: keyof TextFields, max: number): BodyField => ({ kind: 'text', name, max })

const systemId = text('systemId', 15)
// The specification has 8; carriers hand out longer ones, and message centres take them.
const password = text('password', 16)
const bind = [
  systemId,
  password,
  text('systemType', 12),
  octet('interfaceVersion'),
  octet('addrTon'),
  octet('addrNpi'),
  text('addressRange', 40),
]

const source = (max: number) => [octet('sourceAddrTon'), octet('sourceAddrNpi'), text('sourceAddr', max)]
const destination = (max: number) => [octet('destAddrTon'), octet('destAddrNpi'), text('destinationAddr', max)]
const serviceType = text('serviceType', 5)
const messageId = text('messageId', 64)
const times = [text('scheduleDeliveryTime', 16), text('validityPeriod', 16)]
const shortMessage: BodyField = { kind: 'message', name: 'shortMessage' }

const message = [
  octet('esmClass'),
  octet('protocolId'),
  octet('priorityFlag'),
  ...times,
  octet('registeredDelivery'),
  octet('replaceIfPresentFlag'),
  octet('dataCoding'),
  octet('smDefaultMsgId'),
  shortMessage,
]
const single = [serviceType, ...source(20), ...destination(20), ...message]

export const bodies: Readonly<Record<CommandName, readonly BodyField[]>> = {
  bind_receiver: bind,
  bind_receiver_resp: [systemId],
  bind_transmitter: bind,
  bind_transmitter_resp: [systemId],
  bind_transceiver: bind,
  bind_transceiver_resp: [systemId],
  outbind: [systemId, password],
  unbind: [],
  unbind_resp: [],
  generic_nack: [],
  submit_sm: single,
  submit_sm_resp: [messageId],
  submit_multi: [serviceType, ...source(20), { kind: 'destinations', name: 'destinations' }, ...message],
  submit_multi_resp: [messageId, { kind: 'unsuccessful', name: 'unsuccessful' }],
  deliver_sm: single,
  deliver_sm_resp: [messageId],
  data_sm: [
    serviceType,
    ...source(64),
    ...destination(64),
    octet('esmClass'),
    octet('registeredDelivery'),
    octet('dataCoding'),
  ],
  data_sm_resp: [messageId],
  query_sm: [messageId, ...source(20)],
  query_sm_resp: [messageId, text('finalDate', 16), octet('messageState'), octet('errorCode')],
  cancel_sm: [serviceType, messageId, ...source(20), ...destination(20)],
  cancel_sm_resp: [],
  replace_sm: [messageId, ...source(20), ...times, octet('registeredDelivery'), octet('smDefaultMsgId'), shortMessage],
  replace_sm_resp: [],
  enquire_link: [],
  enquire_link_resp: [],
  alert_notification: [...source(64), octet('esmeAddrTon'), octet('esmeAddrNpi'), text('esmeAddr', 64)],
}
