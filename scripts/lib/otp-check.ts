// Guesses: counted before they are compared, in one atomic step, so that no
// crowd of parallel ones gets more than its share.

import { ms } from './duration.ts'
import { over, tooManyChecks } from './otp-answer.ts'
import {
  appOf,
  checksUsed,
  current,
  find,
  lockedUntil,
  recordKey,
  recordLifetime,
  statusOf,
  type NumberRecord,
  type Policy,
  type Status,
  type Verification,
} from './otp-record.ts'
import { invalid, type Body, type Identity } from './otp-request.ts'

export interface CheckBody extends Body {
  code: string
  amount?: string
  payee?: string
}

/** What is compared. `amount` and `payee` are taken as they come: other ones than agreed to are a wrong guess. */
export interface Guess {
  code: string
  amount: string | undefined
  payee: string | undefined
}

export function readGuess({ code, amount, payee }: CheckBody): Guess {
  return { code: readCode(code), amount, payee }
}

export async function checkCode(guess: Guess, identity: Identity, policy: Policy): Promise<Record<string, unknown>> {
  let result: Record<string, unknown> | undefined
  await change(identity, policy, (record, verification, now, mustBe) => {
    if (guess.code.length !== verification.code.length)
      throw invalid('code', `has to have ${verification.code.length} digits`)
    mustBe(['pending'])
    const app = appOf(record, identity.app)
    const used = checksUsed(app, policy, now) + 1
    const since = used === 1 ? now : app.checks!.since
    if (isRight(guess, verification)) {
      app.checks = null
      verification.ended = 'verified'
      verification.verifiedAt = now
      result = { id: verification.id, verified: true }
      return
    }
    app.checks = { count: used, since }
    if (used >= policy.checks) lockAll(app.verifications, since + ms(policy.checkWindow), now)
    result = {
      id: verification.id,
      verified: false,
      reason: 'wrong_code',
      checksLeft: Math.max(0, policy.checks - used),
    }
  })
  return result!
}

function isRight({ code, amount, payee }: Guess, verification: Verification): boolean {
  const { payment } = verification
  return code === verification.code && amount === payment?.amount && payee === payment?.payee
}

export async function cancelVerification(identity: Identity, policy: Policy): Promise<Record<string, unknown>> {
  let id: string | undefined
  await change(identity, policy, (_record, verification, _now, mustBe) => {
    mustBe(['pending', 'canceled'])
    verification.ended = 'canceled'
    id = verification.id
  })
  return { id, status: 'canceled' }
}

/** Changes a verification in one atomic step. `mustBe` throws what a verification of another status answers. */
async function change(
  { app, number, reference, id }: Identity,
  policy: Policy,
  apply: (record: NumberRecord, verification: Verification, now: number, mustBe: (allowed: Status[]) => void) => void,
): Promise<void> {
  await storage.update<NumberRecord>(
    recordKey(number),
    stored => {
      const now = Date.now()
      const record = current(stored, now)
      const verification = find(record, app, reference, id)
      if (verification === undefined) throw refuse('not_found', { status: 404 })
      apply(record, verification, now, allowed => {
        const status = statusOf(verification, now)
        if (allowed.includes(status)) return
        if (status !== 'locked') throw over(verification, status)
        const until = lockedUntil(record.apps[app], policy, now) ?? verification.lockedUntil!
        throw tooManyChecks(until, verification, policy, now)
      })
      return record
    },
    { ttl: recordLifetime },
  )
}

function lockAll(verifications: Verification[], until: number, now: number): void {
  for (const verification of verifications) {
    if (statusOf(verification, now) === 'pending') verification.lockedUntil = until
  }
}

// Codes are typed as people see them: with spaces or dashes, in the digits of
// their own script.
function readCode(text: string): string {
  const code = text
    .normalize('NFKC')
    .replaceAll(/[\s\p{Pd}\p{Cf}]/gu, '')
    .replaceAll(/\p{Nd}/gu, asciiDigit)
  if (!/^\d{4,8}$/.test(code)) throw invalid('code', 'has to be the digits of the code')
  return code
}

// The ten digits of a script lie in a row; what comes before its zero is no digit.
function asciiDigit(digit: string): string {
  const point = digit.codePointAt(0)!
  if (point < 128) return digit
  let zero = point
  while (point - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String(point - zero)
}
