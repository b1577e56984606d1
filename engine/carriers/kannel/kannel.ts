// Kannel's smsbox (checked against 1.4.5), and gateways with the same sendsms interface.
//
//   request  GET /cgi-bin/sendsms?username&password&from&to&text&coding&charset&…, or with
//            `method: "POST"` the text as body and the rest as X-Kannel-… headers
//            (smsbox refuses forms: "Invalid content-type")
//   answer   202 "0: Accepted for delivery", "3: Queued for later delivery"; 400, 403 with a sentence
//   report   GET dlr-url, whose escape codes it fills in
//
// It tells no id of its own: the dlr-url carries ours. It asks the network for a
// report on the first part of a long message only. It signs nothing: the secret
// in the address is the proof. Inbound SMS come by a group of its configuration:
//
//   group = sms-service
//   keyword = default
//   catch-all = true
//   max-messages = 0
//   concatenation = true
//   get-url = "https://…/sms?from=%p&to=%P&text=%b&charset=%C&id=%I"

import { Type, type Static } from 'typebox'

import { needField } from '../over-http/callback-fields.ts'
import type { CallbackRequest, CarrierDriver, CarrierReport, InboundSms, Submission, SubmitResult } from '../carrier.ts'
import { createChecked } from '../over-http/checked.ts'
import {
  callbackAddress,
  createHttpCarrier,
  fieldsOfParams,
  httpSettings,
  httpVerdict,
} from '../over-http/http-carrier.ts'
import type { HttpAnswer, HttpRequest } from '../over-http/http-carrier.ts'
import { internationalNumber } from '../over-http/international-number.ts'
import { kannelReport } from './kannel-report.ts'
import { checkHeaderValue, checkPath } from '../over-http/request-checks.ts'

const settings = Type.Object(
  {
    ...httpSettings,
    baseUrl: Type.String({
      pattern: '^https?://',
      description: 'Where the smsbox listens, like http://127.0.0.1:13013',
    }),
    path: Type.String({
      default: '/cgi-bin/sendsms',
      pattern: '^/[^?#]*$',
      description: '`sendsms-url` of the smsbox',
    }),
    method: Type.Enum(['GET', 'POST'], {
      default: 'GET',
      description: 'POST keeps the password and the text out of addresses that proxies log',
    }),
    username: Type.String({ minLength: 1, description: 'Of the group sendsms-user' }),
    password: Type.String({ minLength: 1, description: 'Of the group sendsms-user' }),
    smsc: Type.Optional(Type.String({ minLength: 1, description: 'The smsc-id that is to send' })),
  },
  { additionalProperties: false },
)

type KannelSettings = Static<typeof settings>

/** Delivered, not delivered, refused by the SMSC: 1 + 2 + 16. */
const dlrMask = 19

export const kannel = {
  driver: 'kannel',
  settings,
  create(name, own, parts) {
    checkSettings(name, own)
    const reportUrl = callbackAddress(own, parts, 'report')

    function fields(message: Submission): Record<string, string> {
      const from = message.from ?? own.from
      const minutes = Math.max(1, Math.ceil((message.expiresAt - parts.clock()) / 60_000))
      const params = new URLSearchParams(fieldsOfParams(own, message)).toString()
      return {
        ...(from !== undefined && { from }),
        to: message.to,
        coding: message.encoding === 'ucs2' ? '2' : '0',
        ...(own.smsc !== undefined && { smsc: own.smsc }),
        validity: String(minutes),
        priority: message.priority === 'otp' ? '3' : '0',
        ...(reportUrl !== null && { 'dlr-mask': String(dlrMask), 'dlr-url': dlrUrl(reportUrl, message.id) }),
        ...(params !== '' && { 'meta-data': `?smpp?${params}` }),
      }
    }

    function request(message: Submission): HttpRequest {
      const { username, password, path } = own
      if (own.method === 'GET') {
        const query = { username, password, ...fields(message), text: message.text, charset: 'UTF-8' }
        return { method: 'GET', path, query }
      }
      const headers: Record<string, string> = { 'content-type': 'text/plain; charset=UTF-8' }
      for (const [field, value] of Object.entries({ username, password, ...fields(message) }))
        headers[`x-kannel-${field}`] = value
      return { method: 'POST', path, headers, body: message.text }
    }

    const provider = { driver: 'kannel', secrets: [own.password], request, judge, reports, inbound }
    return createHttpCarrier(name, own, provider, parts)
  },
} satisfies CarrierDriver<KannelSettings>

/** With POST most of them become headers. */
function checkSettings(name: string, own: KannelSettings): void {
  const checked = createChecked(name)
  checked('path', () => checkPath(own.path))
  if (own.method === 'GET') return
  for (const setting of ['username', 'password', 'from', 'smsc'] as const)
    checked(setting, () => checkHeaderValue(own[setting] ?? ''))
}

/** `%d` type of the report, `%A` what the SMSC said; a percent sign of our own is written twice. */
function dlrUrl(reportUrl: string, id: string): string {
  return `${reportUrl.replaceAll('%', '%%')}?id=${encodeURIComponent(id)}&type=%d&answer=%A`
}

function judge(answer: HttpAnswer, { id }: Submission): SubmitResult {
  const refused = httpVerdict(answer)
  const said = answer.text.trim().slice(0, 80)
  if (refused === undefined) {
    // "Sent." of a smsbox that answers at once (immediate-sendsms-reply).
    if (/^([03]:|Sent\.)/.test(said)) return { accepted: true, carrierIds: [id] }
    throw new Error('the answer is none of a smsbox')
  }
  // "Number(s) has/have been denied by white- and/or black-lists.": the lists are
  // of this gateway, so no sentence of a smsbox puts the number at fault.
  return { ...refused, error: said === '' ? refused.error : `${refused.error} ${said}` }
}

function reports({ query }: CallbackRequest): CarrierReport[] {
  const id = needField(query, 'id')
  const found = kannelReport(Number(needField(query, 'type')), query.get('answer') ?? '')
  return found === undefined ? [] : [{ carrierIds: [id], ...found }]
}

function inbound({ url, query }: CallbackRequest): InboundSms[] {
  const text = textOf(url, query.get('charset') ?? 'UTF-8')
  return [
    {
      from: internationalNumber(needField(query, 'from')),
      to: internationalNumber(needField(query, 'to')),
      text,
      id: query.get('id') || undefined,
    },
  ]
}

/** `%b` are the octets as they came from the network: UTF-16BE where the text is no GSM, whatever the address says. */
function textOf(url: string, charset: string): string {
  const raw = /[?&]text=([^&#]*)/.exec(url)?.[1] ?? ''
  const octets = Buffer.from(
    raw.replaceAll('+', ' ').replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  )
  if (/^UTF-?16(BE)?$|^UCS-?2$/i.test(charset))
    return octets
      .subarray(0, octets.length & ~1)
      .swap16()
      .toString('utf16le')
  return octets.toString(/^(ISO-8859-1|latin-?1)$/i.test(charset) ? 'latin1' : 'utf8')
}
