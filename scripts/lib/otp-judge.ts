// May another SMS leave? The refusals in the contract's order: lock, rejected
// number, too many, too soon.

import { time } from './duration.ts'
import {
  beforeLastMinute,
  numberRejected,
  over,
  tooManyChecks,
  tooManySends,
  tooSoon,
  waitAfter,
  type Delivery,
} from './otp-answer.ts'
import {
  checksUsed,
  find,
  lockedUntil,
  statusOf,
  type NumberRecord,
  type Policy,
  type Verification,
} from './otp-record.ts'
import type { SendRequest } from './otp-request.ts'

const waitVerifiedMs = 1_000

type LastSms = NonNullable<NumberRecord['last']>

/** The SMS whose state has to be asked for first. After a right code it does not matter any more; a test number never waits. */
export function lastToAskFor(record: NumberRecord, { test }: SendRequest): LastSms | null {
  return test || record.verifiedAt !== null ? null : record.last
}

/** What needs no look at the last SMS. */
export function judgeBefore(record: NumberRecord, request: SendRequest, policy: Policy, now: number): void {
  const known = find(record, request.app, request.reference, request.id)
  const status = known && statusOf(known, now)
  if (request.resend === true) {
    if (known === undefined) throw refuse('not_found', { status: 404 })
    if (status !== 'pending' && status !== 'locked') throw over(known, status!)
  }
  const locked = lockedUntil(record.apps[request.app], policy, now) ?? (status === 'locked' ? known!.lockedUntil : null)
  if (locked !== null) throw tooManyChecks(locked, known, policy, now)
  // Where the last SMS counts, its number may have to be refused before the rest is judged.
  if (lastToAskFor(record, request) !== null) return
  const pending = status === 'pending' ? known : undefined
  judgeSends(record, pending, pending?.maxSends ?? policy.sends, policy, now)
  if (request.test) return
  const waited = record.verifiedAt === null ? now : record.verifiedAt + waitVerifiedMs
  judgeWait(waited, record, pending, request, policy, now)
}

/** What the last SMS forbids. Tells whether the next one is the last that may follow it. */
export function judgeLast(
  record: NumberRecord,
  last: LastSms,
  delivery: Delivery,
  hasSlot: boolean,
  request: SendRequest,
  policy: Policy,
): boolean {
  const now = Date.now()
  const known = find(record, request.app, request.reference, request.id)
  const pending = known !== undefined && statusOf(known, now) === 'pending' ? known : undefined
  if ((delivery === 'rejected' || delivery === 'undelivered') && now < last.expiresAt) {
    throw numberRejected(
      record.apps[request.app]?.verifications.find(({ id }) => id === last.verification),
      policy,
    )
  }
  const deliveredToIt = delivery === 'delivered' && pending?.id === last.verification
  const max =
    pending === undefined
      ? policy.sends
      : deliveredToIt
        ? Math.min(pending.maxSends, pending.sends + 1)
        : pending.maxSends
  judgeSends(record, pending, max, policy, now)
  judgeWait(last.at + waitAfter(delivery, policy), record, pending, request, policy, now)
  // The wait was over by a hair after the slot was judged: the next call gets it.
  if (!hasSlot) throw tooSoon(now + 1, now, ownFacts(record, pending, request, policy, now))
  return deliveredToIt
}

function judgeSends(
  record: NumberRecord,
  pending: Verification | undefined,
  max: number,
  policy: Policy,
  now: number,
): void {
  if (record.sends.length >= policy.sendsPerDay || (pending !== undefined && pending.sends >= max)) {
    throw tooManySends(record, pending, policy, now)
  }
}

function judgeWait(
  waited: number,
  record: NumberRecord,
  pending: Verification | undefined,
  request: SendRequest,
  policy: Policy,
  now: number,
): void {
  const allowed = pending === undefined ? waited : beforeLastMinute(Math.max(waited, now), pending)
  if (now < allowed) throw tooSoon(allowed, now, ownFacts(record, pending, request, policy, now))
}

function ownFacts(
  record: NumberRecord,
  pending: Verification | undefined,
  { app }: SendRequest,
  policy: Policy,
  now: number,
): object {
  if (pending === undefined) return {}
  const checksLeft = Math.max(0, policy.checks - checksUsed(record.apps[app], policy, now))
  return { id: pending.id, verificationStatus: 'pending', expiresAt: time(pending.expiresAt), checksLeft }
}
