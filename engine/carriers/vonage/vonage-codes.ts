// What Vonage's numbers mean for a message: `status` of a submit
// (developer.vonage.com/en/api-errors/sms) and `err-code` of a report
// (Vonage support, "SMS Delivery Error Codes and Descriptions").

import type { Refusal, ReportState } from '../carrier.ts'

type Judgement = Pick<Refusal, 'verdict' | 'numberAtFault' | 'throttled' | 'carrierAtFault'>

const number = { verdict: 'final', numberAtFault: true } satisfies Judgement
const account = { verdict: 'elsewhere' } satisfies Judgement
/** Nothing goes through it until somebody has mended the account. */
const closed = { verdict: 'elsewhere', carrierAtFault: true } satisfies Judgement
const busy = { verdict: 'later', throttled: true } satisfies Judgement

/** Others, of which Vonage makes new ones: elsewhere. */
export const vonageRefusals: Readonly<Record<number, Judgement & { words: string }>> = {
  1: { ...busy, words: 'throttled' },
  2: { ...account, words: 'missing parameter' },
  3: { ...account, words: 'invalid parameter' },
  4: { ...closed, words: 'invalid credentials' },
  5: { verdict: 'later', carrierAtFault: true, words: 'internal error' },
  // Said of prefixes that no network has.
  6: { ...number, words: 'invalid message' },
  // On the list of numbers that may not be sent to.
  7: { ...number, words: 'number barred' },
  8: { ...closed, words: 'account barred' },
  9: { ...closed, words: 'no credit' },
  10: { ...busy, words: 'too many binds' },
  11: { ...account, words: 'account not enabled for HTTP' },
  12: { ...account, words: 'message too long' },
  13: { verdict: 'later', words: 'communication failed' },
  14: { ...account, words: 'invalid signature' },
  15: { ...account, words: 'invalid sender' },
  22: { ...account, words: 'invalid network code' },
  23: { ...account, words: 'invalid callback address' },
  29: { ...account, words: 'number not on the list of a trial account' },
  32: { ...account, words: 'signature and secret both given' },
  // Given up by its owner, so its network says.
  33: { ...number, words: 'number de-activated' },
}

export const vonageReports: Readonly<Record<number, { state: ReportState; words: string }>> = {
  1: { state: 'undelivered', words: 'unknown' },
  2: { state: 'undelivered', words: 'absent for now' },
  // "Should be removed from your database."
  3: { state: 'rejected', words: 'absent for good' },
  // The owner's contract lets no such SMS through; only the owner can change that.
  4: { state: 'rejected', words: 'barred by the user' },
  5: { state: 'undelivered', words: 'portability error' },
  6: { state: 'failed', words: 'anti-spam' },
  7: { state: 'undelivered', words: 'handset busy' },
  8: { state: 'undelivered', words: 'network error' },
  // The owner asked for no messages.
  9: { state: 'rejected', words: 'illegal number' },
  10: { state: 'failed', words: 'illegal message' },
  11: { state: 'failed', words: 'unroutable' },
  // No network knows the number: "confirm the recipient's number".
  12: { state: 'rejected', words: 'destination unreachable' },
  // The owner is too young for it, says the network.
  13: { state: 'rejected', words: 'age restriction' },
  // The owner has to ask the network to enable SMS.
  14: { state: 'rejected', words: 'blocked by the network' },
  15: { state: 'undelivered', words: 'prepaid, no funds' },
  16: { state: 'failed', words: 'gateway quota exceeded' },
  39: { state: 'failed', words: 'illegal sender' },
  50: { state: 'failed', words: 'entity filter' },
  51: { state: 'failed', words: 'header filter' },
  52: { state: 'failed', words: 'content filter' },
  53: { state: 'failed', words: 'consent filter' },
  54: { state: 'failed', words: 'regulation' },
  99: { state: 'failed', words: 'general error' },
}
