// Reports whose ids lead to no message yet, where other engines send too: the one
// that submitted may not have stored the carrier's ids. They are looked up again,
// a few times within a second.
//
// Most of those that still lead nowhere are strangers' on a shared account. So
// what is too much to wait for is dropped, not refused: a network repeats what
// is refused for ever.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'

/** Between one look and the next: at 100, 300 and 900 ms. */
const pausesMs = [100, 200, 600]
/** Of one carrier. The session that read them does not count them, so this is what bounds them. */
const mostWaiting = 500

export interface SecondLookParts {
  /** Other engines submit through the same storage. */
  shared: boolean
  /** Resolves after so many ms; rejects once `signal` is aborted. */
  pause?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined
}

export interface SecondLook {
  /**
   * Resolves with what `look` finds; with undefined when it finds nothing in any
   * of its looks, and at once where too many wait, or nobody else submits.
   * Rejects with what `look` rejects with, and with `overloaded` at the stop.
   * `onHeld` is called if it waits.
   */
  find<Found>(carrier: string, look: () => Promise<Found | undefined>, onHeld?: () => void): Promise<Found | undefined>
  stop(): void
}

export function createSecondLook({ shared, pause = pauseUnheld }: SecondLookParts): SecondLook {
  const waiting = new Map<string, number>()
  const stopping = new AbortController()

  async function lookAgain<Found>(look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    for (const ms of pausesMs) {
      await pause(ms, stopping.signal).catch(() => {})
      // Not stored: the network is to keep it.
      if (stopping.signal.aborted) throw new EngineError('overloaded', { retryAfter: 1 })
      const found = await look()
      if (found !== undefined) return found
    }
    return undefined
  }

  return {
    async find(carrier, look, onHeld) {
      const others = waiting.get(carrier) ?? 0
      if (!shared || others >= mostWaiting) return undefined
      waiting.set(carrier, others + 1)
      onHeld?.()
      try {
        return await lookAgain(look)
      } finally {
        waiting.set(carrier, waiting.get(carrier)! - 1)
      }
    },
    stop: () => stopping.abort(),
  }
}

function pauseUnheld(ms: number, signal: AbortSignal): Promise<unknown> {
  return wait(ms, undefined, { signal, ref: false })
}
