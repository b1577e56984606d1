// The settings of an SMPP carrier, beside `driver`.

import { Type, type Static } from 'typebox'

const ms = (description: string, value: number, maximum: number) =>
  Type.Integer({ description: `${description}, ms`, default: value, minimum: 1, maximum })

const octet = (description: string) => Type.Optional(Type.Integer({ description, minimum: 0, maximum: 255 }))

const Judgement = Type.Object(
  {
    verdict: Type.Enum(['final', 'elsewhere', 'later'], { description: 'What becomes of the message' }),
    numberAtFault: Type.Optional(Type.Boolean({ description: 'With final: the number cannot be reached' })),
    throttled: Type.Optional(Type.Boolean({ description: 'With later: all messages of the carrier wait' })),
    carrierAtFault: Type.Optional(
      Type.Boolean({ description: 'Nothing goes through it: others are asked at once, this one later' }),
    ),
  },
  { additionalProperties: false },
)

const ReceiptError = Type.Object(
  { state: Type.Enum(['undelivered', 'rejected', 'expired', 'failed']) },
  { additionalProperties: false },
)

const connection = {
  url: Type.String({
    description:
      'smpp://user:password@host:2775, or smpps:// for TLS (default port 3550); user and password percent-encoded where they hold / ? # @ : or %',
    minLength: 1,
  }),
  systemType: Type.String({ description: 'system_type of the bind', default: '', maxLength: 12 }),
  bind: Type.Enum(['transceiver', 'transmitter-receiver'], {
    description: 'One bind for both directions, or one for each',
    default: 'transceiver',
  }),
  sessions: Type.Integer({
    description: 'Binds, or pairs of them; of all engines together',
    default: 1,
    minimum: 1,
    maximum: 32,
  }),
  ca: Type.Optional(
    Type.String({
      description: 'With smpps: certificate of a private CA, PEM or the path of a PEM file',
      minLength: 1,
    }),
  ),
  servername: Type.Optional(
    Type.String({ description: 'With smpps: whom the certificate names, where that is not the host', minLength: 1 }),
  ),
}

const flow = {
  window: Type.Integer({ description: 'Submits under way per bind', default: 10, minimum: 1, maximum: 10_000 }),
  rate: Type.Optional(
    Type.Number({
      description: 'Most submits a second, of all engines together',
      exclusiveMinimum: 0,
      maximum: 100_000,
    }),
  ),
  openDeliveries: Type.Integer({
    description: 'Receipts and inbound SMS per bind that wait to be stored; with so many nothing more is read',
    default: 1_000,
    minimum: 1,
    maximum: 100_000,
  }),
  onUncertain: Type.Enum(['resend', 'fail'], {
    description: 'What becomes of a message when nobody knows whether the network got it',
    default: 'resend',
  }),
}

const message = {
  from: Type.Optional(Type.String({ description: 'Sender of messages that name none', minLength: 1, maxLength: 20 })),
  sourceTon: octet('source_addr_ton; by default 5 for a name, 3 for up to 6 digits, else 1'),
  sourceNpi: octet('source_addr_npi; by default 0 for a name or up to 6 digits, else 1'),
  destTon: Type.Integer({ description: 'dest_addr_ton', default: 1, minimum: 0, maximum: 255 }),
  destNpi: Type.Integer({ description: 'dest_addr_npi', default: 1, minimum: 0, maximum: 255 }),
  serviceType: Type.String({ description: 'service_type', default: '', maxLength: 5 }),
  defaultAlphabet: Type.Enum(['gsm7', 'latin1'], { description: 'What data_coding 0 means there', default: 'gsm7' }),
  longMessages: Type.Enum(['udh', 'sar', 'payload'], {
    description: 'How a text longer than one SMS goes out: a header in each part, SAR parameters, or message_payload',
    default: 'udh',
  }),
  registeredDelivery: Type.Boolean({ description: 'Asks for a receipt on every part', default: true }),
  validityPeriod: Type.Enum(['relative', 'absolute', 'none'], {
    description: 'How the end of a message is told to the network',
    default: 'relative',
  }),
  priorityFlag: Type.Boolean({ description: 'priority_flag 1 for messages of priority otp', default: false }),
  paramTlvs: Type.Record(Type.String(), Type.String({ pattern: '^0[xX][0-9a-fA-F]{1,4}$' }), {
    description: 'Names of params and the tags of the TLVs that they go out as',
    default: { dltEntityId: '0x1400', dltTemplateId: '0x1401', dltTelemarketerId: '0x1402' },
  }),
}

const answers = {
  messageIdFormat: Type.Enum(['auto', 'same', 'hex-dec', 'dec-hex'], {
    description: 'How the id of a receipt differs from that of the submit',
    default: 'auto',
  }),
  verdicts: Type.Record(Type.String(), Judgement, {
    description:
      'What a command_status means, by number (69, 0x45) or name (ESME_RSUBMITFAIL), where it is not the usual',
    default: {},
  }),
  receiptErrors: Type.Record(Type.String(), ReceiptError, {
    description: 'What the err of a receipt means, where stat does not say it',
    default: {},
  }),
}

const times = {
  connectTimeoutMs: ms('Longest wait for a connection', 10_000, 120_000),
  bindTimeoutMs: ms('Longest wait for the answer to a bind', 10_000, 120_000),
  responseTimeoutMs: ms('Longest wait for the answer to a submit', 60_000, 600_000),
  enquireLinkMs: ms('Silence after which the network is asked whether it is there', 30_000, 3_600_000),
  enquireTimeoutMs: ms('Longest wait for its answer', 10_000, 120_000),
  partialPduMs: ms('Longest wait for the rest of a PDU', 10_000, 120_000),
  // A stop of the engine has ten seconds for everything.
  drainTimeoutMs: ms('At a stop: longest wait for open submits', 1_000, 10_000),
  unbindTimeoutMs: ms('At a stop: longest wait for the answer to the unbind', 1_000, 5_000),
  reconnectMs: ms('Pause after a lost connection; doubles', 1_000, 600_000),
  reconnectMostMs: ms('Longest of these pauses', 60_000, 3_600_000),
  refusedMs: ms('Pause after a refused bind; doubles', 60_000, 3_600_000),
  refusedMostMs: ms('Longest of these pauses', 600_000, 86_400_000),
  partRetryMs: ms(
    'Pause before a part that found no room, but was not throttled, is sent again when others of its message were taken; doubles',
    1_000,
    60_000,
  ),
}

export const smppSettings = Type.Object(
  { ...connection, ...flow, ...message, ...answers, ...times },
  { additionalProperties: false },
)

export type SmppSettings = Static<typeof smppSettings>
