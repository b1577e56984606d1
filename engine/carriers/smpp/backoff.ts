// How long to wait before the next try to bind. A lost connection comes back
// soon; a bind that was refused needs a person, and message centres lock out
// those who ask too often.

import { statuses } from './wire/statuses.ts'

export interface BackoffSettings {
  reconnectMs: number
  reconnectMostMs: number
  refusedMs: number
  refusedMostMs: number
}

/** ms; both double from their first to their most. */
export const usualBackoff: BackoffSettings = {
  reconnectMs: 1_000,
  reconnectMostMs: 60_000,
  refusedMs: 60_000,
  refusedMostMs: 600_000,
}

export interface Backoff {
  /** The pause after a session that was bound for so long; `refused` is the command_status of its bind. */
  next(boundMs: number, refused: number | undefined): number
}

/** Refusals that pass by themselves are no reason to be slow. */
const passing: readonly number[] = [
  statuses.ESME_RSYSERR,
  statuses.ESME_RMSGQFUL,
  statuses.ESME_RTHROTTLED,
  statuses.ESME_RX_T_APPN,
]

/** `random` from 0 to 1: takes up to half of each pause away, so that many sessions do not come back at once. */
export function createBackoff(settings: BackoffSettings, random: () => number): Backoff {
  let lost = 0
  let refusals = 0

  return {
    next(boundMs, refused) {
      const jitter = 1 - random() / 2
      if (refused !== undefined && !passing.includes(refused)) {
        return jitter * Math.min(settings.refusedMs * 2 ** refusals++, settings.refusedMostMs)
      }
      refusals = 0
      // One that is bound and lost again and again is not well either.
      if (boundMs > pauseAfter(lost)) lost = 0
      return jitter * pauseAfter(lost++)
    },
  }

  function pauseAfter(losses: number) {
    return Math.min(settings.reconnectMs * 2 ** losses, settings.reconnectMostMs)
  }
}
