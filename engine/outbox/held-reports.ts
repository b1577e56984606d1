// Reports that are faster than the answer to their own submit: they wait for it.

import { EngineError } from '../errors.ts'
import { carrierAlias } from './message.ts'

const heldLimit = 10_000
/** Longer than a carrier waits for the answer to a submit. */
const holdMs = 70_000

export interface HeldReports {
  /** Resolves when a submit was answered with one of the ids, or none was for too long; rejects when too many wait. */
  hold(carrier: string, carrierIds: readonly string[]): Promise<void>
  release(carrier: string, carrierId: string): void
  stop(): void
}

export function createHeldReports(): HeldReports {
  const waiting = new Set<() => void>()
  const byId = new Map<string, Set<() => void>>()

  return {
    hold(carrier, carrierIds) {
      if (waiting.size >= heldLimit) throw new EngineError('overloaded', { retryAfter: 1 })
      return new Promise(resolve => {
        const keys = carrierIds.map(carrierId => carrierAlias(carrier, carrierId))
        const timer = setTimeout(letGo, holdMs).unref()
        function letGo(): void {
          clearTimeout(timer)
          waiting.delete(letGo)
          for (const key of keys) {
            const others = byId.get(key)
            others?.delete(letGo)
            if (others?.size === 0) byId.delete(key)
          }
          resolve()
        }
        waiting.add(letGo)
        for (const key of keys) {
          const others = byId.get(key)
          if (others === undefined) byId.set(key, new Set([letGo]))
          else others.add(letGo)
        }
      })
    },
    release(carrier, carrierId) {
      if (waiting.size === 0) return
      for (const letGo of byId.get(carrierAlias(carrier, carrierId)) ?? []) letGo()
    },
    stop() {
      for (const letGo of waiting) letGo()
    },
  }
}
