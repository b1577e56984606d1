// Call detail records: one row for each message, for billing. As CSV (RFC 4180)
// or as NDJSON, with the same names in the same order.

import type { CountryOf } from '../country.ts'
import { isFinal, isHandOver, type Message } from '../outbox/message.ts'
import { maskNumber } from '../phone.ts'
import { time } from './pages.ts'

export type CdrFormat = 'csv' | 'ndjson'

/** What a row is made of beside the message. */
export interface CdrParts {
  priority: 'otp' | 'bulk'
  countryOf: CountryOf
  /** Whether the whole number may be shown. */
  showsNumbers: boolean
}

type Row = Record<(typeof columns)[number], string | number | null>

const columns = [
  'id',
  'created_at',
  'sent_at',
  'final_at',
  'script',
  'ref',
  'from',
  'to',
  'country',
  'carrier',
  'state',
  'segments',
  'encoding',
  'attempts',
  'priority',
  'error',
] as const

export const csvHeader = `${columns.join(',')}\r\n`

export function cdrLine(format: CdrFormat, message: Message, parts: CdrParts): string {
  const row = rowOf(message, parts)
  return format === 'csv' ? `${columns.map(column => cell(row[column])).join(',')}\r\n` : `${JSON.stringify(row)}\n`
}

function rowOf(message: Message, { priority, countryOf, showsNumbers }: CdrParts): Row {
  const { id, createdAt, expiresAt, script, ref, from, to, carrier, state, timeline } = message
  const { segments, encoding, attempts, error } = message
  // The last time, where it was sent by one carrier after another: the row names that one.
  const sentAt = timeline.findLast(isHandOver)?.at
  const finalAt = timeline.findLast(entry => entry.state === state)?.at ?? expiresAt
  return {
    id,
    created_at: time(createdAt),
    sent_at: sentAt === undefined ? null : time(sentAt),
    final_at: isFinal(state) ? time(finalAt) : null,
    script,
    ref,
    from,
    to: showsNumbers ? to : maskNumber(to),
    country: countryOf(to) ?? null,
    carrier,
    state,
    segments,
    encoding,
    attempts,
    priority,
    error,
  }
}

// What begins like a formula is one for a spreadsheet, which would run what a
// caller wrote into `ref` or a network into `error`: an apostrophe before it
// makes it text. A number, whole or masked, stays as it is: there is nothing to
// run in it, and billing compares it.
const formula = /^[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/
const phoneNumber = /^\+[\d*]+$/

function cell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = formula.test(value) && !phoneNumber.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
