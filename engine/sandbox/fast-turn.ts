// How long a turn may take among everybody's.
//
// What a clock stops has not always worked for so long: where the machine is
// busy, the limit would throw innocents out of their isolates again and again.
// It is then raised for a minute.

export interface FastTurn {
  /** CPU time beyond which a turn has kept others waiting, ms. */
  readonly usualMs: number
  /** Wall time, ms. */
  limitMs(): number
  /**
   * A turn was stopped at `limitMs` after `cpuUs` of CPU time. `slow`: it worked
   * that long. `busy`: it hardly got the processor; the next one has longer.
   */
  stopped(limitMs: number, cpuUs: number): 'slow' | 'busy'
}

const raisedForMs = 60_000
/** Of the usual limit, however far it is raised; a turn that used less was kept waiting. */
const workedShare = 0.8

/** From `leastMs` up to `mostMs`, what a turn has at all; `clock` in ms. */
export function createFastTurn(leastMs: number, mostMs: number, clock: () => number): FastTurn {
  const usualMs = Math.min(leastMs, mostMs)
  let nowMs = usualMs
  let raisedUntil = 0

  return {
    usualMs,
    limitMs() {
      if (nowMs > usualMs && clock() >= raisedUntil) nowMs = usualMs
      return nowMs
    },
    stopped(limitMs, cpuUs) {
      // Where there is nothing more to give here, it is for the slow lane to be patient.
      if (cpuUs >= usualMs * 1_000 * workedShare || limitMs >= mostMs) return 'slow'
      // By what the turn had: many that were stopped together raise it once.
      nowMs = Math.min(mostMs, Math.max(nowMs, limitMs * 2))
      raisedUntil = clock() + raisedForMs
      return 'busy'
    },
  }
}
