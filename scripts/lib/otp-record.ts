// What is remembered of a number: one record for all apps, so that one atomic
// update can judge every wait and limit. Kept for a day after its last change.

import { ms } from './duration.ts'

export interface Policy {
  digits: number
  validFor: string
  sends: number
  sendsPerDay: number
  waitSent: string
  waitDelivered: string
  waitFailed: string
  checks: number
  checkWindow: string
  sender: string
  contact: { email?: string; phone?: string; url?: string }
}

export type Status = 'pending' | 'verified' | 'expired' | 'locked' | 'canceled'

export interface Payment {
  amount: string
  payee: string
}

export interface Verification {
  id: string
  reference: string
  code: string
  language: string
  createdAt: number
  expiresAt: number
  /** SMS sent for it, and how many there may be: fewer once one was delivered. */
  sends: number
  maxSends: number
  /** Of its last SMS. */
  message: string
  payment: Payment | null
  appHash: string | null
  domain: string | null
  ended: 'verified' | 'canceled' | null
  verifiedAt: number | null
  /** End of the window in which it was locked; it is expired afterwards. */
  lockedUntil: number | null
}

/** What one app knows of the number. */
export interface AppRecord {
  /** Guesses since the first one of the window. */
  checks: { count: number; since: number } | null
  verifications: Verification[]
}

export interface NumberRecord {
  /** When SMS were sent, the last 24 hours. */
  sends: number[]
  /** The last SMS to the number, whatever became of its verification. */
  last: { at: number; message: string; verification: string; expiresAt: number } | null
  apps: Record<string, AppRecord>
}

export const day = ms('24h')
/** A little longer than anything in it counts. */
export const recordLifetime = '25h'
export const recordKey = (number: string): string => `number:${number}`

/** The record as it counts now: what is older than a day is gone. */
export function current(stored: NumberRecord | undefined, now: number): NumberRecord {
  const record = structuredCopy(stored) ?? { sends: [], last: null, apps: {} }
  record.sends = record.sends.filter(at => at > now - day)
  if (record.last !== null && record.last.at <= now - day) record.last = null
  for (const [app, { verifications }] of Object.entries(record.apps)) {
    record.apps[app]!.verifications = verifications.filter(verification => verification.createdAt > now - day)
  }
  return record
}

function structuredCopy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

export function appOf(record: NumberRecord, app: string): AppRecord {
  return (record.apps[app] ??= { checks: null, verifications: [] })
}

/** The newest of a reference, or the one with this id; both have to fit where both are given. */
export function find(
  record: NumberRecord,
  app: string,
  reference: string,
  id: string | null,
): Verification | undefined {
  return record.apps[app]?.verifications.findLast(
    verification => verification.reference === reference && (id === null || verification.id === id),
  )
}

/** When the verification of the number's last SMS met its right code; null while it has not. */
export function lastVerifiedAt({ last, apps }: NumberRecord): number | null {
  const all = Object.values(apps).flatMap(({ verifications }) => verifications)
  return all.find(({ id }) => id === last?.verification)?.verifiedAt ?? null
}

export function statusOf(verification: Verification, now: number): Status {
  if (verification.ended !== null) return verification.ended
  if (verification.lockedUntil !== null) return now < verification.lockedUntil ? 'locked' : 'expired'
  return now < verification.expiresAt ? 'pending' : 'expired'
}

/** Guesses so far in the window that is open now. */
export function checksUsed(app: AppRecord | undefined, policy: Policy, now: number): number {
  return app?.checks && now < app.checks.since + ms(policy.checkWindow) ? app.checks.count : 0
}

/** When the lock of the pair ends; null while it is not locked. */
export function lockedUntil(app: AppRecord | undefined, policy: Policy, now: number): number | null {
  return checksUsed(app, policy, now) >= policy.checks ? app!.checks!.since + ms(policy.checkWindow) : null
}
