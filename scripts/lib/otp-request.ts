// What an API consumer may ask, checked before anything is counted.

import { fits, shownText, type TextForm } from './otp-text.ts'
import type { Payment, Policy } from './otp-record.ts'

/** Fields of every call; `null` is as absent. */
export interface Body {
  id?: string
  number?: string
  country?: string
  reference?: string
  language?: string
  locale?: string
}

export interface SendBody extends Body {
  amount?: string
  payee?: string
  appHash?: string
  domain?: string
  clientIp?: string
}

/** Whose verification: (app of the token, number, reference), and perhaps its id. */
export interface Identity {
  app: string
  number: string
  reference: string
  id: string | null
  country: string | null
  /** A test number keeps the checks, but not the waits. */
  test: boolean
}

export interface SendRequest extends Identity, TextForm {
  language: string
  /** The caller named a language, so a resend speaks it too. */
  languageAsked: boolean
  payment: Payment | null
  paymentAsked: boolean
  sender: string
  showCode: boolean
  /** The id that the run's message will have. */
  message: string
  /** Only of a pending verification; nothing new begins. */
  resend?: boolean
}

/** The fields of POST /otp. Throws invalid_request, invalid_number, unsupported_number. */
export function readSendRequest(body: SendBody, call: Call, policy: Policy): SendRequest {
  const phone = readNumber(body.number!, body.country)
  const identity = { ...phone, app: appKey(call), reference: readReference(body.reference), id: null }
  return { ...identity, ...readTextFields(body, phone.country, call, policy) }
}

/** What a send may say beside whom it is for. */
export function readTextFields(
  body: SendBody,
  country: string | null,
  call: Call,
  policy: Policy,
): Omit<SendRequest, keyof Identity | 'resend'> {
  const asked = body.language ?? body.locale
  const fields = {
    language: language(asked, country),
    languageAsked: asked !== undefined,
    payment: readPayment(body),
    paymentAsked: body.amount !== undefined,
    appHash: readForm('appHash', body.appHash, /^[A-Za-z0-9+/]{11}$/),
    domain: readForm(
      'domain',
      body.domain,
      /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i,
    ),
    sender: call.token.brand ?? policy.sender,
    showCode: call.token.scopes.includes('code:read'),
    // A run's first message is `<run>.1`: noted before it is sent, it is never lost from sight.
    message: `${call.id}.1`,
  }
  if (fields.appHash !== null && fields.domain !== null)
    throw invalid('domain', 'cannot be given together with appHash')
  // A plain text with a sender of this length fits in every language.
  const plain = fields.payment === null && fields.appHash === null && fields.domain === null
  if (!(plain && fields.sender.length <= 30) && !fits(shownText(fields, policy))) throw tooLong(fields)
  return fields
}

export function tooLong({ domain, payment }: { domain: string | null; payment: Payment | null }): Error {
  return invalid(
    domain !== null ? 'domain' : payment !== null ? 'payee' : 'language',
    'makes the text longer than two SMS',
  )
}

/**
 * Whose verification a call is about, by id or by number. Throws not_found for
 * an id that this app does not have, or has under another reference.
 */
export async function findVerification(body: Body, call: Call): Promise<Identity> {
  const app = appKey(call)
  const reference = readReference(body.reference)
  const phone = body.number === undefined ? undefined : readNumber(body.number, body.country)
  if (body.id === undefined) {
    if (phone === undefined) throw invalid('id', 'is missing, and so is number')
    return { ...phone, app, reference, id: null }
  }
  const known = body.id.length <= 64 ? await storage.get<IdEntry>(idKey(body.id)) : undefined
  if (known === undefined || known.app !== app || known.reference !== reference)
    throw refuse('not_found', { status: 404 })
  if (phone !== undefined && phone.number !== known.number) throw invalid('number', 'is not the number of this id')
  const { country, test } = parseNumber(known.number)
  return { app, reference, id: body.id, number: known.number, country, test }
}

// Apps are keys of an object, and one may be called `constructor`.
const appKey = ({ token }: Call): string => `app ${token.app}`

export interface IdEntry {
  number: string
  app: string
  reference: string
}

export const idKey = (id: string): string => `id:${id}`

const served = ['MOBILE', 'FIXED_LINE_OR_MOBILE']

function readNumber(
  text: string,
  country: string | undefined,
): { number: string; country: string | null; test: boolean } {
  if (country !== undefined && !/^[A-Za-z]{2}$/.test(country))
    throw invalid('country', 'has to be an ISO 3166 code of two letters')
  const phone = parseNumber(text, { country })
  const facts = { country: phone.country, example: phone.example }
  if (!phone.valid) throw refuse('invalid_number', facts)
  // A number without a known type may be a mobile one.
  if (phone.type !== null && !served.includes(phone.type) && !phone.test) throw refuse('unsupported_number', facts)
  return { number: phone.e164, country: phone.country, test: phone.test }
}

function readReference(reference: string | undefined): string {
  if (reference === undefined) return ''
  if (reference.length < 1 || reference.length > 64) throw invalid('reference', 'has to have 1 to 64 characters')
  return reference
}

// What stands in a payment's SMS is read by a person who decides about money:
// nothing that could break out of the sentence or lead elsewhere.
const control = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u
const address =
  /:\/\/|www\.|[\p{L}\p{N}-]\.\p{L}{2,}\/|[\p{L}\p{N}-]\.(?:com|net|org|info|biz|app|dev|xyz|top|shop|site|online|link|click)(?![\p{L}\p{N}.])|[\p{L}\p{N}-]{2,}\.\p{L}{2}(?![\p{L}\p{N}.])/iu

/** Amount and payee, or null when there are none (PSD2 RTS 2018/389, article 5). */
export function readPayment({ amount, payee }: { amount?: string; payee?: string }): Payment | null {
  if (amount === undefined && payee === undefined) return null
  for (const [field, value, length] of [
    ['amount', amount, 20],
    ['payee', payee, 30],
  ] as const) {
    if (value === undefined) throw invalid(field, 'is missing: amount and payee come together')
    if (value.trim().length < 1 || value.length > length) throw invalid(field, `has to have 1 to ${length} characters`)
    if (control.test(value)) throw invalid(field, 'may not hold control characters')
    if (address.test(value)) throw invalid(field, 'may not hold an internet address')
  }
  return { amount: amount!, payee: payee! }
}

function readForm(field: string, value: string | undefined, pattern: RegExp): string | null {
  if (value === undefined) return null
  if (!pattern.test(value))
    throw invalid(field, field === 'appHash' ? 'has to be 11 characters of base64' : 'has to be a bare host name')
  return value
}

export function invalid(field: string, problem: string): Error {
  return refuse('invalid_request', { errors: [{ field, problem }] })
}
