// A clock that stands still while this process does. On a machine that is busy
// for a second answers have come and lie there unread: what is judged by this
// clock has been waited for, with somebody there to read.

import { performance } from 'node:perf_hooks'

export interface AwakeClock {
  /** ms, from some time on; it moves in steps of 50. */
  now(): number
  /** Calls `listener` after each step. */
  onStep(listener: () => void): void
  stop(): void
}

const stepMs = 50
/** On a busy machine steps take longer, which everybody waits for; in one that takes longer than this nobody read. */
const longestMs = 250

export function startAwakeClock(): AwakeClock {
  const listeners: Array<() => void> = []
  let now = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const real = performance.now()
    // Timers come before sockets: what came in this step has still to be read.
    now += Math.min(real - last, longestMs)
    last = real
    for (const listener of listeners) listener()
  }, stepMs).unref()
  return {
    now: () => now,
    onStep: listener => void listeners.push(listener),
    stop: () => clearInterval(timer),
  }
}
