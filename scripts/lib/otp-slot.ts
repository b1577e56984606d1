// One send of a number: noted in its record before the SMS leaves.

import { ms } from './duration.ts'
import {
  appOf,
  find,
  recordKey,
  recordLifetime,
  statusOf,
  type NumberRecord,
  type Policy,
  type Verification,
} from './otp-record.ts'
import { tooLong, type SendRequest } from './otp-request.ts'
import { fits, smsText } from './otp-text.ts'

export interface Slot {
  at: number
  /** The record with the slot in it. */
  record: NumberRecord
  verification: Verification
  /** The verification begins with this SMS. */
  began: boolean
  text: string
  /** The record as it was found. */
  found: NumberRecord | undefined
  /** What the slot changed, to be put back if it is not used. */
  before: { last: NumberRecord['last']; verification: Verification | undefined }
}

/** The pending verification that a send goes on with. Other money is another transaction, so it begins a new one. */
export function goesOn(record: NumberRecord, request: SendRequest, now: number): Verification | undefined {
  const pending = findPending(record, request, now)
  if (pending === undefined) return undefined
  return samePayment(pending, request) || (request.resend && !request.paymentAsked) ? pending : undefined
}

function findPending(record: NumberRecord, request: SendRequest, now: number): Verification | undefined {
  const known = find(record, request.app, request.reference, request.id)
  return known !== undefined && statusOf(known, now) === 'pending' ? known : undefined
}

function samePayment({ payment }: Verification, request: SendRequest): boolean {
  return payment?.amount === request.payment?.amount && payment?.payee === request.payment?.payee
}

/**
 * Notes one more SMS: of the pending verification, or of a new one. `found` is the record as it is stored, `seen` as
 * it counts now. Throws invalid_request when its text is too long.
 */
export function takeSlot(
  found: NumberRecord | undefined,
  seen: NumberRecord,
  request: SendRequest,
  policy: Policy,
  now: number,
): Slot {
  const record = copy(seen)
  const pending = findPending(record, request, now)
  const before = { last: seen.last, verification: pending && copy(pending) }
  const going = goesOn(record, request, now)
  // Other money, other code: what was agreed to before is worth nothing now.
  if (pending !== undefined && going === undefined) pending.ended = 'canceled'
  const verification = going === undefined ? begin(record, request, policy, now) : again(going, request)
  const text = smsText(verification, request.sender, policy, now)
  if (!fits(text)) throw tooLong(verification)
  record.sends.push(now)
  record.last = { at: now, message: request.message, verification: verification.id, expiresAt: verification.expiresAt }
  return { at: now, record, verification, began: going === undefined, text, found, before }
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function again(pending: Verification, request: SendRequest): Verification {
  pending.sends++
  pending.message = request.message
  if (request.languageAsked) pending.language = request.language
  if (request.appHash !== null || request.domain !== null) {
    pending.appHash = request.appHash
    pending.domain = request.domain
  }
  return pending
}

function begin(record: NumberRecord, request: SendRequest, policy: Policy, now: number): Verification {
  const verification: Verification = {
    id: `ver_${generateCode({ length: 22, alphabet: 'abcdefghijklmnopqrstuvwxyz' })}`,
    reference: request.reference,
    code: generateCode({ length: policy.digits, for: request.number }),
    language: request.language,
    createdAt: now,
    expiresAt: now + ms(policy.validFor),
    sends: 1,
    maxSends: policy.sends,
    message: request.message,
    payment: request.payment,
    appHash: request.appHash,
    domain: request.domain,
    ended: null,
    verifiedAt: null,
    lockedUntil: null,
  }
  appOf(record, request.app).verifications.push(verification)
  return verification
}

/** Puts back what the slot changed, and only that: checks and cancels may have come in between. */
export async function giveBack(slot: Slot, request: SendRequest): Promise<void> {
  await changeMine(slot, request, record => {
    // Nobody came in between: as if nothing had happened, to the letter.
    if (JSON.stringify(record) === JSON.stringify(slot.record)) return slot.found
    const { last, verification: earlier } = slot.before
    record.sends.splice(record.sends.lastIndexOf(slot.at), 1)
    record.last = last
    const app = appOf(record, request.app)
    if (slot.began) app.verifications = app.verifications.filter(({ id }) => id !== slot.verification.id)
    const known = app.verifications.find(({ id }) => id === earlier?.id)
    if (known === undefined || earlier === undefined) return record
    const { sends, message, language, appHash, domain } = earlier
    if (slot.began) known.ended = null
    else Object.assign(known, { sends, message, language, appHash, domain })
    return record
  })
}

/** The SMS of this slot is the last of its verification: the one before was delivered. */
export async function keepOneMore(slot: Slot, request: SendRequest): Promise<void> {
  await changeMine(slot, request, record => {
    const known = find(record, request.app, request.reference, slot.verification.id)
    if (known !== undefined) known.maxSends = slot.verification.maxSends
    return record
  })
}

async function changeMine(
  slot: Slot,
  request: SendRequest,
  apply: (record: NumberRecord) => NumberRecord | undefined,
): Promise<void> {
  await storage.update<NumberRecord>(
    recordKey(request.number),
    stored => {
      if (stored === undefined || stored.last?.message !== slot.record.last?.message) return stored
      return apply(stored)
    },
    { ttl: recordLifetime },
  )
}
