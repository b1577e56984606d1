// What Twilio's error codes mean for a message (twilio.com/docs/api/errors).
// Codes that are not here are judged by the HTTP status, or by the message's
// status in a report. Twilio makes new codes out of old ones now and then.

import type { Refusal, ReportState } from '../carrier.ts'

type Judgement = Pick<Refusal, 'verdict' | 'numberAtFault' | 'throttled' | 'carrierAtFault'>

/** The number itself is the trouble: no carrier will reach it. */
const number = { verdict: 'final', numberAtFault: true } satisfies Judgement
/** No carrier sends such a message. */
const message = { verdict: 'final' } satisfies Judgement
/** This account, this sender or this route will not do. */
const account = { verdict: 'elsewhere' } satisfies Judgement
/** Nothing goes through it until somebody has mended the account. */
const closed = { verdict: 'elsewhere', carrierAtFault: true } satisfies Judgement
/** Too much at once: everything has to wait. */
const busy = { verdict: 'later', throttled: true } satisfies Judgement

export const twilioRefusals: Readonly<Record<number, Judgement & { words: string }>> = {
  14107: { ...busy, words: 'message rate exceeded' },
  20003: { ...closed, words: 'wrong credentials' },
  20005: { ...closed, words: 'account not active' },
  20429: { ...busy, words: 'too many requests' },
  // Not a number that anybody has: wrong digits, wrong length.
  21211: { ...number, words: 'invalid To' },
  21212: { ...account, words: 'invalid From' },
  21214: { ...number, words: 'To cannot be reached' },
  21217: { ...number, words: 'To does not appear to be valid' },
  // Short codes and services that sell something take no messages.
  21265: { ...number, words: 'To is a short code' },
  21266: { ...account, words: 'To and From are the same' },
  21268: { ...number, words: 'To is a premium number' },
  21408: { ...account, words: 'region not permitted for this account' },
  21601: { ...account, words: 'From cannot send SMS' },
  21602: { ...message, words: 'no text' },
  21603: { ...account, words: 'no From' },
  21606: { ...account, words: 'From is not of this account' },
  21608: { ...account, words: 'To is not verified for a trial account' },
  21609: { ...account, words: 'invalid StatusCallback' },
  // Its owner sent STOP: another carrier must not be the way around that.
  21610: { ...number, words: 'opted out' },
  21611: { ...busy, words: 'queue of the sender is full' },
  // To and From do not go together; with another sender or carrier they may.
  21612: { ...account, words: 'no route from this From to this To' },
  // A landline, or a line without SMS.
  21614: { ...number, words: 'To is not a mobile number' },
  21617: { ...account, words: 'text too long' },
  21635: { ...number, words: 'To is a landline' },
  21659: { ...account, words: 'From is not a Twilio number' },
  21660: { ...account, words: 'From is of another account' },
  21661: { ...account, words: 'From cannot send SMS' },
  21703: { ...account, words: 'the messaging service has no sender' },
  30001: { ...busy, words: 'queue overflow' },
  30002: { ...account, words: 'account suspended' },
}

/** In reports: `rejected` puts the number at fault. */
export const twilioReports: Readonly<Record<number, ReportState>> = {
  // Twilio found out only after it had accepted that the number takes no SMS.
  21211: 'rejected',
  21610: 'rejected',
  21614: 'rejected',
  21635: 'rejected',
  30001: 'failed',
  30002: 'failed',
  // Off, without signal, roaming: the same number may be reached in an hour.
  30003: 'undelivered',
  // Blocked by a network or on request: not said which, nor for how long.
  30004: 'failed',
  // The number is unknown to its network, or not in service any more.
  30005: 'rejected',
  // A landline, or a network that the sender's kind cannot reach.
  30006: 'rejected',
  // Filtered for what the text or the sender looks like.
  30007: 'failed',
  30008: 'undelivered',
  30010: 'failed',
  // Not registered for the United States.
  30034: 'failed',
  30036: 'expired',
  30410: 'undelivered',
  // Looked like traffic pumping.
  30450: 'failed',
}
