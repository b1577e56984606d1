// How often something may be done: a bucket that fills at a rate and holds a
// tenth of a second's worth, one whole token at least.

export interface TokenBucket {
  /** Whole tokens that are there now; Infinity without a rate. */
  available(): number
  /** Takes one, also where none is left: the debt is paid before the next one is there. */
  take(): void
  /** Until there is a whole token, ms; 0 when there is one. */
  waitMs(): number
}

/** Of a rate of which nothing is ours: it may be, soon. */
const lookAgainMs = 1_000

/**
 * `perSecond` undefined: no limit. `monotonic` in ms. `share` is how much of the
 * rate is for this engine, 0 to 1; what is said at a look holds for the time
 * since the look before, so look when it changes.
 */
export function createTokenBucket(
  perSecond: number | undefined,
  monotonic: () => number = () => performance.now(),
  share: () => number = () => 1,
): TokenBucket {
  if (perSecond === undefined) return { available: () => Infinity, take() {}, waitMs: () => 0 }
  const ours = (): number => perSecond * share()
  // What is left of a share that is gone must not be spent beside the engine that has it now.
  const mostOf = (rate: number): number => (rate > 0 ? Math.max(1, rate / 10) : 0)
  let tokens = mostOf(ours())
  let filledAt = monotonic()

  function fill(rate = ours()): number {
    const now = monotonic()
    tokens = Math.min(mostOf(rate), tokens + ((now - filledAt) * rate) / 1_000)
    filledAt = now
    return tokens
  }

  return {
    available: () => Math.max(0, Math.floor(fill() + 1e-9)),
    take() {
      fill()
      tokens--
    },
    waitMs() {
      const rate = ours()
      return rate > 0 ? Math.max(0, Math.ceil(((1 - fill(rate)) * 1_000) / rate)) : lookAgainMs
    },
  }
}
