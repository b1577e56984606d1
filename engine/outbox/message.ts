// A message as it is asked for, as it is stored, and as it is shown.

import type { NewWork, WorkItem } from '../storage/storage.ts'
import type { Encoding } from './segments.ts'

/** The queue of storage.work that holds messages. */
export const messageQueue = 'messages'
/** Of codes in storage.work; broadcasts have the next number. */
export const otpPriority = 0
/** Where final messages are until their scripts have heard of them; no carrier's name looks like this. */
export const reportLane = '@reports'

//   queued       promised, not yet at a carrier (or there again after a pause)
//   sent         a carrier took it
//   delivered, undelivered, rejected (the number is at fault), failed: final
//   expired      final: its time passed, before it was sent or at the network
export const messageStates = ['queued', 'sent', 'delivered', 'undelivered', 'rejected', 'expired', 'failed'] as const
export type MessageState = (typeof messageStates)[number]

/** What a script asks for. `id` is the caller's: one id, one message, however often it is accepted. */
export interface NewMessage {
  id: string
  script: string
  /** E.164 with `+`. */
  to: string
  text: string
  from?: string | undefined
  /** After this the text is worth nothing and is not sent any more. */
  validForMs: number
  /** The only carrier that may take it. */
  carrier?: string | undefined
  /** The caller's own word for it, shown and reported back. */
  ref?: string | undefined
  priority: 'otp' | 'bulk'
  /** What to do when nobody knows whether the network got it; absent: what the carrier's settings say. */
  onUncertain?: 'resend' | 'fail' | undefined
  /** One try by another carrier after `undelivered`. */
  failover?: boolean | undefined
  /** For the carrier alone. */
  params?: Record<string, unknown> | undefined
}

/** One step of a message's life. `uncertain` (perhaps submitted, perhaps not) is an event, not a state. `at` is ms since 1970. */
export interface TimelineEntry {
  at: number
  state: MessageState | 'uncertain'
  carrier: string | null
  detail: string | null
}

/** A message as it is shown: never with its text. Times are ms since 1970, `to` is the whole number. */
export interface Message {
  id: string
  script: string
  to: string
  from: string | null
  ref: string | null
  state: MessageState
  /** The carrier that has it or is to have it; `test` for a test number. */
  carrier: string
  segments: number
  encoding: Encoding
  /** How often it was handed to a carrier. */
  attempts: number
  error: string | null
  createdAt: number
  updatedAt: number
  /** When its text is worth nothing any more. */
  expiresAt: number
  timeline: TimelineEntry[]
}

/** What is sealed in a work item. State and carrier are the item's own `state` and `lane`. */
export interface MessageBody {
  /** The item's own, for those who have the body alone. */
  id: string
  script: string
  to: string
  from: string | null
  /** Null once it cannot be needed any more. */
  text: string | null
  ref: string | null
  segments: number
  encoding: Encoding
  expiresAt: number
  priority: 'otp' | 'bulk'
  /** Null: what the carrier's settings say. */
  onUncertain: 'resend' | 'fail' | null
  failover: boolean
  params: Record<string, unknown>
  /** The sender that the script asked for, where routes go by that; `from` may be its route's. */
  askedFrom: string | null
  /** The only carrier that may take it; null: those of its route, as the routes are when it has to move. */
  only: string | null
  /** Carriers that had it and are not asked again. */
  tried: string[]
  attempts: number
  /** How often nobody knew what became of it: the timeline may have forgotten some. */
  uncertain: number
  /** Pauses in a row at the present carrier; the next one is longer. */
  pauses: number
  /** The present carrier's own ids for it, once it took it: one for each part that it reports on. */
  carrierIds: readonly string[]
  /** Those of them that are delivered. */
  delivered: readonly string[]
  /** Whose it was when it became final, while its script has still to hear of it: the item's lane is reportLane then. */
  carrier: string | null
  error: string | null
  timeline: TimelineEntry[]
}

/** How a carrier names a message that it has: the alias of its item. */
export function carrierAlias(carrier: string, carrierId: string): string {
  return `${carrier}\n${carrierId}`
}

/** The key of an entry for such a name: one segment, whatever stands in it, since each of them costs the storage an HMAC. */
export function carrierIdKey(carrierId: string): string {
  return carrierId.replaceAll(':', '\0')
}

/** How often each state was seen: never yet. */
export function emptyCounts(): Record<MessageState, number> {
  return { queued: 0, sent: 0, delivered: 0, undelivered: 0, rejected: 0, expired: 0, failed: 0 }
}

export function isFinal(state: MessageState): boolean {
  return state !== 'queued' && state !== 'sent'
}

/** Whether a carrier took the message then; what else is `sent` tells of a part that was delivered (outcome.ts). */
export function isHandOver({ state, detail }: TimelineEntry): boolean {
  return state === 'sent' && detail === null
}

export function newBody(
  message: NewMessage,
  counted: { segments: number; encoding: Encoding },
  now: number,
): MessageBody {
  return {
    id: message.id,
    script: message.script,
    to: message.to,
    from: message.from ?? null,
    text: message.text,
    ref: message.ref ?? null,
    segments: counted.segments,
    encoding: counted.encoding,
    expiresAt: now + message.validForMs,
    priority: message.priority,
    onUncertain: message.onUncertain ?? null,
    failover: message.failover ?? false,
    params: message.params ?? {},
    askedFrom: message.from ?? null,
    only: message.carrier ?? null,
    tried: [],
    attempts: 0,
    uncertain: 0,
    pauses: 0,
    carrierIds: [],
    delivered: [],
    carrier: null,
    error: null,
    timeline: [],
  }
}

/** The work item of a message that was just accepted. */
export function toWork(
  id: string,
  body: MessageBody,
  place: { lane: string; state: MessageState; dueAt: number | null; expiresAt: number | null },
): NewWork {
  return {
    queue: messageQueue,
    id,
    lane: place.lane,
    priority: body.priority === 'otp' ? otpPriority : otpPriority + 1,
    dueAt: place.dueAt,
    state: place.state,
    tags: { script: body.script, number: body.to },
    body: JSON.stringify(body),
    expiresAt: place.expiresAt,
  }
}

export function readBody(item: WorkItem): MessageBody {
  // Only toWork and the steps of outcome.ts write bodies, and they are sealed.
  const body: MessageBody = JSON.parse(item.body)
  // Bodies of earlier versions have neither.
  body.id = item.id
  body.uncertain ??= body.timeline.filter(({ state }) => state === 'uncertain').length
  return body
}

function readState({ id, state }: WorkItem): MessageState {
  const known = messageStates.find(name => name === state)
  if (known === undefined) throw new TypeError(`message ${id} is in an unknown state`)
  return known
}

/** One that waits is shown as expired from its end on: nobody sends it any more, though no carrier may have come to say so. */
function shownState(item: WorkItem, body: MessageBody, now: number): MessageState {
  const state = readState(item)
  return state === 'queued' && item.owner === null && body.expiresAt <= now ? 'expired' : state
}

export function toPublic(item: WorkItem, now: number, body: MessageBody = readBody(item)): Message {
  return {
    id: item.id,
    script: body.script,
    to: body.to,
    from: body.from,
    ref: body.ref,
    state: shownState(item, body, now),
    carrier: body.carrier ?? item.lane,
    segments: body.segments,
    encoding: body.encoding,
    attempts: body.attempts,
    error: body.error,
    createdAt: item.createdAt,
    updatedAt: item.updatedAt,
    expiresAt: body.expiresAt,
    timeline: body.timeline,
  }
}
