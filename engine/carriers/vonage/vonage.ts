// SMS through Vonage's SMS API (developer.vonage.com/en/api/sms): always HTTP
// 200, each part of a message with a status and an id of its own.

import { Type, type Static } from 'typebox'

import { fieldsOf, needField } from '../over-http/callback-fields.ts'
import type { CallbackRequest, CarrierDriver, CarrierReport, InboundSms } from '../carrier.ts'
import type { CarrierParts, Refusal, Submission, SubmitResult } from '../carrier.ts'
import { baseUrl, callbackAddress, createHttpCarrier, fieldsOfParams, httpSettings } from '../over-http/http-carrier.ts'
import { httpVerdict, paramFields, type HttpAnswer, type HttpRequest } from '../over-http/http-carrier.ts'
import { internationalNumber } from '../over-http/international-number.ts'
import { UncertainError } from '../uncertain-error.ts'
import { vonageRefusals, vonageReports } from './vonage-codes.ts'
import { verifyVonage } from './vonage-signature.ts'

const settings = Type.Object(
  {
    ...httpSettings,
    baseUrl: baseUrl('https://rest.nexmo.com'),
    paramFields: paramFields({ dltEntityId: 'entity-id', dltTemplateId: 'content-id' }),
    apiKey: Type.String({ minLength: 1, description: 'Of the account' }),
    apiSecret: Type.String({ minLength: 1, description: 'Of the account' }),
    signatureSecret: Type.Optional(
      Type.String({ minLength: 1, description: 'With it only signed calls are taken; ask Vonage to sign them' }),
    ),
    signatureMethod: Type.Enum(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'], {
      default: 'md5hash',
      description: 'As the dashboard has it: md5hash is MD5 without HMAC, the others are HMACs',
    }),
    signatureWithinMs: Type.Integer({
      default: 86_400_000,
      minimum: 1_000,
      description: 'How old a signed call may be, ms; Vonage repeats one that failed for 24 h',
    }),
  },
  { additionalProperties: false },
)

export type VonageSettings = Static<typeof settings>

export const vonage = {
  driver: 'vonage',
  settings,
  create: createVonage,
} satisfies CarrierDriver<VonageSettings>

/** What Vonage takes as `ttl`, ms. */
const shortestTtlMs = 20_000
const longestTtlMs = 604_800_000

function createVonage(name: string, settings: VonageSettings, parts: CarrierParts) {
  const { apiKey, apiSecret, signatureSecret, signatureMethod: method, signatureWithinMs: withinMs } = settings
  const callback = callbackAddress(settings, parts, 'report')

  function request(message: Submission): HttpRequest {
    const from = message.from ?? settings.from
    if (from === undefined) throw new Error('the message names no sender, nor do the settings')
    const ttlMs = Math.min(longestTtlMs, Math.max(shortestTtlMs, message.expiresAt - parts.clock()))
    return {
      method: 'POST',
      path: '/sms/json',
      form: {
        ...fieldsOfParams(settings, message),
        api_key: apiKey,
        api_secret: apiSecret,
        from: from.replace(/^\+/, ''),
        to: message.to.replace(/^\+/, ''),
        text: message.text,
        type: message.encoding === 'ucs2' ? 'unicode' : 'text',
        ttl: String(Math.round(ttlMs)),
        'client-ref': message.id,
        ...(callback !== null && { callback }),
      },
    }
  }

  return createHttpCarrier(
    name,
    settings,
    {
      driver: 'vonage',
      secrets: [apiSecret, ...(signatureSecret === undefined ? [] : [signatureSecret])],
      request,
      judge,
      ...(signatureSecret !== undefined && {
        verify: (call: CallbackRequest) =>
          verifyVonage(call, { secret: signatureSecret, method, withinMs, clock: parts.clock }),
      }),
      reports,
      inbound,
    },
    parts,
  )
}

/**
 * One part that is refused refuses the message: half a text helps nobody. Where
 * others were taken, which a whole new attempt sends again, the message is
 * uncertain, unless the number is at fault: then nothing is sent again. Throws
 * UncertainError.
 */
function judge(answer: HttpAnswer): SubmitResult {
  const byStatus = httpVerdict(answer)
  if (byStatus !== undefined) return byStatus
  const { messages } = (answer.json() ?? {}) as { messages?: unknown }
  if (!Array.isArray(messages) || messages.length === 0) throw new Error('an answer without messages')
  const parts = messages as Array<Record<string, unknown> | null>
  const refused = parts.filter(part => String(part?.status) !== '0')
  if (refused.length > 0) {
    const refusals = refused.map(refuse)
    const refusal = refusals.find(one => one.numberAtFault) ?? refusals[0]!
    const taken = parts.length - refused.length
    if (taken === 0 || refusal.numberAtFault === true) return refusal
    // In our words: its own may repeat what we sent.
    const code = Number.parseInt(refusal.error, 10)
    const error = said(String(code), vonageRefusals[code]?.words)
    throw new UncertainError(`${taken} of ${parts.length} parts were taken, then ${error}`, { refusal })
  }
  const ids = parts.map(part => part?.['message-id'])
  if (!ids.every(id => typeof id === 'string' && id !== '')) throw new Error('accepted without an id')
  return { accepted: true, carrierIds: ids as string[] }
}

function refuse(part: Record<string, unknown> | null): Refusal {
  const status = part === null ? '' : String(part.status)
  if (!/^\d+$/.test(status)) throw new Error('an answer without a status')
  const { words, ...judgement } = vonageRefusals[Number(status)] ?? {
    verdict: 'elsewhere',
    words: part?.['error-text'],
  }
  return { accepted: false, ...judgement, error: said(status, words) }
}

function said(code: string, words: unknown): string {
  return typeof words === 'string' ? `${code} ${words}` : code
}

/** `accepted`, `buffered` and `unknown` are not the end. */
const finalStates = new Set(['delivered', 'expired', 'failed', 'rejected'])

function reports(call: CallbackRequest): CarrierReport[] {
  const fields = fieldsOf(call)
  const carrierId = needField(fields, 'messageId')
  const status = needField(fields, 'status')
  if (!finalStates.has(status)) return []
  const to = fields.get('msisdn')?.replace(/^\+/, '')
  if (status === 'delivered') return [{ carrierIds: [carrierId], state: 'delivered', error: null, to }]
  const code = fields.get('err-code') ?? ''
  const known = vonageReports[Number(code)]
  const state = status === 'expired' && known?.state !== 'rejected' ? 'expired' : (known?.state ?? 'failed')
  return [{ carrierIds: [carrierId], state, error: said(code === '' ? status : `${code} ${status}`, known?.words), to }]
}

function inbound(call: CallbackRequest): InboundSms[] {
  const fields = fieldsOf(call)
  const text = fields.get('text')
  // Binary ones (`type=binary`, with `data`) are for no script.
  if (text === null && fields.get('type') === 'binary') return []
  return [
    {
      from: internationalNumber(needField(fields, 'msisdn')),
      to: internationalNumber(needField(fields, 'to')),
      text: text ?? '',
      id: needField(fields, 'messageId'),
      part: partOf(fields),
    },
  ]
}

function partOf(fields: URLSearchParams): InboundSms['part'] {
  if (fields.get('concat') !== 'true') return undefined
  const [reference, number, total] = ['concat-ref', 'concat-part', 'concat-total'].map(name =>
    Number.parseInt(needField(fields, name), 10),
  )
  if (![reference, number, total].every(value => Number.isSafeInteger(value))) return undefined
  return { reference: reference!, number: number!, total: total! }
}
