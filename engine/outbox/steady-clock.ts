// A clock for how long something takes: it goes as the wall clock does, but when
// that is set back it goes on.

import { performance } from 'node:perf_hooks'

/** All in ms. It is ahead of `clock` by what that was set back in all: no time to store or to show. */
export function createSteadyClock(
  clock: () => number,
  monotonic: () => number = () => performance.now(),
): () => number {
  let last = clock()
  let lastAt = monotonic()
  let setBackMs = 0
  return () => {
    const [now, at] = [clock(), monotonic()]
    if (now < last) setBackMs += Math.round(last + at - lastAt - now)
    last = now
    lastAt = at
    return now + setBackMs
  }
}
