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
  priority: 'otp' | 'bulk'
  /** When the text is worth nothing any more, ms since 1970. */
  expiresAt: number
  /** What a market asks for, by the names that the carrier's settings give to its own fields. */
  params: Record<string, unknown>
}

export interface Acceptance {
  accepted: true
  /** The network's own ids, in the order of the parts; parts that share one are reported on as one, and it may come more than once here. */
  carrierIds: readonly string[]
}

export interface Refusal {
  accepted: false
  verdict: Verdict
  /** The network's code and word for it, never a secret: `0x58 ESME_RTHROTTLED`. */
  error: string
  /** With `final`: the number cannot be reached, whatever the text is. */
  numberAtFault?: boolean
  /** With `later`: not this message but all of them have to wait. */
  throttled?: boolean
  /**
   * The carrier is out of order (it cannot be reached, does not know us, fails by
   * itself): another one is asked at once where there is one, and this one again
   * later. Five in a row close it for a while.
   */
  carrierAtFault?: boolean
  /** The network was not asked, since the message came too late: no word on how the carrier is. */
  unasked?: boolean
}

export type SubmitResult = Acceptance | Refusal

export type ReportState = 'delivered' | 'undelivered' | 'rejected' | 'expired' | 'failed'

/** What the network made of a message, or of one part of it, that the carrier had accepted. */
export interface CarrierReport {
  /** The network's id in every way in which the submit may have been answered with it, likeliest first. */
  carrierIds: readonly string[]
  /** `rejected` only where the number is at fault: refusals for spam, sender or credit are `failed`. */
  state: ReportState
  error: string | null
  /**
   * Whom the message was for, digits, where the network tells: of several ids the
   * one is meant that fits. Several where it does not tell which of them that is.
   */
  to?: string | readonly string[] | undefined
  /** One of the ids that needs no number: the network gave it in a field for nothing else. */
  sureId?: string | undefined
  /** Called, perhaps twice, when it has to wait for submits, ours or another engine's: a carrier that reads nothing more meanwhile could wait for ever. */
  held?: (() => void) | undefined
}

/** What is longer is no network's id, and costs more to look up than it is worth. */
export const longestCarrierId = 256

export interface InboundSms {
  from: string
  to: string
  text: string
  /** The network's own id: the same one twice is one SMS. */
  id?: string | undefined
  /** Where it is one of several parts: `number` counts from 1. */
  part?: { reference: number; number: number; total: number } | undefined
}

/** How a carrier calls back; wired by the outbox and the triggers. */
export interface CarrierEvents {
  /** Resolves once the report is stored or is of no use; only then may the network be told that we have it. */
  report(report: CarrierReport): Promise<void>
  /** Resolves once the SMS is stored, with the id of the run that it begins; undefined when no script is bound to the number, or parts are missing. */
  inbound(sms: InboundSms): Promise<string | undefined>
  /** There is room for more messages than a moment ago, or the carrier is ready now, or no more. */
  room(): void
  /**
   * The network took one part of a message, or throttled it (then with its words),
   * while the submit goes on: what that says of the carrier is wanted at once.
   */
  part(throttled: string | null): void
  /** How long the carrier is to send nothing, ms; of use where messages wait inside it. */
  pauseMs(): number
  /** False: other engines may have taken over what waits inside the carrier, and nothing of it must go out any more. */
  alive(): boolean
  /** Something is wrong that no message tells of: a bind that was refused, a connection that was lost. */
  trouble(error: string): void
  /** How much of `rate` is for this engine, 0 to 1; absent: all of it. Not for a carrier with slots, which knows by those. */
  share?(): number
  /** Absent: all slots of the carrier are this engine's, from the start. Else none is opened before `CarrierSlots.open`. */
  slots?: LentSlots | undefined
}

/** Whose the slots of a carrier are, where several engines share them (outbox/slots.ts). */
export interface LentSlots {
  /** False: it may be another engine's by now, and nothing more may leave through it. */
  held(slot: number): boolean
  /** The engine that has it; null when nobody is known to. */
  owner(slot: number): string | null
}

/** The sessions that a network has sold, numbered from 0: each of them is open at one engine at most. */
export interface CarrierSlots {
  readonly count: number
  open(slot: number): void
  /** Lets what is in flight end; resolves when the session is gone, within that time. */
  close(slot: number, withinMs: number): Promise<void>
  /** Whether messages can leave through it now. */
  ready(slot: number): boolean
}

/** How a carrier is, for those who watch it. */
export interface CarrierStatus {
  /** Submits that may be under way at once, at this engine. */
  window: number
  inFlight: number
  /** Submits a second, of this engine; null without a limit. */
  rate: number | null
  /** Of a carrier with connections of its own. */
  sessions?: ReadonlyArray<{ state: string; since: number; inFlight: number; detail?: string }>
}

export interface Carrier {
  readonly name: string
  readonly driver: string
  /** What becomes of a message when nobody knows whether the network got it, and its script does not say. */
  readonly onUncertain: 'resend' | 'fail'
  /**
   * How many messages it takes right now; a claim never exceeds it. With `otp`:
   * how many codes, where those go before what waits inside the carrier.
   */
  room(only?: 'otp'): number
  /** Whether it can send at all: bound, not refused. */
  ready(): boolean
  status(): CarrierStatus
  /** Hands one message to the network. Rejects only when it is not known whether the network got it. */
  submit(message: Submission): Promise<SubmitResult>
  start(events: CarrierEvents): Promise<void>
  /** Takes nothing more, lets what is in flight end. */
  stop(): Promise<void>
  /** Of a carrier with sessions of its own. */
  readonly slots?: CarrierSlots
  /** Of a network that calls us (http/callbacks.ts). */
  readonly callbacks?: CarrierCallbacks
}

/** A call of the network at `/callbacks/<carrier>/<secret>/report` or `…/sms`. */
export interface CallbackRequest {
  method: string
  /** The address that it was given, with the query as it came; as signatures have it. */
  url: string
  query: URLSearchParams
  /** By names in lower case. */
  headers: Readonly<Record<string, string | undefined>>
  /** As it came. */
  body: Buffer
}

/** Default: 200 without a body. */
export interface CallbackAnswer {
  status?: number
  contentType?: string
  body?: string
}

export interface CarrierCallbacks {
  /** Part of the address; compared in constant time. */
  readonly secret: string
  /** Both resolve when all is stored, and throw EngineError: `forbidden` for an unproven call, `invalid_request` for one that cannot be read. */
  report?(request: CallbackRequest): Promise<CallbackAnswer>
  sms?(request: CallbackRequest): Promise<CallbackAnswer>
}

/** What the engine lends a carrier. */
export interface CarrierParts {
  log: Log
  clock: () => number
  /** Writes one line where the person who tries the engine sees it; null when the carrier is not the only one. */
  print: ((line: string) => void) | null
  /** Part of the callback addresses when the settings name none. */
  callbackSecret: string
  /** `https://host/callbacks/<carrier>/<secret>` with the secret that is given; null without `engine.publicUrl`. */
  callbackUrl: (secret: string) => string | null
}

/** A driver: its settings beside `driver`, and how a carrier is made of them. */
export interface CarrierDriver<Settings = unknown> {
  readonly driver: string
  readonly settings: TSchema
  create(name: string, settings: Settings, parts: CarrierParts): Carrier
}
