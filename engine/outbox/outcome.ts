// What becomes of a message after each thing that can happen to it: pure. The
// sender and the reports do what a step says and write it down.

import type { CarrierReport, Refusal } from '../carriers/carrier.ts'
import { maskNumber } from '../phone.ts'
import type { WorkChange } from '../storage/storage.ts'
import {
  carrierAlias,
  isFinal,
  reportLane,
  type MessageBody,
  type MessageState,
  type TimelineEntry,
} from './message.ts'

/** The message after the step, and where it goes from here. */
export interface Step {
  body: MessageBody
  state: MessageState
  lane: string
  /** When it may be claimed again, null when nothing is left to do. */
  dueAt: number | null
}

export interface OutcomeRules {
  /** The pause before the next try, by the number of pauses before it, ms. */
  pauseMs(pauses: number): number
  /** The best carrier of its route that was not tried; the message has to go there. */
  next(body: MessageBody): string | undefined
  /** The same, of those that are up and are not this one. */
  other(body: MessageBody, carrier: string): string | undefined
  /** What the carrier's settings say of messages whose scripts do not. */
  onUncertain(carrier: string): 'resend' | 'fail'
}

export function accepted(body: MessageBody, carrier: string, carrierIds: readonly string[], now: number): Step {
  const sent = {
    ...body,
    attempts: body.attempts + 1,
    pauses: 0,
    // A network that gives its parts one id reports on them as one.
    carrierIds: [...new Set(carrierIds)],
    delivered: [],
    error: null,
    // The network has it: only a failover could still ask for the text, where another carrier may take it.
    text: body.failover && body.only === null ? body.text : null,
  }
  return step(sent, 'sent', carrier, null, now, null)
}

/** `dueAt` is when it was due: one that was throttled keeps its place in the line. */
export function refused(
  body: MessageBody,
  { carrier, dueAt }: { carrier: string; dueAt: number | null },
  refusal: Refusal,
  now: number,
  rules: OutcomeRules,
): Step {
  const error = cleanDetail(refusal.error, body)
  const judged = { ...body, attempts: body.attempts + 1, error }
  if (refusal.carrierAtFault === true) return stepAside(judged, carrier, now, rules, error)
  if (refusal.throttled === true) return step(judged, 'queued', carrier, dueAt ?? now, now, error)
  if (refusal.verdict === 'later') return pause(judged, carrier, now, rules, error)
  if (refusal.verdict === 'elsewhere') return moveOn(judged, carrier, now, rules, error)
  return step(judged, refusal.numberAtFault === true ? 'rejected' : 'failed', carrier, null, now, error)
}

/** A phone may have got as many copies by then. */
const mostUncertain = 8

/** Nobody knows whether the network got it: its connection or its engine died in between. */
export function uncertain(body: MessageBody, carrier: string, reason: string, now: number, rules: OutcomeRules): Step {
  const detail = cleanDetail(reason, body)
  const seen = noted(
    { ...body, attempts: body.attempts + 1, uncertain: body.uncertain + 1, error: detail },
    { at: now, state: 'uncertain', carrier, detail },
  )
  const policy = body.onUncertain ?? rules.onUncertain(carrier)
  if (policy === 'fail' || seen.uncertain >= mostUncertain) return step(seen, 'failed', carrier, null, now, detail)
  return stepAside(seen, carrier, now, rules, detail)
}

/** Its time passed before any carrier took it. */
export function expired(body: MessageBody, carrier: string, now: number): Step {
  return step(body, 'expired', carrier, null, now, 'not sent in time')
}

/** The carrier that it waited for is gone from the configuration. */
export function stranded(body: MessageBody, carrier: string, now: number, rules: OutcomeRules): Step {
  const detail = `no carrier ${carrier} any more`
  return moveOn({ ...body, error: detail }, carrier, now, rules, detail)
}

/** The carrier that it waits for is down, and another one is not; undefined when there is none. */
export function evacuated(body: MessageBody, carrier: string, now: number, rules: OutcomeRules): Step | undefined {
  const other = rules.other(body, carrier)
  if (other === undefined) return undefined
  return step({ ...body, pauses: 0 }, 'queued', other, now, now, `${carrier} is down`)
}

/** What the network made of a message that is `sent`, or of one part of it: `carrierId` is that of the part. */
export function reported(
  body: MessageBody,
  { carrier, carrierId }: { carrier: string; carrierId: string },
  report: CarrierReport,
  now: number,
  rules: OutcomeRules,
): Step {
  const error = report.error === null ? null : cleanDetail(report.error, body)
  const told = { ...body, error }
  if (report.state === 'delivered') {
    told.delivered = body.delivered.includes(carrierId) ? body.delivered : [...body.delivered, carrierId]
    const [have, all] = [told.delivered.length, body.carrierIds.length]
    // No failover comes after its end: the text need not wait for the other parts.
    if (body.expiresAt <= now) told.text = null
    if (have < all) return step(told, 'sent', carrier, null, now, `${have} of ${all} parts delivered`)
  }
  if (report.state !== 'undelivered' || !body.failover || body.text === null || body.expiresAt <= now) {
    return step(told, report.state, carrier, null, now, error)
  }
  const moved = {
    ...told,
    failover: false,
    carrierIds: [],
    delivered: [],
    tried: [...body.tried, carrier],
    pauses: 0,
  }
  const other = rules.next(moved)
  if (other === undefined) return step(told, 'undelivered', carrier, null, now, error)
  const seen = noted(moved, { at: now, state: 'undelivered', carrier, detail: error })
  return step(seen, 'queued', other, now, now, 'failover')
}

/**
 * What the storage is to write for a step. A record is kept for `keepMs` after
 * its last change. One that is final is due again for its script's onReport: so
 * the state and the promise to tell of it are one write.
 */
export function toChange(
  step: Step,
  now: number,
  { keepMs, hearsReports }: { keepMs: number; hearsReports: (script: string) => boolean },
): WorkChange {
  const isHeard = isFinal(step.state) && hearsReports(step.body.script)
  return {
    state: step.state,
    lane: isHeard ? reportLane : step.lane,
    dueAt: isHeard ? now : step.dueAt,
    body: JSON.stringify(isHeard ? { ...step.body, carrier: step.lane } : step.body),
    ...aliasOf(step),
    // One that is `sent` may never hear of its end, so it has to be forgotten too.
    expiresAt: step.state === 'queued' ? null : now + keepMs,
  }
}

/** What the network calls a message that it has in one part; of those in several each part has an entry (known-ids.ts). */
function aliasOf({ state, lane, body: { carrierIds } }: Step): Pick<WorkChange, 'alias'> {
  const [carrierId] = carrierIds
  if (state === 'queued') return { alias: null }
  return state === 'sent' && carrierId !== undefined && carrierIds.length === 1
    ? { alias: carrierAlias(lane, carrierId) }
    : {}
}

/** To another carrier that is up, at once; where there is none this one is asked again later, until its time is over. */
function stepAside(body: MessageBody, carrier: string, now: number, rules: OutcomeRules, detail: string): Step {
  const other = rules.other(body, carrier)
  if (other === undefined) return pause(body, carrier, now, rules, detail)
  return { ...step({ ...body, pauses: 0 }, 'queued', carrier, now, now, detail), lane: other }
}

/** To the next carrier at once; the timeline names the one that did not take it. */
function moveOn(body: MessageBody, carrier: string, now: number, rules: OutcomeRules, detail: string): Step {
  const moved = { ...body, tried: [...body.tried, carrier], pauses: 0 }
  const other = rules.next(moved)
  if (other === undefined) return step(moved, 'failed', carrier, null, now, detail)
  return { ...step(moved, 'queued', carrier, now, now, detail), lane: other }
}

function pause(body: MessageBody, carrier: string, now: number, rules: OutcomeRules, detail: string): Step {
  // Never past its end, so that it is seen as expired when it is.
  const dueAt = Math.min(now + rules.pauseMs(body.pauses), Math.max(body.expiresAt, now))
  return step({ ...body, pauses: body.pauses + 1 }, 'queued', carrier, dueAt, now, detail)
}

function step(
  body: MessageBody,
  state: MessageState,
  carrier: string,
  dueAt: number | null,
  now: number,
  detail: string | null,
): Step {
  const next = noted(body, { at: now, state, carrier, detail })
  if (isFinal(state)) next.text = null
  return { body: next, state, lane: carrier, dueAt }
}

const timelineLimit = 50

function noted(body: MessageBody, entry: TimelineEntry): MessageBody {
  const timeline = [...body.timeline, entry]
  // A day of pauses would grow the record for ever: the first and the last entries tell the story.
  if (timeline.length > timelineLimit) timeline.splice(timelineLimit / 2, 1)
  return { ...body, timeline }
}

/** A carrier's words without the number and without digits of the text, which may be a code. */
function cleanDetail(error: string, body: MessageBody): string {
  return error
    .slice(0, 200)
    .replaceAll(body.to.slice(1), maskNumber(body.to).slice(1))
    .replaceAll(/\d{4,}/g, run => (run.length > 6 || body.text?.includes(run) ? '*'.repeat(run.length) : run))
}
