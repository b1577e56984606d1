// LabsMobile: POST /json/send, Basic with the account and an API token.
//
//   request  { recipient: [{ msisdn }], message, tpoa, subid, ucs2, long, nofilter, ackurl }
//   answer   { code: "0" | 0, message, subid }: the code decides, whatever the status
//   report   GET ackurl ?subid&msisdn&acklevel&status&desc&timestamp
//   inbound  POST { inbound_number, service_number, msisdn, message, timestamp }
//
// It signs nothing: the secret in the address is the proof. It calls again after
// anything but 2xx, so a call that cannot be read is answered with 200 and
// dropped. It has no field for the validity of a message.

import { createHash } from 'node:crypto'

import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import { derivedId, letters } from '../ids.ts'
import { fieldsOf } from './over-http/callback-fields.ts'
import type { CallbackRequest, CarrierDriver, CarrierReport, InboundSms, Refusal } from './carrier.ts'
import type { ReportState, Submission, SubmitResult } from './carrier.ts'
import { baseUrl, callbackAddress, createHttpCarrier, fieldsOfParams } from './over-http/http-carrier.ts'
import { httpSettings, httpVerdict, type HttpAnswer, type HttpRequest } from './over-http/http-carrier.ts'
import { internationalNumber } from './over-http/international-number.ts'

const settings = Type.Object(
  {
    ...httpSettings,
    baseUrl: baseUrl('https://api.labsmobile.com'),
    username: Type.String({ minLength: 1, description: "The account's e-mail address" }),
    token: Type.String({ minLength: 1, description: 'An API token of the account' }),
  },
  { additionalProperties: false },
)

type LabsMobileSettings = Static<typeof settings>

type Judgement = Pick<Refusal, 'verdict' | 'carrierAtFault'> & { meaning: string }

// No code puts the number at fault: LabsMobile judges numbers after it took the
// message. What it says about the form of a request another carrier may not say.
const codes: Readonly<Record<string, Judgement>> = {
  10: { verdict: 'elsewhere', meaning: 'data are missing' },
  11: { verdict: 'elsewhere', meaning: 'badly formed' },
  20: { verdict: 'elsewhere', meaning: 'no message' },
  21: { verdict: 'final', meaning: 'the message is empty' },
  23: { verdict: 'elsewhere', meaning: 'no recipients' },
  24: { verdict: 'elsewhere', meaning: 'too many recipients' },
  27: { verdict: 'elsewhere', meaning: 'characters that are not allowed' },
  28: { verdict: 'elsewhere', meaning: 'subid too long' },
  30: { verdict: 'later', carrierAtFault: true, meaning: 'error while sending' },
  35: { verdict: 'elsewhere', carrierAtFault: true, meaning: 'not enough credit' },
  39: { verdict: 'elsewhere', meaning: 'scheduled is no time' },
}

// Nor does a `desc`: REJECTD and BLOCKED are filters and operators as well as
// numbers, and an UNDELIV may be a phone that was off.
const failures: Readonly<Record<string, ReportState>> = {
  REJECTD: 'failed',
  BLOCKED: 'failed',
  EXPIRED: 'expired',
  UNDELIV: 'undelivered',
  UNKNOWN: 'undelivered',
}

export const labsmobile = {
  driver: 'labsmobile',
  settings,
  create(name, own, parts) {
    const reportUrl = callbackAddress(own, parts, 'report')
    const authorization = `Basic ${Buffer.from(`${own.username}:${own.token}`).toString('base64')}`
    const provider = {
      driver: 'labsmobile',
      secrets: [own.token, authorization],
      judgesAll: true,
      request(message: Submission): HttpRequest {
        const sender = (message.from ?? own.from)?.replace(/^\+/, '')
        const json = {
          recipient: [{ msisdn: message.to.replace(/^\+/, '') }],
          message: message.text,
          ...(sender !== undefined && { tpoa: sender }),
          subid: subid(message.id),
          ...(message.encoding === 'ucs2' && { ucs2: 1 }),
          ...(message.segments > 1 && { long: 1 }),
          // Its filter drops a second SMS with the same text, as of a code that is sent again.
          nofilter: 1,
          ...(reportUrl !== null && { ackurl: reportUrl }),
          ...fieldsOfParams(own, message),
        }
        return { method: 'POST', path: '/json/send', headers: { authorization }, json }
      },
      judge,
      reports,
      inbound,
    }
    return createHttpCarrier(name, own, provider, parts)
  },
} satisfies CarrierDriver<LabsMobileSettings>

/** 20 characters, the longest that it takes: 80 bits of the message's id, the same for the same message. */
export function subid(messageId: string): string {
  return letters(createHash('sha256').update(messageId).digest().subarray(0, 10))
}

function judge(answer: HttpAnswer, { id }: Submission): SubmitResult {
  const body = answer.json() as { code?: unknown; subid?: unknown } | null | undefined
  const code = typeof body?.code === 'number' || typeof body?.code === 'string' ? String(body.code) : undefined
  if (code === undefined) {
    const refusal = httpVerdict(answer)
    if (refusal === undefined) throw new Error('the answer has no code')
    return refusal
  }
  if (code === '0') {
    const told = typeof body?.subid === 'string' && body.subid !== '' ? body.subid : subid(id)
    return { accepted: true, carrierIds: [told] }
  }
  const known = codes[code]
  const error = `code ${code.slice(0, 20)} ${known?.meaning ?? ''}`.trim()
  if (known !== undefined)
    return { accepted: false, verdict: known.verdict, error, ...(known.carrierAtFault && { carrierAtFault: true }) }
  return { ...(httpVerdict(answer) ?? { accepted: false, verdict: 'elsewhere' }), error }
}

function reports({ query }: CallbackRequest): CarrierReport[] {
  const [id, level, status, desc] = ['subid', 'acklevel', 'status', 'desc'].map(field => query.get(field) ?? '')
  if (id === undefined || id === '') return []
  const report = { carrierIds: [id], to: query.get('msisdn')?.replace(/^\+/, '') || undefined }
  if (status === 'ok' && level !== 'error')
    // The gateway and the operator took it: the phone's word is still to come.
    return level === 'handset' ? [{ ...report, state: 'delivered', error: null }] : []
  if (status !== 'ko' && level !== 'error') return []
  const word = (desc ?? '').toUpperCase()
  return [{ ...report, state: failures[word] ?? 'undelivered', error: `${level} ${word}`.trim().slice(0, 60) }]
}

function inbound(call: CallbackRequest): InboundSms[] {
  const fields = readable(() => fieldsOf(call))
  const [from, text] = [fields?.get('msisdn') ?? '', fields?.get('message') ?? null]
  const to = fields?.get('inbound_number') || (fields?.get('service_number') ?? '')
  if (from === '' || to === '' || text === null) return []
  // It sends no id; a call that is repeated has the same time.
  const id = derivedId('sms', [from, to, fields?.get('timestamp'), text].join('\n'))
  return [{ from: internationalNumber(from), to: internationalNumber(to), text, id }]
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof EngineError) return undefined
    throw error
  }
}
