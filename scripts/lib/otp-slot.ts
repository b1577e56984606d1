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
import type { SendRequest } from './otp-request.ts'

export interface Slot {
  at: number
  /** The record with the slot in it. */
  record: NumberRecord
  verification: Verification
  /** The verification begins with this SMS. */
  began: boolean
  /** What the slot changed, to be put back if it is not used. */
  before: { last: NumberRecord['last']; verifiedAt: number | null; verification: Verification | undefined }
}

/** Notes one more SMS: of the pending verification, or of a new one. */
export function takeSlot(seen: NumberRecord, request: SendRequest, policy: Policy, now: number): Slot {
  const record = JSON.parse(JSON.stringify(seen)) as NumberRecord
  const known = find(record, request.app, request.reference, request.id)
  const pending = known !== undefined && statusOf(known, now) === 'pending' ? known : undefined
  const before = {
    last: seen.last,
    verifiedAt: seen.verifiedAt,
    verification: pending && (JSON.parse(JSON.stringify(pending)) as Verification),
  }
  const goesOn = pending !== undefined && (samePayment(pending, request) || (request.resend && !request.paymentAsked))
  // Other money, other code: what was agreed to before is worth nothing now.
  if (pending !== undefined && !goesOn) pending.ended = 'canceled'
  const verification = goesOn ? again(pending, request) : begin(record, request, policy, now)
  record.sends.push(now)
  record.last = { at: now, message: request.message, verification: verification.id, expiresAt: verification.expiresAt }
  record.verifiedAt = null
  return { at: now, record, verification, began: !goesOn, before }
}

function samePayment({ payment }: Verification, request: SendRequest): boolean {
  return payment?.amount === request.payment?.amount && payment?.payee === request.payment?.payee
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
    lockedUntil: null,
  }
  appOf(record, request.app).verifications.push(verification)
  return verification
}

/** Puts back what the slot changed, and only that: checks and cancels may have come in between. */
export async function giveBack(slot: Slot, request: SendRequest): Promise<void> {
  await changeMine(slot, request, record => {
    const { last, verifiedAt, verification: earlier } = slot.before
    record.sends.splice(record.sends.lastIndexOf(slot.at), 1)
    record.last = last
    record.verifiedAt = verifiedAt
    const app = appOf(record, request.app)
    if (slot.began) app.verifications = app.verifications.filter(({ id }) => id !== slot.verification.id)
    const known = app.verifications.find(({ id }) => id === earlier?.id)
    if (known === undefined || earlier === undefined) return
    if (slot.began) known.ended = null
    else Object.assign(known, { sends: earlier.sends, message: earlier.message, language: earlier.language })
  })
}

/** The SMS of this slot is the last of its verification: the one before was delivered. */
export async function keepOneMore(slot: Slot, request: SendRequest): Promise<void> {
  await changeMine(slot, request, record => {
    const known = find(record, request.app, request.reference, slot.verification.id)
    if (known !== undefined) known.maxSends = slot.verification.maxSends
  })
}

async function changeMine(slot: Slot, request: SendRequest, apply: (record: NumberRecord) => void): Promise<void> {
  await storage.update<NumberRecord>(
    recordKey(request.number),
    stored => {
      if (stored === undefined || stored.last?.message !== slot.record.last?.message) return stored
      apply(stored)
      return stored
    },
    { ttl: recordLifetime },
  )
}
