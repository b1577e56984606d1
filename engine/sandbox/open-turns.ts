// Turns that a sandbox process owes us, in the order in which they were sent.

import { mostUntold } from './protocol.ts'
import type { Run } from './run.ts'

export interface OpenTurn {
  run: Run
  life: number
  /** Monotonic ms. */
  sentAt: number
  index: number
  limitMs: number
}

/** By number of the turn. */
export type OpenTurns = Map<number, OpenTurn>

/** A process that has been silent since has begun what it is at by then, ms, as far as the machine let it. */
const begunWithinMs = 5

/**
 * Whose turn a process may have been at when it fell silent, at `heardAt`: what
 * came of those before has been told, and those behind were not begun.
 */
export function suspectsOf(open: OpenTurns, heardAt: number): Set<Run> {
  const found = new Set<Run>()
  let place = 0
  for (const { run, life, sentAt } of open.values()) {
    if (place++ > mostUntold || sentAt > heardAt + begunWithinMs) break
    if (life === run.life) found.add(run)
  }
  return found
}

/** In its old place, before all others: at the end it would look as if it had not begun. */
export function putBack(open: OpenTurns, turn: number, owed: OpenTurn): void {
  const behind = [...open]
  open.clear()
  for (const [number, one] of [[turn, owed] as const, ...behind]) open.set(number, one)
}

/** What the longest of them may take, ms; 0 when there is none. */
export function longestLimitMs(open: OpenTurns): number {
  let longest = 0
  for (const { limitMs } of open.values()) longest = Math.max(longest, limitMs)
  return longest
}
