// Whether a carrier gets messages now: a circuit that opens when it fails again
// and again, and a pause when it asks for one.
//
//   up       as many as it has room for
//   paused   it throttles: nobody is sent until the pause ends, 1 s doubled to 60
//   down     it cannot send (no bind, here or at another engine), or five failures in a row have opened the circuit
//   probing  the circuit's time is over: one message tells how it is

import type { Refusal } from '../carriers/carrier.ts'
import type { CarrierState } from './carrier-view.ts'
import { createSteadyClock } from './steady-clock.ts'

export interface CarrierHealth {
  state(): CarrierState
  /** When it came into that state, ms since 1970. */
  since(): number
  /** How long it has been in that state, whatever happened to the clock meanwhile. */
  lastedMs(): number
  /** Failures in a row. */
  failures(): number
  pausedUntil(): number | null
  /** How many may be handed over now, of those that it has room for. */
  allows(): number
  /** Until it may allow more without being told anything, ms; null when no time will change it. */
  waitMs(): number | null
  /** Whether a message should rather wait here than go to another one: a short pause is no reason to move, and of a probe somebody has to be the first. */
  isUp(): boolean
  /** A message is to go here: while it probes no other one is, until this one has, or has not come for a second. */
  chosen(): void
  /** Whether a message is finding out how it is: what waits behind it may wait for long. */
  isProbed(): boolean
  /** A submit begins; one of the three below tells of its end, with what this answers. */
  began(): Submit
  accepted(submit: Submit): void
  /** Of the whole message, or of the rest of one that was taken in part. */
  refused(submit: Submit, refusal: Refusal): void
  /** Of one part, while its submit goes on; true when it begins a pause. */
  part(isThrottled: boolean): boolean
  /** Nobody knows what became of a submit; `isLost`: its connection was lost, which others tell of too. */
  uncertain(submit: Submit, isLost?: boolean): void
}

/** How often the circuit had opened when the submit began. */
export type Submit = number

export interface HealthSettings {
  /** Failures in a row that open the circuit. */
  failuresToOpen: number
  firstOpenMs: number
  longestOpenMs: number
  firstPauseMs: number
  longestPauseMs: number
  /** A longer pause counts as down: another carrier is quicker. */
  patienceMs: number
  /** Failures of a connection within this time are one: all that was on it fails with it. */
  togetherMs: number
  /** A probe that was chosen and does not come within this time went elsewhere. */
  chosenForMs: number
}

const defaults: HealthSettings = {
  failuresToOpen: 5,
  firstOpenMs: 5_000,
  longestOpenMs: 60_000,
  firstPauseMs: 1_000,
  longestPauseMs: 60_000,
  patienceMs: 5_000,
  togetherMs: 0,
  chosenForMs: 1_000,
}

/**
 * `ready` is the carrier's own word; `clock` in ms since 1970. `elsewhere` is
 * asked while it cannot send: what waits for it is sent by another engine, whose
 * word on how the carrier is counts then, and not what was seen here before.
 */
export function createCarrierHealth(
  ready: () => boolean,
  clock: () => number,
  given: Partial<HealthSettings> = {},
  elsewhere: () => boolean = () => false,
): CarrierHealth {
  const settings = { ...defaults, ...given }
  const steady = createSteadyClock(clock)
  let failures = 0
  let failedAt = -Infinity
  /** How often the circuit opened with no answer between. */
  let openings = 0
  /** How often it opened at all. */
  let opened: Submit = 0
  /** Of those that began since it opened last. */
  let underWay = 0
  let chosenUntil = 0
  let pauses = 0
  // These, and the one above, by the steady clock.
  let openUntil = 0
  let pausedUntil = 0
  let since = steady()
  let shown: CarrierState = 'down'

  function look(): CarrierState {
    const now = steady()
    const state = ready() ? stateHere(now) : elsewhere() ? 'up' : 'down'
    if (state !== shown) {
      shown = state
      since = now
    }
    return state
  }

  function stateHere(now: number): CarrierState {
    if (now < openUntil) return 'down'
    if (openings > 0) return 'probing'
    return now < pausedUntil ? 'paused' : 'up'
  }

  function ended(submit: Submit): void {
    if (submit === opened) underWay--
  }

  function failed(submit: Submit, isShared: boolean): void {
    // Those that were under way when it opened say nothing new, however late they fail.
    if (submit !== opened) return
    const now = steady()
    const isSame = isShared && now - failedAt < settings.togetherMs
    failedAt = now
    if (isSame) return
    failures++
    if (openings === 0 && failures < settings.failuresToOpen) return
    openUntil = now + Math.min(settings.firstOpenMs * 2 ** openings, settings.longestOpenMs)
    openings++
    opened++
    underWay = 0
  }

  function answered(): void {
    failures = 0
    openings = 0
    openUntil = 0
  }

  function lastedMs(): number {
    look()
    return steady() - since
  }

  function pause(): boolean {
    if (steady() < pausedUntil) return false
    pausedUntil = steady() + Math.min(settings.firstPauseMs * 2 ** pauses, settings.longestPauseMs)
    pauses++
    return true
  }

  const isProbeFree = (): boolean => underWay === 0 && steady() >= chosenUntil

  return {
    state: look,
    since: () => clock() - lastedMs(),
    lastedMs,
    failures: () => failures,
    pausedUntil() {
      const leftMs = pausedUntil - steady()
      return leftMs > 0 ? clock() + leftMs : null
    },
    allows() {
      const state = look()
      if (state === 'up') return Infinity
      return state === 'probing' && underWay === 0 && steady() >= pausedUntil ? 1 : 0
    },
    waitMs() {
      const leftMs = Math.max(openUntil, pausedUntil) - steady()
      return leftMs > 0 ? leftMs : null
    },
    isUp() {
      const state = look()
      if (state === 'down' || (ready() && pausedUntil - steady() > settings.patienceMs)) return false
      return state !== 'probing' || isProbeFree()
    },
    chosen() {
      if (look() === 'probing' && isProbeFree()) chosenUntil = steady() + settings.chosenForMs
    },
    isProbed: () => look() === 'probing' && underWay > 0,
    began() {
      underWay++
      chosenUntil = 0
      return opened
    },
    accepted(submit) {
      ended(submit)
      answered()
      pauses = 0
    },
    refused(submit, { throttled, carrierAtFault, unasked }) {
      ended(submit)
      if (unasked === true) return
      if (carrierAtFault === true) return failed(submit, true)
      answered()
      if (throttled === true) pause()
    },
    part(isThrottled) {
      // Whether the carrier is in order is said by the end of the submit.
      if (!isThrottled) pauses = 0
      return isThrottled && pause()
    },
    uncertain(submit, isLost = false) {
      ended(submit)
      failed(submit, isLost)
    },
  }
}
