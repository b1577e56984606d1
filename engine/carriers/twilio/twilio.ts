// SMS through Twilio: one Message resource per SMS, form in and JSON out
// (twilio.com/docs/messaging/api/message-resource).

import { Type, type Static } from 'typebox'

import { StartError } from '../../errors.ts'
import { fieldsOf, needField } from '../over-http/callback-fields.ts'
import type { CallbackRequest, CarrierDriver, CarrierReport, InboundSms, ReportState } from '../carrier.ts'
import type { CarrierParts, Submission, SubmitResult } from '../carrier.ts'
import { baseUrl, callbackAddress, createHttpCarrier, fieldsOfParams, httpSettings } from '../over-http/http-carrier.ts'
import { httpVerdict, type HttpAnswer, type HttpRequest } from '../over-http/http-carrier.ts'
import { twilioRefusals, twilioReports } from './twilio-codes.ts'
import { verifyTwilio } from './twilio-signature.ts'

const settings = Type.Object(
  {
    ...httpSettings,
    baseUrl: baseUrl('https://api.twilio.com'),
    accountSid: Type.String({ pattern: '^AC[0-9A-Za-z]+$', description: 'AC…' }),
    authToken: Type.String({ minLength: 1, description: 'Of the account; it also proves what Twilio sends us' }),
    apiKey: Type.Optional(
      Type.String({ pattern: '^SK[0-9A-Za-z]+$', description: 'SK…, to send with in place of the authToken' }),
    ),
    apiSecret: Type.Optional(Type.String({ minLength: 1, description: 'Of the apiKey' })),
    messagingServiceSid: Type.Optional(
      Type.String({
        pattern: '^MG[0-9A-Za-z]+$',
        description: 'MG…, chooses the sender of messages that name none, before `from`',
      }),
    ),
  },
  { additionalProperties: false },
)

export type TwilioSettings = Static<typeof settings>

export const twilio = {
  driver: 'twilio',
  settings,
  create: createTwilio,
} satisfies CarrierDriver<TwilioSettings>

/** The longest that a message may wait at Twilio, seconds. */
const longestValidity = 36_000

/** The others are on the way: accepted, scheduled, queued, sending, sent. */
const finalStates = new Map<string, ReportState>([
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'undelivered'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
])

function createTwilio(name: string, settings: TwilioSettings, parts: CarrierParts) {
  const { accountSid, authToken, apiKey, apiSecret, messagingServiceSid } = settings
  if ((apiKey === undefined) !== (apiSecret === undefined))
    throw new StartError(
      `carriers.${name}.${apiKey === undefined ? 'apiKey' : 'apiSecret'}: is missing beside the other`,
    )
  const user = apiKey ?? accountSid
  const password = apiSecret ?? authToken
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const statusCallback = callbackAddress(settings, parts, 'report')

  function request(message: Submission): HttpRequest {
    const seconds = Math.ceil((message.expiresAt - parts.clock()) / 1_000)
    return {
      method: 'POST',
      path: `/2010-04-01/Accounts/${accountSid}/Messages.json`,
      headers: { authorization },
      form: {
        ...fieldsOfParams(settings, message),
        To: message.to,
        ...senderOf(message),
        Body: message.text,
        ValidityPeriod: String(Math.min(longestValidity, Math.max(1, seconds))),
        ...(statusCallback !== null && { StatusCallback: statusCallback }),
      },
    }
  }

  function senderOf({ from }: Submission): Record<string, string> {
    if (from !== null) return { From: from }
    if (messagingServiceSid !== undefined) return { MessagingServiceSid: messagingServiceSid }
    if (settings.from !== undefined) return { From: settings.from }
    throw new Error('the message names no sender, nor do the settings')
  }

  return createHttpCarrier(
    name,
    settings,
    {
      driver: 'twilio',
      secrets: [password, authToken, authorization],
      // 429 and 5xx carry a code like the others.
      judgesAll: true,
      request,
      judge,
      verify: call => verifyTwilio(call, authToken),
      reports,
      inbound,
      // An empty answer to an SMS: nothing is sent back by TwiML.
      answer: { contentType: 'text/xml', body: '<Response/>' },
    },
    parts,
  )
}

function judge(answer: HttpAnswer): SubmitResult {
  const { sid, code, message } = (answer.json() ?? {}) as { sid?: unknown; code?: unknown; message?: unknown }
  if (answer.status >= 200 && answer.status < 300) {
    if (typeof sid !== 'string' || sid === '') throw new Error('accepted without a sid')
    return { accepted: true, carrierIds: [sid] }
  }
  const known = typeof code === 'number' ? twilioRefusals[code] : undefined
  if (known !== undefined) {
    const { words, ...judgement } = known
    return { accepted: false, ...judgement, error: `${String(code)} ${words}` }
  }
  const byStatus = httpVerdict(answer)
  if (byStatus === undefined) throw new Error(`HTTP ${answer.status}`)
  if (typeof code !== 'number') return byStatus
  return { ...byStatus, error: typeof message === 'string' ? `${code} ${message}` : String(code) }
}

function reports(call: CallbackRequest): CarrierReport[] {
  const fields = fieldsOf(call)
  const sid = needField(fields, 'MessageSid')
  const status = needField(fields, 'MessageStatus')
  const state = finalStates.get(status)
  if (state === undefined) return []
  const code = fields.get('ErrorCode') ?? ''
  return [
    {
      carrierIds: [sid],
      state: state === 'delivered' ? state : (twilioReports[Number(code)] ?? state),
      error: state === 'delivered' ? null : `${code} ${status} ${fields.get('ErrorMessage') ?? ''}`.trim(),
      to: fields.get('To')?.replace(/^\+/, ''),
    },
  ]
}

function inbound(call: CallbackRequest): InboundSms[] {
  const fields = fieldsOf(call)
  return [
    {
      from: needField(fields, 'From'),
      to: needField(fields, 'To'),
      // Pictures come without a text.
      text: fields.get('Body') ?? '',
      id: needField(fields, 'MessageSid'),
    },
  ]
}
