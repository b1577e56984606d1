// When the next SMS may leave: by what became of the number's last one,
// whatever became of its verification.

import { ms } from './duration.ts'
import { lastVerifiedAt, statusOf, type NumberRecord, type Policy, type Verification } from './otp-record.ts'

/** The state of an SMS, as far as anybody knows. */
export type Delivery = MessageState

/** Null where there is none, or where it does not matter any more. */
export interface Deliveries {
  /** Of the number's last SMS, which may be another app's. */
  last: Delivery | null
  /** Of the verification's own last SMS. */
  own: Delivery | null
}

export interface NextSend {
  left: number
  /** Ms since 1970; null when none may. */
  at: number | null
}

const waitVerifiedMs = 1_000

/** Nobody has to wait longer for the answer than for this: before it, no state of the last SMS lets another one leave. */
export function earliest(record: NumberRecord, policy: Policy): number {
  const waits = (['failed', 'sent', 'delivered'] as const).map(delivery => waitOver(record, delivery, policy))
  return Math.min(...waits)
}

/** When the wait that the last SMS caused is over. */
export function waitOver(record: NumberRecord, delivery: Delivery | null, policy: Policy): number {
  const verifiedAt = lastVerifiedAt(record)
  if (verifiedAt !== null) return verifiedAt + waitVerifiedMs
  return record.last === null ? 0 : record.last.at + waitAfter(delivery, policy)
}

function waitAfter(delivery: Delivery | null, policy: Policy): number {
  if (delivery === 'delivered') return ms(policy.waitDelivered)
  return ms(delivery === 'failed' || delivery === 'expired' ? policy.waitFailed : policy.waitSent)
}

/** Too late to be of use in the code's last minute: then its expiry has to be waited for. */
export function beforeLastMinute(at: number, { expiresAt }: Verification): number {
  return at > expiresAt - 60_000 ? expiresAt : at
}

/** How many SMS there may be for a verification: one more at most once one was delivered. A test number gets none at all, so it has them all. */
export function maxSends(verification: Verification, { own }: Deliveries, test: boolean): number {
  return own === 'delivered' && !test ? Math.min(verification.maxSends, verification.sends + 1) : verification.maxSends
}

/** Is the number itself at fault? It is until the verification ends whose SMS told so. */
export function isRejected(
  { last }: NumberRecord,
  verification: Verification | undefined,
  deliveries: Deliveries,
  now: number,
): boolean {
  if (last !== null && isRefused(deliveries.last) && now < last.expiresAt) return true
  return verification !== undefined && isRefused(deliveries.own) && now < verification.expiresAt
}

function isRefused(delivery: Delivery | null): boolean {
  return delivery === 'rejected' || delivery === 'undelivered'
}

export function nextSend(
  record: NumberRecord,
  verification: Verification,
  deliveries: Deliveries,
  test: boolean,
  policy: Policy,
  now: number,
): NextSend {
  const max = maxSends(verification, deliveries, test)
  const left = Math.max(0, Math.min(max - verification.sends, policy.sendsPerDay - record.sends.length))
  const over = statusOf(verification, now) !== 'pending' || isRejected(record, verification, deliveries, now)
  if (left === 0 || over) return { left: 0, at: null }
  if (test) return { left, at: now }
  return { left, at: beforeLastMinute(Math.max(now, waitOver(record, deliveries.last, policy)), verification) }
}
