// Infobip: POST /sms/3/messages, one message a request.
//
//   request  { messages: [{ sender, destinations: [{ to, messageId }], content: { text }, webhooks, options }] }
//   answer   { messages: [{ messageId, status: { groupId, id, name } }] }, or { requestError } with 4xx
//   report   { results: [{ messageId, to, status, error }] }, at most 100 in a call
//   inbound  { results: [{ messageId, from, to, text }] }
//
// It signs no call, so the secret in the address is the proof. Messages carry
// our own ids: it refuses one that it has already, so a resend after a lost
// answer is not a second SMS.

import { Type, type Static } from 'typebox'

import { EngineError } from '../../errors.ts'
import { jsonOf } from '../over-http/callback-fields.ts'
import type { CallbackRequest, CarrierDriver, CarrierReport, InboundSms, Submission } from '../carrier.ts'
import type { SubmitResult } from '../carrier.ts'
import { createChecked } from '../over-http/checked.ts'
import {
  callbackAddress,
  createHttpCarrier,
  fieldsOfParams,
  httpSettings,
  httpVerdict,
} from '../over-http/http-carrier.ts'
import { paramFields, type HttpAnswer, type HttpRequest } from '../over-http/http-carrier.ts'
import { infobipNumberErrors, infobipStatus, type InfobipStatus } from './infobip-statuses.ts'
import { internationalNumber } from '../over-http/international-number.ts'
import { createReadItems, type ReadItems } from '../over-http/read-items.ts'
import { checkHeaderValue } from '../over-http/request-checks.ts'
import { asText } from '../over-http/as-text.ts'

const settings = Type.Object(
  {
    ...httpSettings,
    baseUrl: Type.String({
      pattern: '^https?://',
      description: "The account's own address, like https://xxxxx.api.infobip.com; http:// only for a test",
    }),
    apiKey: Type.String({ minLength: 1, description: 'An API key with the scope sms:message:send' }),
    paramFields: paramFields({
      dltEntityId: 'options.regional.indiaDlt.principalEntityId',
      dltTemplateId: 'options.regional.indiaDlt.contentTemplateId',
    }),
  },
  { additionalProperties: false },
)

type InfobipSettings = Static<typeof settings>

/** What comes over the wire: nobody promises the types. */
interface Code {
  groupId?: unknown
  id?: unknown
  name?: unknown
}

interface Result {
  messageId?: unknown
  to?: unknown
  from?: unknown
  text?: unknown
  cleanText?: unknown
  status?: Code | null
  error?: Code | null
}

/** Infobip keeps trying for 48 h at most. */
const longestValiditySeconds = 172_800

export const infobip = {
  driver: 'infobip',
  settings,
  create(name, own, parts) {
    createChecked(name)('apiKey', () => checkHeaderValue(own.apiKey))
    const reportUrl = callbackAddress(own, parts, 'report')
    const readItems = createReadItems(name, parts.log)
    const provider = {
      driver: 'infobip',
      secrets: [own.apiKey],
      request(message: Submission): HttpRequest {
        const seconds = Math.ceil((message.expiresAt - parts.clock()) / 1_000)
        const wire: Record<string, unknown> = {
          sender: message.from ?? own.from,
          destinations: [{ to: message.to.replace(/^\+/, ''), messageId: message.id }],
          content: { text: message.text },
          ...(reportUrl !== null && { webhooks: { delivery: { url: reportUrl }, contentType: 'application/json' } }),
          options: {
            validityPeriod: {
              amount: Math.min(Math.max(seconds, 1), longestValiditySeconds),
              timeUnit: 'SECONDS',
            },
          },
        }
        for (const [path, value] of Object.entries(fieldsOfParams(own, message))) setAt(wire, path, value)
        const headers = { authorization: `App ${own.apiKey}`, accept: 'application/json' }
        return { method: 'POST', path: '/sms/3/messages', headers, json: { messages: [wire] } }
      },
      judge,
      reports: (call: CallbackRequest) => reports(call, readItems),
      inbound: (call: CallbackRequest) => inbound(call, readItems),
    }
    return createHttpCarrier(name, own, provider, parts)
  },
} satisfies CarrierDriver<InfobipSettings>

function judge(answer: HttpAnswer, { id }: Submission): SubmitResult {
  const refused = httpVerdict(answer)
  const body = answer.json() as AnswerBody | null | undefined
  if (refused !== undefined) return { ...refused, error: `${refused.error} ${requestErrorOf(body)}`.trim() }
  const taken = body?.messages?.[0]
  const status = statusOf(taken?.status)
  if (status === undefined) throw new Error('the answer does not tell what became of the message')
  if (status.verdict === undefined) return { accepted: true, carrierIds: [asText(taken?.messageId) ?? id] }
  const { verdict, why, carrierAtFault } = status
  const error = describe(taken?.status)
  return {
    accepted: false,
    verdict,
    error,
    ...(why !== undefined && { numberAtFault: true }),
    ...(carrierAtFault && { carrierAtFault }),
  }
}

interface AnswerBody {
  messages?: Array<Result | null>
  requestError?: { serviceException?: { messageId?: unknown } | null } | null
  errorCode?: unknown
}

/** Its short code only: its sentences repeat what they complain about. */
function requestErrorOf(body: AnswerBody | null | undefined): string {
  const code = body?.requestError?.serviceException?.messageId ?? body?.errorCode
  return asText(code)?.slice(0, 60) ?? ''
}

function reports(call: CallbackRequest, readItems: ReadItems): CarrierReport[] {
  return readItems(resultsOf(call), (result): CarrierReport[] => {
    const { messageId, to, status, error } = objectOf(result)
    if (typeof messageId !== 'string' || !Number.isInteger(status?.groupId)) throw new EngineError('invalid_request')
    const state = statusOf(status)?.state
    if (state === undefined) return []
    const report = { carrierIds: [messageId], to: asText(to)?.replace(/^\+/, '') }
    if (state === 'delivered') return [{ ...report, state, error: null }]
    const met = error?.id === 0 ? undefined : error
    // A message that ran out of time says nothing about the number, whatever the last try met.
    const atFault = state !== 'expired' && infobipNumberErrors.has(Number(met?.id))
    const words = [describe(status), describe(met)].filter(text => text !== '').join(', ')
    return [{ ...report, state: atFault ? 'rejected' : state, error: words }]
  })
}

function inbound(call: CallbackRequest, readItems: ReadItems): InboundSms[] {
  return readItems(resultsOf(call), result => {
    const { messageId, from, to, text, cleanText } = objectOf(result)
    const words = text ?? cleanText
    if (typeof from !== 'string' || typeof to !== 'string' || typeof words !== 'string')
      throw new EngineError('invalid_request')
    return [{ from: internationalNumber(from), to: internationalNumber(to), text: words, id: asText(messageId) }]
  })
}

function resultsOf(call: CallbackRequest): unknown[] {
  const { results } = (jsonOf(call) ?? {}) as { results?: unknown }
  if (!Array.isArray(results)) throw new EngineError('invalid_request', { field: 'results' })
  return results
}

function objectOf(result: unknown): Result {
  if (typeof result !== 'object' || result === null) throw new EngineError('invalid_request', { field: 'results' })
  return result
}

function statusOf(code: Code | null | undefined): InfobipStatus | undefined {
  return infobipStatus(Number(code?.groupId), Number(code?.id))
}

function describe(code: Code | null | undefined): string {
  if (code === undefined || code === null) return ''
  return [asText(code.id), asText(code.name)?.slice(0, 60)].filter(word => word !== undefined).join(' ')
}

/** `a.b.c` of an object, made where it is missing. */
function setAt(target: Record<string, unknown>, path: string, value: string): void {
  const names = path.split('.')
  const last = names.pop()!
  let at = target
  for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>
  at[last] = value
}
