// What the caller is told: answers, refusals, and the sentence for the end user.

import { secondsUntil, time } from './duration.ts'
import {
  checksUsed,
  day,
  statusOf,
  type AppRecord,
  type NumberRecord,
  type Policy,
  type Status,
  type Verification,
} from './otp-record.ts'
import { isRejected, nextSend, type Deliveries } from './otp-wait.ts'

export interface Told {
  number: string
  record: NumberRecord
  app: AppRecord
  verification: Verification
  deliveries: Deliveries
  segments: number
  test: boolean
  /** An SMS has just left. */
  justSent: boolean
  showCode: boolean
}

/** The answer of send, resend and status. */
export function answer(told: Told, policy: Policy, now: number): Record<string, unknown> {
  const { verification, deliveries, segments, showCode } = told
  const next = nextSend(told.record, verification, deliveries, told.test, policy, now)
  const resendIn = next.at === null ? 0 : secondsUntil(next.at, now)
  return {
    id: verification.id,
    number: told.number,
    language: verification.language,
    status: statusOf(verification, now),
    delivery: deliveries.own,
    ...(showCode ? { code: verification.code } : {}),
    messageId: verification.message,
    segments,
    expiresAt: time(verification.expiresAt),
    expiresIn: secondsUntil(verification.expiresAt, now),
    resendAt: next.at === null ? null : time(next.at),
    resendIn,
    sendsLeft: next.left,
    checksLeft: Math.max(0, policy.checks - checksUsed(told.app, policy, now)),
    message: guide(told, next.left, resendIn, policy, now),
  }
}

function guide(
  { record, verification, deliveries, justSent }: Told,
  left: number,
  resendIn: number,
  policy: Policy,
  now: number,
): string {
  const say = (key: string, values: Record<string, unknown> = {}): string =>
    t(`otp.guide.${key}`, values, verification.language)
  const status = statusOf(verification, now)
  if (status === 'locked') return say('usedUp', { contact: contactText(policy, verification.language) })
  if (status !== 'pending') return say(status)
  if (isRejected(record, verification, deliveries, now)) return say('changeNumber')
  if (justSent) return say('inbox', { digits: verification.code.length })
  if (left === 0) return say('lastSent')
  if (resendIn === 0) return say('inbox', { digits: verification.code.length })
  return say(deliveries.own === 'delivered' ? 'delivered' : 'wait', { count: resendIn })
}

function contactText({ contact }: Policy, language: string): string {
  const ways = [contact.email, contact.phone, contact.url].filter(way => way !== undefined && way !== '')
  return new Intl.ListFormat(language, { type: 'disjunction' }).format(ways as string[])
}

/** `contact` as a fact: only the ways that there are. */
export function contactOf({ contact }: Policy): Record<string, string> {
  return Object.fromEntries(Object.entries(contact).filter(([, way]) => way !== ''))
}

export function shippedContact({ contact }: Policy): boolean {
  return contact.email?.endsWith('@example.com') === true
}

export function tooSoon(at: number, now: number, own: object): Error {
  return refuse('too_soon', { status: 429, retryAfter: Math.max(1, secondsUntil(at, now)), resendAt: time(at), ...own })
}

export function tooManySends(
  record: NumberRecord,
  verification: Verification | undefined,
  policy: Policy,
  now: number,
): Error {
  const dayIsFull = record.sends.length >= policy.sendsPerDay
  const until = dayIsFull ? record.sends[record.sends.length - policy.sendsPerDay]! + day : verification!.expiresAt
  return refuse('too_many_sends', {
    status: 429,
    contact: contactOf(policy),
    retryAfter: Math.max(1, secondsUntil(until, now)),
    ...(verification && { id: verification.id }),
  })
}

export function tooManyChecks(
  until: number,
  verification: Verification | undefined,
  policy: Policy,
  now: number,
): Error {
  return refuse('too_many_checks', {
    status: 429,
    contact: contactOf(policy),
    retryAfter: Math.max(1, secondsUntil(until, now)),
    ...(verification && { id: verification.id }),
  })
}

export function numberRejected(verification: Verification | undefined, policy: Policy): Error {
  return refuse('number_rejected', {
    status: 422,
    contact: contactOf(policy),
    ...(verification && { id: verification.id }),
  })
}

const endings = { expired: ['expired', 410], verified: ['already_verified', 409], canceled: ['canceled', 409] } as const

/** What a verification answers that is over. */
export function over(verification: Verification, status: Status): Error {
  const [code, httpStatus] = endings[status as keyof typeof endings]
  return refuse(code, {
    status: httpStatus,
    id: verification.id,
    verificationStatus: status,
    expiresAt: time(verification.expiresAt),
  })
}
