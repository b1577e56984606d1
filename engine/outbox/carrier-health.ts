// Whether a carrier gets messages now: a circuit that opens when it fails again
// and again, and a pause when it asks for one.
//
//   up       as many as it has room for
//   paused   it throttles: nobody is sent until the pause ends, 1 s doubled to 60
//   down     it cannot send (no bind), or five failures in a row have opened the circuit
//   probing  the circuit's time is over: one message tells how it is

import type { Refusal } from '../carriers/carrier.ts'
import type { CarrierState } from './carrier-view.ts'

export interface CarrierHealth {
  state(): CarrierState
  /** When it came into that state, ms since 1970. */
  since(): number
  /** Failures in a row. */
  failures(): number
  pausedUntil(): number | null
  /** How many may be claimed now, of those that it has room for. */
  allows(inFlight: number): number
  /** Until it may allow more without being told anything, ms; null when no time will change it. */
  waitMs(): number | null
  /** Whether a message should rather wait here than go to another one: a short pause is no reason to move, and of a probe somebody has to be the first. */
  isUp(): boolean
  /** A submit begins; one of the three below tells of its end. */
  began(): void
  accepted(): void
  /** Of the whole message, or of the rest of one that was taken in part. */
  refused(refusal: Refusal): void
  /** Nobody knows what became of a submit; `isLost`: its connection was lost, which others tell of too. */
  uncertain(isLost?: boolean): void
}

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
}

const defaults: HealthSettings = {
  failuresToOpen: 5,
  firstOpenMs: 5_000,
  longestOpenMs: 60_000,
  firstPauseMs: 1_000,
  longestPauseMs: 60_000,
  patienceMs: 5_000,
  togetherMs: 0,
}

/** `ready` is the carrier's own word; `clock` in ms since 1970. */
export function createCarrierHealth(
  ready: () => boolean,
  clock: () => number,
  given: Partial<HealthSettings> = {},
): CarrierHealth {
  const settings = { ...defaults, ...given }
  let failures = 0
  let failedAt = -Infinity
  /** How often the circuit opened, or the carrier throttled, with no acceptance between. */
  let openings = 0
  let underWay = 0
  let pauses = 0
  let openUntil = 0
  let pausedUntil = 0
  let shown: CarrierState = 'down'
  let since = clock()

  function look(): CarrierState {
    const now = clock()
    const state = !ready() || now < openUntil ? 'down' : openings > 0 ? 'probing' : now < pausedUntil ? 'paused' : 'up'
    if (state !== shown) {
      shown = state
      since = now
    }
    return state
  }

  function failed(isShared: boolean): void {
    const now = clock()
    const isSame = isShared && now - failedAt < settings.togetherMs
    failedAt = now
    if (isSame) return
    failures++
    if (openings === 0 && failures < settings.failuresToOpen) return
    // Those that were under way when it opened say nothing new.
    if (now < openUntil) return
    openUntil = now + Math.min(settings.firstOpenMs * 2 ** openings, settings.longestOpenMs)
    openings++
  }

  function answered(): void {
    failures = 0
    openings = 0
    openUntil = 0
  }

  return {
    state: look,
    since() {
      look()
      return since
    },
    failures: () => failures,
    pausedUntil: () => (pausedUntil > clock() ? pausedUntil : null),
    allows(inFlight) {
      const state = look()
      if (state === 'up') return Infinity
      return state === 'probing' && inFlight === 0 && clock() >= pausedUntil ? 1 : 0
    },
    waitMs() {
      const until = Math.max(openUntil, pausedUntil) - clock()
      return until > 0 ? until : null
    },
    isUp() {
      const state = look()
      if (state === 'probing') return underWay === 0
      return state === 'up' || (state === 'paused' && pausedUntil - clock() <= settings.patienceMs)
    },
    began: () => void underWay++,
    accepted() {
      underWay--
      answered()
      pauses = 0
    },
    refused({ throttled, carrierAtFault, unasked }) {
      underWay--
      if (unasked === true) return
      if (carrierAtFault === true) return failed(true)
      answered()
      if (throttled !== true || clock() < pausedUntil) return
      pausedUntil = clock() + Math.min(settings.firstPauseMs * 2 ** pauses, settings.longestPauseMs)
      pauses++
    },
    uncertain(isLost = false) {
      underWay--
      failed(isLost)
    },
  }
}
