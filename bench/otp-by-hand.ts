// POST /otp as one would write it straight into Fastify: the policy, the record
// and the storage operations of scripts/otp.ts, without its sandbox. Left out
// is what no request of the measurement asks for: payments, forms for apps and
// browsers, test numbers, and taking back what no carrier would send.

import { randomInt } from 'node:crypto'

import type { FastifyRequest } from 'fastify'

import { EngineError } from '../engine/errors.ts'
import { newId } from '../engine/ids.ts'
import { countSegments } from '../engine/outbox/segments.ts'
import { checkFields, type Fields } from '../engine/library/fields.ts'
import { parseNumber } from '../engine/sandbox/parse-number.ts'
import type { FlowParts } from './by-hand.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const policy = {
  digits: 6,
  validForMs: 10 * minute,
  sends: 3,
  sendsPerDay: 10,
  waitMs: { sent: 30 * second, delivered: 20 * second, failed: 5 * second },
  checks: 5,
  checkWindowMs: 10 * minute,
  sender: 'Patchcord',
  contact: { email: 'support@example.com' },
}
const space = 'script/otp'
const served = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE'])

interface Verification {
  id: string
  reference: string
  code: string
  language: string
  createdAt: number
  expiresAt: number
  sends: number
  maxSends: number
  message: string
  ended: 'verified' | 'canceled' | null
  lockedUntil: number | null
}

interface NumberRecord {
  sends: number[]
  last: { at: number; message: string; verification: string; expiresAt: number } | null
  verifiedAt: number | null
  apps: Record<string, { checks: { count: number; since: number } | null; verifications: Verification[] }>
}

interface Wish {
  number: string
  app: string
  reference: string
  language: string
  message: string
}

const text = { type: 'string', optional: true } as const
const fields: Fields[string] = {
  number: { type: 'string', optional: false },
  country: text,
  reference: text,
  language: text,
  locale: text,
}

export async function otp({ body, token, runId }: FastifyRequest, parts: FlowParts): Promise<object> {
  const { storage, outbox, texts, clock } = parts
  const asked = checkFields(fields, body as Record<string, unknown>) as Record<string, string | undefined>
  const phone = parseNumber(asked.number, asked.country ?? null, {})
  const facts = { country: phone.country, example: phone.example }
  if (phone.e164 === null) throw new EngineError('invalid_number', facts)
  if (phone.type !== null && !served.has(phone.type)) throw new EngineError('unsupported_number', facts)
  const wish: Wish = {
    number: phone.e164,
    app: token.app,
    reference: asked.reference ?? '',
    language: texts.language(asked.language ?? asked.locale, phone.country),
    message: `${runId}.1`,
  }

  const { record, verification, began, before } = await inTurn(wish.number, () => takeSlot(wish, parts))
  // What became of the SMS before decides whether another one may leave.
  if (before !== null) judgeLast(before, (await outbox.get(before.message))?.state ?? 'failed', clock())

  const { code, language, sends, expiresAt } = verification
  const now = clock()
  const values = { code, sender: token.brand ?? policy.sender, count: Math.floor((expiresAt - now) / minute) }
  const sms =
    sends === 1
      ? texts.t('otp.message', values, language)
      : texts.t('otp.again', { ...values, try: sends, tries: policy.sends }, language)
  if (countSegments(sms).segments > 2) throw new EngineError('invalid_request', { errors: [{ field: 'language' }] })
  const [{ id: messageId, segments }] = await Promise.all([
    outbox.accept({
      id: wish.message,
      script: 'otp',
      to: wish.number,
      text: sms,
      validForMs: expiresAt - now,
      ref: verification.id,
      priority: 'otp',
      onUncertain: 'resend',
    }),
    began &&
      storage.entries.set(
        space,
        `id:${verification.id}`,
        JSON.stringify({ number: wish.number, app: wish.app, reference: wish.reference }),
        { ttlMs: 24 * hour },
      ),
  ])

  const sendsLeft = Math.min(verification.maxSends - sends, policy.sendsPerDay - record.sends.length)
  const resendAt = sendsLeft === 0 ? null : Math.min(now + policy.waitMs.sent, expiresAt)
  const checks = record.apps[wish.app]!.checks
  return {
    id: verification.id,
    number: wish.number,
    language,
    status: 'pending',
    delivery: 'queued',
    ...(token.scopes.includes('code:read') && { code }),
    messageId,
    segments,
    expiresAt: new Date(expiresAt).toISOString(),
    expiresIn: Math.ceil((expiresAt - now) / second),
    resendAt: resendAt === null ? null : new Date(resendAt).toISOString(),
    resendIn: resendAt === null ? 0 : Math.ceil((resendAt - now) / second),
    sendsLeft,
    checksLeft: policy.checks - (checks === null || now >= checks.since + policy.checkWindowMs ? 0 : checks.count),
    message: texts.t('otp.guide.inbox', { digits: code.length }, language),
  }
}

interface Slot {
  record: NumberRecord
  verification: Verification
  began: boolean
  before: NumberRecord['last']
}

/** Judges the number's record and notes one more SMS in it, before that leaves. */
async function takeSlot(wish: Wish, { storage, clock }: FlowParts): Promise<Slot> {
  const { entries } = storage
  const key = `number:${wish.number}`
  const entry = await entries.get(space, key)
  const now = clock()
  const record =
    entry === undefined
      ? { sends: [], last: null, verifiedAt: null, apps: {} }
      : current(JSON.parse(entry.value) as NumberRecord, now)
  const app = (record.apps[wish.app] ??= { checks: null, verifications: [] })
  const known = app.verifications.findLast(({ reference }) => reference === wish.reference)
  const lockEndsAt = app.checks === null ? 0 : app.checks.since + policy.checkWindowMs
  if (app.checks !== null && app.checks.count >= policy.checks && now < lockEndsAt)
    refuse('too_many_checks', lockEndsAt, now)

  const pending = known?.ended === null && known.lockedUntil === null && now < known.expiresAt ? known : undefined
  if (record.sends.length >= policy.sendsPerDay) refuse('too_many_sends', record.sends[0]! + 24 * hour, now)
  if (pending !== undefined && pending.sends >= pending.maxSends) refuse('too_many_sends', pending.expiresAt, now)
  const before = record.verifiedAt === null ? record.last : null
  if (before !== null && now < before.at + policy.waitMs.failed) refuse('too_soon', before.at + policy.waitMs.sent, now)
  if (pending !== undefined && now > pending.expiresAt - minute) refuse('too_soon', pending.expiresAt, now)

  const verification = pending ?? begin(wish, now)
  if (pending === undefined) app.verifications.push(verification)
  else Object.assign(pending, { sends: pending.sends + 1, message: wish.message, language: wish.language })
  record.sends.push(now)
  record.last = { at: now, message: wish.message, verification: verification.id, expiresAt: verification.expiresAt }
  record.verifiedAt = null
  const change = { version: entry?.version ?? null, value: JSON.stringify(record), ttlMs: 25 * hour }
  if (!(await entries.replace(space, key, change))) throw new EngineError('overloaded', { retryAfter: 1 })
  return { record, verification, began: pending === undefined, before }
}

function begin(wish: Wish, now: number): Verification {
  return {
    id: newId('ver'),
    reference: wish.reference,
    code: String(randomInt(10 ** policy.digits)).padStart(policy.digits, '0'),
    language: wish.language,
    createdAt: now,
    expiresAt: now + policy.validForMs,
    sends: 1,
    maxSends: policy.sends,
    message: wish.message,
    ended: null,
    lockedUntil: null,
  }
}

function current(record: NumberRecord, now: number): NumberRecord {
  record.sends = record.sends.filter(at => at > now - 24 * hour)
  if (record.last !== null && record.last.at <= now - 24 * hour) record.last = null
  for (const app of Object.values(record.apps)) {
    app.verifications = app.verifications.filter(({ createdAt }) => createdAt > now - 24 * hour)
  }
  return record
}

function judgeLast(last: NonNullable<NumberRecord['last']>, delivery: string, now: number): void {
  if (delivery === 'rejected' || delivery === 'undelivered') refuse('number_rejected', last.expiresAt, now)
  const { sent, delivered, failed } = policy.waitMs
  const wait = delivery === 'delivered' ? delivered : delivery === 'failed' || delivery === 'expired' ? failed : sent
  if (now < last.at + wait) refuse('too_soon', last.at + wait, now)
}

function refuse(
  code: 'too_soon' | 'too_many_sends' | 'too_many_checks' | 'number_rejected',
  until: number,
  now: number,
) {
  const retryAfter = Math.max(1, Math.ceil((until - now) / second))
  throw new EngineError(code, code === 'too_soon' ? { retryAfter } : { retryAfter, contact: policy.contact })
}

// Calls for one number queue, as updates of one key do in the engine.
const queues = new Map<string, Promise<unknown>>()
async function inTurn<T>(number: string, task: () => Promise<T>): Promise<T> {
  const before = queues.get(number)
  const mine = before === undefined ? task() : before.then(task, task)
  queues.set(number, mine)
  try {
    return await mine
  } finally {
    if (queues.get(number) === mine) queues.delete(number)
  }
}
