// May another SMS leave? The refusals in the contract's order: lock, rejected
// number, too many, too soon.

import { time } from './duration.ts'
import { numberRejected, over, tooManyChecks, tooManySends, tooSoon } from './otp-answer.ts'
import {
  checksUsed,
  find,
  lastVerifiedAt,
  lockedUntil,
  statusOf,
  type NumberRecord,
  type Policy,
  type Verification,
} from './otp-record.ts'
import type { SendRequest } from './otp-request.ts'
import { goesOn } from './otp-slot.ts'
import { beforeLastMinute, isRejected, maxSends, waitOver, type Deliveries } from './otp-wait.ts'

/** The SMS whose states have to be asked for first. A verified number has shown that it works; a test number never waits. */
export function toAskFor(record: NumberRecord, request: SendRequest, now: number): { last?: string; own?: string } {
  if (request.test) return {}
  const own = goesOn(record, request, now)
  return {
    ...(record.last !== null && lastVerifiedAt(record) === null && { last: record.last.message }),
    ...(own !== undefined && { own: own.message }),
  }
}

/** What forbids a send whatever became of the SMS before. */
export function judgeState(record: NumberRecord, request: SendRequest, policy: Policy, now: number): void {
  const known = find(record, request.app, request.reference, request.id)
  const status = known && statusOf(known, now)
  if (request.resend === true) {
    if (known === undefined) throw refuse('not_found', { status: 404 })
    if (status !== 'pending' && status !== 'locked') throw over(known, status!)
  }
  const locked = lockedUntil(record.apps[request.app], policy, now) ?? (status === 'locked' ? known!.lockedUntil : null)
  if (locked !== null) throw tooManyChecks(locked, known, policy, now)
}

/** What the SMS before forbid. */
export function judgeSend(
  record: NumberRecord,
  deliveries: Deliveries,
  request: SendRequest,
  policy: Policy,
  now: number,
): void {
  const known = find(record, request.app, request.reference, request.id)
  const own = goesOn(record, request, now)
  if (!request.test && isRejected(record, own, deliveries, now)) {
    const verifications = record.apps[request.app]?.verifications
    throw numberRejected(verifications?.find(({ id }) => id === record.last?.verification) ?? own, policy)
  }
  const usedUp = own !== undefined && own.sends >= maxSends(own, deliveries, request.test)
  if (usedUp || record.sends.length >= policy.sendsPerDay) throw tooManySends(record, own ?? known, policy, now)
  if (request.test) return
  const waited = waitOver(record, deliveries.last, policy)
  const allowed = own === undefined ? waited : beforeLastMinute(Math.max(waited, now), own)
  if (now < allowed) throw tooSoon(allowed, now, ownFacts(record, known, request, policy, now))
}

/** What the app may know of its own verification that has to wait. */
export function ownFacts(
  record: NumberRecord,
  known: Verification | undefined,
  { app }: SendRequest,
  policy: Policy,
  now: number,
): object {
  if (known === undefined) return {}
  return {
    id: known.id,
    verificationStatus: statusOf(known, now),
    expiresAt: time(known.expiresAt),
    checksLeft: Math.max(0, policy.checks - checksUsed(record.apps[app], policy, now)),
  }
}
