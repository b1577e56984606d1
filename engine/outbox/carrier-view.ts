// A carrier as the operator sees it: what the network's side says of itself
// (carriers/carrier.ts), and what the outbox made of it. Times are ms since 1970.

import type { CarrierStatus } from '../carriers/carrier.ts'
import type { Latency } from './latencies.ts'
import type { MessageState } from './message.ts'

//   up       takes messages
//   down     failed too often in a row, or cannot send at all
//   probing  was down; one message at a time finds out
//   paused   the network asked for a pause, until `pausedUntil`
export type CarrierState = 'up' | 'down' | 'probing' | 'paused'

export interface CarrierView {
  name: string
  driver: string
  state: CarrierState
  since: number
  /** Whether it can send at all: bound, not refused; here, or at another engine that sends what waits for it. */
  ready: boolean
  /** Submits that may be under way at once, and how many are. */
  window: number
  inFlight: number
  /** Submits a second; null without a limit. */
  rate: number | null
  /** Messages that wait for it. */
  queue: number
  /** What came of its submits since the start; `uncertain`: nobody knows whether the network got it. */
  submitted: number
  accepted: number
  refused: number
  uncertain: number
  /** How often a message reached a state here, since the start. */
  states: Record<MessageState, number>
  /** In a row. */
  failures: number
  pausedUntil: number | null
  /** Newest first, at most 10; never a secret or a whole number. */
  lastErrors: Array<{ at: number; error: string }>
  sessions?: CarrierStatus['sessions']
  /** With its secret: only for those who may administer. Null when the network cannot call us. */
  callbackUrl: string | null
  /** From the hand-over to the network's answer. */
  submitMs: Latency
  /** From the network's answer to its report that the phone has it. */
  deliveredMs: Latency
  /** From the promise to the network's answer, pauses and other carriers' refusals included. */
  sentMs: Latency
}
