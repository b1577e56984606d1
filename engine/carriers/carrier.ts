// The carrier contract: what moves messages to and from a network, and judges
// refusals. One file each; carriers/list.ts names them all.

import type { TSchema } from 'typebox'

import type { Log } from '../log.ts'

//   final      the message itself is bad: no carrier will take it
//   elsewhere  this carrier will not take it: try the next one
//   later      this carrier is busy: try it again after a pause
export type Verdict = 'final' | 'elsewhere' | 'later'

/** What a carrier is asked to send. `to` is E.164 with `+`; `segments` and `encoding` are counted already. */
export interface Submission {
  id: string
  to: string
  from: string | null
  text: string
  segments: number
  encoding: 'gsm7' | 'ucs2'
  /** When the text is worth nothing any more, ms since 1970. */
  expiresAt: number
  params: Record<string, unknown>
}

export type SubmitResult =
  | { accepted: true; carrierId: string }
  | { accepted: false; verdict: Verdict; error: string; numberAtFault?: boolean }

export type ReportState = 'delivered' | 'undelivered' | 'rejected' | 'expired' | 'failed'

/** What the network made of a message that the carrier had accepted. */
export interface CarrierReport {
  carrierId: string
  state: ReportState
  error: string | null
}

export interface InboundSms {
  from: string
  to: string
  text: string
}

/** How a carrier calls back; wired by the outbox and the triggers. */
export interface CarrierEvents {
  /** Resolves once the report is stored; only then may the network be told that we have it. */
  report(report: CarrierReport): Promise<void>
  /** Resolves with the id of the run that it began, undefined when no script is bound to the number. */
  inbound(sms: InboundSms): Promise<string | undefined>
  /** There is room for more messages than a moment ago. */
  room(): void
}

export interface Carrier {
  readonly name: string
  readonly driver: string
  /** How many messages it takes right now; a claim never exceeds it. */
  room(): number
  /** Whether it can send at all: bound, reachable, not refused. */
  ready(): boolean
  /** Hands one message to the network. Rejects only when it is not known whether the network got it. */
  submit(message: Submission): Promise<SubmitResult>
  start(events: CarrierEvents): Promise<void>
  /** Takes nothing more, lets what is in flight end. */
  stop(): Promise<void>
}

/** What the engine lends a carrier. */
export interface CarrierParts {
  log: Log
  clock: () => number
  /** Writes one line where the person who tries the engine sees it; null when the carrier is not the only one. */
  print: ((line: string) => void) | null
}

/** A driver: its settings beside `driver`, and how a carrier is made of them. */
export interface CarrierDriver<Settings = unknown> {
  readonly driver: string
  readonly settings: TSchema
  create(name: string, settings: Settings, parts: CarrierParts): Carrier
}
