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

/** `perSecond` undefined: no limit. `monotonic` in ms. */
export function createTokenBucket(
  perSecond: number | undefined,
  monotonic: () => number = () => performance.now(),
): TokenBucket {
  if (perSecond === undefined) return { available: () => Infinity, take() {}, waitMs: () => 0 }
  const most = Math.max(1, perSecond / 10)
  let tokens = most
  let filledAt = monotonic()

  function fill(): number {
    const now = monotonic()
    tokens = Math.min(most, tokens + ((now - filledAt) * perSecond!) / 1_000)
    filledAt = now
    return tokens
  }

  return {
    available: () => Math.max(0, Math.floor(fill() + 1e-9)),
    take() {
      fill()
      tokens--
    },
    waitMs: () => Math.max(0, Math.ceil(((1 - fill()) * 1_000) / perSecond)),
  }
}
