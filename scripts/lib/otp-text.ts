// The SMS itself: the code in front, who sends it, how long it is good for.

import { ms } from './duration.ts'
import type { Payment, Policy, Verification } from './otp-record.ts'
import { countSegments } from './segments.ts'

/** For whom the text is formed: a phone's app or browser can read the code out of it. */
export interface TextForm {
  appHash: string | null
  domain: string | null
}

interface Wording extends TextForm {
  language: string
  payment: Payment | null
  sender: string
}

/** The text of a verification's newest SMS. */
export function smsText(verification: Verification, sender: string, policy: Policy, now: number): string {
  const { code, sends } = verification
  const minutes = Math.max(1, Math.floor((verification.expiresAt - now) / 60_000))
  const wording = { ...verification, sender }
  const again = sends > 1 ? compose(wording, code, minutes, { try: sends, tries: policy.sends }) : undefined
  // Where the count of tries would cost a third SMS it is left out.
  return again !== undefined && fits(again) ? again : compose(wording, code, minutes)
}

/** The first text that such a request leads to, with a code of the right length. */
export function shownText(wording: Wording, policy: Policy): string {
  return compose(wording, '0'.repeat(policy.digits), ms(policy.validFor) / 60_000)
}

export function fits(text: string): boolean {
  return countSegments(text) <= 2
}

function compose(
  { language, payment, sender, appHash, domain }: Wording,
  code: string,
  minutes: number,
  again?: { try: number; tries: number },
): string {
  const key = payment === null ? (again ? 'again' : 'message') : again ? 'paymentAgain' : 'payment'
  // Amounts are often written with spaces that would turn the whole text into UCS-2.
  const plain = payment && { amount: plainSpaces(payment.amount), payee: plainSpaces(payment.payee) }
  const text = t(`otp.${key}`, { code, sender, count: minutes, ...again, ...plain }, language)
  // Android's SMS Retriever wants its mark in front and the app's hash at the end.
  if (appHash !== null) return `<#> ${text}\n${appHash}`
  // Origin-bound codes (WICG sms-one-time-codes): the last line, to the letter.
  if (domain !== null) return `${text}\n@${domain} #${code}`
  return text
}

function plainSpaces(text: string): string {
  return text.replaceAll(/[\u00a0\u2007\u202f]/g, ' ')
}
