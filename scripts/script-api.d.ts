// What a script may use, beside the JavaScript language itself. Nothing else of
// the host can be reached: no `process`, no `fetch`, no timers, no files.
//
// A script is a file of this folder; its name is its address. The default export
// answers POST /<script>, an export `check` answers POST /<script>/check, and
// onSms, onReport, onTimer handle events. `export const fields` declares what a
// body has to hold, `export const warnings` lists what to tell the operator when
// the script is loaded. Effects are asynchronous and take and
// give plain data (JSON). Everything that a script does not await is finished
// before its answer leaves.
//
// Limits of one run: 10 s, 250 ms of CPU time per turn, 64 MB of heap, 50 calls,
// 5 messages, 64 KB per value.

/** Seconds, or a number with its unit: `'30s'`, `'10m'`, `'24h'`, `'7d'`. */
type Duration = number | string

type MessageState = 'queued' | 'sent' | 'delivered' | 'undelivered' | 'rejected' | 'expired' | 'failed'

interface SmsToSend {
  /** E.164 with `+`. */
  to: string
  /** 1 to 1,600 characters. */
  text: string
  from?: string | undefined
  /** After this it is not sent any more; 24 h by default. */
  validFor?: Duration | undefined
  /** The only carrier that may take it. */
  carrier?: string | undefined
  /** Your own word for it; comes back in onReport. */
  ref?: string | undefined
  /** `'otp'` (default) goes before `'bulk'`. */
  priority?: 'otp' | 'bulk' | undefined
  /** When nobody knows whether the network got it: `'resend'` (default, unless the carrier's settings say otherwise) or `'fail'`. */
  onUncertain?: 'resend' | 'fail' | undefined
  /** One try by another carrier after `undelivered`. */
  failover?: boolean | undefined
  /** What a market asks for, such as `{ dltEntityId, dltTemplateId }`: docs/carriers.md says what each carrier makes of it. */
  params?: Record<string, unknown> | undefined
}

interface SentMessage {
  id: string
  state: MessageState
  /** `test` for a configured test number. */
  carrier: string | null
  segments: number
  attempts: number
  ref: string | null
  /** `state` may also be `uncertain`: an event, no state. */
  timeline: Array<{ at: string; state: MessageState | 'uncertain'; carrier: string | null; detail: string | null }>
}

type ParsedNumber = {
  /** ISO 3166-1 alpha-2, of the number or else the one asked for; null where unknown. */
  country: string | null
  countryName: string | null
  /** A mobile number of that country, as people write it abroad. */
  example: string | null
  /** One of the configured test numbers: it never reaches a carrier. */
  test: boolean
} & (
  | { valid: true; e164: string; type: NumberType | null; national: string }
  | { valid: false; e164: null; type: null; national: null }
)

type NumberType =
  | 'MOBILE'
  | 'FIXED_LINE'
  | 'FIXED_LINE_OR_MOBILE'
  | 'PREMIUM_RATE'
  | 'TOLL_FREE'
  | 'SHARED_COST'
  | 'VOIP'
  | 'PERSONAL_NUMBER'
  | 'PAGER'
  | 'UAN'
  | 'VOICEMAIL'

/** The second argument of a handler that answers HTTP. */
interface Call {
  /** The run's id. The run's n-th message has the id `<id>.<n>`, so it can be noted before it is sent. */
  id: string
  script: string
  action: string
  token: { id: string; app: string; brand: string | null; scopes: string[] }
  ip: string
  /** What `t` speaks by default: the body's `language`, else Accept-Language, else `en`. */
  language: string
  headers: Record<string, string>
}

interface InboundSms {
  from: string
  to: string
  text: string
  carrier: string
}

interface DeliveryReport {
  /** Of the message. */
  id: string
  ref: string | null
  state: MessageState
  error: string | null
  carrier: string | null
}

interface TimerEvent {
  id: string
  action: string
  data: unknown
}

/** Resolves once the message is safe in the outbox. Refuses with `unsupported_number` where nobody may send. */
declare function sendSms(sms: SmsToSend): Promise<{ id: string; segments: number; encoding: 'gsm7' | 'ucs2' }>

/** A message of this script. */
declare function message(id: string): Promise<SentMessage | undefined>

/** Uniform and cryptographic: 6 digits unless told otherwise. `for` gives a test number its fixed code. */
declare function generateCode(options?: { length?: number; alphabet?: string; for?: string }): string

/** This script's own memory. Every call is atomic on its one key; keys are made of segments, `a:b:c`. */
declare const storage: {
  get<Value = unknown>(key: string): Promise<Value | undefined>
  /** False when `ifAbsent` was asked for and there is one. */
  set(key: string, value: unknown, options?: { ttl?: Duration; ifAbsent?: boolean }): Promise<boolean>
  delete(key: string): Promise<boolean>
  /** Keeps the lifetime that the first call gave. */
  increment(
    key: string,
    options?: { by?: number; ttl?: Duration },
  ): Promise<{ value: number; expiresAt: string | null }>
  /** `change` is synchronous and calls nothing; `undefined` deletes, a throw writes nothing. Resolves with the new value. */
  update<Value>(
    key: string,
    change: (value: Value | undefined) => Value | undefined,
    options?: { ttl?: Duration },
  ): Promise<Value | undefined>
  /** `a:b` finds `a:b` and `a:b:…`, never `a:bc`. At most 100 unless told otherwise. */
  list<Value = unknown>(prefix: string, options?: { limit?: number }): Promise<Array<{ key: string; value: Value }>>
}

/** A text of `locales/<language>.json`; `count` chooses the plural. */
declare function t(key: string, values?: Record<string, unknown>, language?: string): string

/** The shipped language for a wish (`'pt_BR'`), else the country's main one, else `en`. */
declare function language(wanted?: string | null, country?: string | null): string

declare function parseNumber(text: string, options?: { country?: string | null | undefined }): ParsedNumber

/** Runs onTimer with this action and data later, also across restarts. */
declare function schedule(action: string, data: unknown, options: { after: Duration }): Promise<{ id: string }>
declare function unschedule(id: string): Promise<boolean>

/** A placeholder that the engine replaces in http calls; a script never sees the secret. */
declare function secret(name: string): string

/** To throw: answers `code` with `status` (400 to 499, 400 by default) and the other facts. */
declare function refuse(code: string, facts?: { status?: number; [fact: string]: unknown }): Error

/** Into the run's trace; runs of 4 and more digits are masked. */
declare const log: {
  info(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
}
