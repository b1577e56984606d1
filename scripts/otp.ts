// One-time passwords by SMS. The policy is this block: change it, save, and the
// next request follows it. How it is carried out is in lib/.

const policy = {
  digits: 6, // length of a code, 4 to 8; the same code for every resend
  validFor: '10m', // from the first SMS; a resend does not prolong it
  sends: 3, // SMS for one verification
  sendsPerDay: 10, // SMS to one number in 24 hours, over all apps
  waitSent: '30s', // before the next SMS while the last one is on its way
  waitDelivered: '20s', // …when it has arrived; then one more at most
  waitFailed: '5s', // …when it failed by our fault. A rejected number has to be changed
  checks: 5, // guesses for one number before it is locked
  checkWindow: '10m', // from the first guess; it also ends the lock
  sender: 'Patchcord', // named in every SMS, unless the token has a brand
  contact: { email: 'support@example.com', phone: '', url: '' }, // told when all tries are used up
}

/** POST /otp: sends a code; while one is pending, sends it again. */
export default async function send(request: SendBody, call: Call) {
  return sendCode(readSendRequest(request, call, policy), policy)
}

/** POST /otp/resend: sends the pending code again. */
export async function resend(request: SendBody, call: Call) {
  return resendCode(await findVerification(request, call), request, call, policy)
}

/** POST /otp/check: is this the code? Every guess counts, a right one works once. */
export async function check(request: CheckBody, call: Call) {
  return checkCode(readGuess(request), await findVerification(request, call), policy)
}

/** POST /otp/status: how far it is. Never a proof that the code was right. */
export async function status(request: Body, call: Call) {
  return tellStatus(await findVerification(request, call), policy)
}

/** POST /otp/cancel: the code is worth nothing any more. */
export async function cancel(request: Body, call: Call) {
  return cancelVerification(await findVerification(request, call), policy)
}

import { shippedContact } from './lib/otp-answer.ts'
import { cancelVerification, checkCode, readGuess, type CheckBody } from './lib/otp-check.ts'
import { findVerification, readSendRequest, type Body, type SendBody } from './lib/otp-request.ts'
import { resendCode, sendCode, tellStatus } from './lib/otp-send.ts'

const about = { country: 'string?', reference: 'string?', language: 'string?', locale: 'string?' }
const which = { id: 'string?', number: 'string?', ...about }
const payment = { amount: 'string?', payee: 'string?' }
const form = { appHash: 'string?', domain: 'string?', clientIp: 'string?' }
export const fields = {
  default: { number: 'string', ...about, ...payment, ...form },
  resend: { ...which, ...payment, ...form },
  check: { ...which, code: 'string', ...payment },
  status: which,
  cancel: which,
}
export const warnings = shippedContact(policy) ? ['policy.contact is still the shipped example'] : []
