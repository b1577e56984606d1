// Reports that are faster than the answer to their own submit: they wait until
// those submits are settled that were under way when they came. No other one can
// be theirs.

import { EngineError } from '../errors.ts'
import { carrierAlias } from './message.ts'

/** Of one carrier. The session that read them does not count them, so this is what bounds them. */
const heldLimit = 500

export interface HeldReports {
  /** Around each submit, until it is settled: the ticket of one is told to the other. */
  began(carrier: string): number
  ended(carrier: string, ticket: number): void
  /**
   * Resolves when a submit was answered with one of the ids, or none that was
   * under way can be any more: with false when none was, and it did not wait.
   * Rejects when too many wait, and at the stop. `onHeld` is called if it waits.
   */
  hold(carrier: string, carrierIds: readonly string[], onHeld?: () => void): Promise<boolean>
  release(carrier: string, carrierId: string): void
  stop(): void
}

interface Held {
  keys: string[]
  /** The newest submit that was under way. */
  ticket: number
  settle(error?: EngineError): void
}

interface Waiting {
  /** In the order in which they began. */
  submits: Set<number>
  held: Set<Held>
}

export function createHeldReports(): HeldReports {
  const carriers = new Map<string, Waiting>()
  const byId = new Map<string, Set<Held>>()
  let lastTicket = 0

  function waitingOf(carrier: string): Waiting {
    let waiting = carriers.get(carrier)
    if (waiting === undefined) carriers.set(carrier, (waiting = { submits: new Set(), held: new Set() }))
    return waiting
  }

  function letGo(waiting: Waiting, one: Held, error?: EngineError): void {
    waiting.held.delete(one)
    for (const key of one.keys) {
      const others = byId.get(key)
      others?.delete(one)
      if (others?.size === 0) byId.delete(key)
    }
    one.settle(error)
  }

  return {
    began(carrier) {
      waitingOf(carrier).submits.add(++lastTicket)
      return lastTicket
    },
    ended(carrier, ticket) {
      const waiting = waitingOf(carrier)
      waiting.submits.delete(ticket)
      if (waiting.held.size === 0) return
      const [eldest = Infinity] = waiting.submits
      for (const one of waiting.held) {
        if (one.ticket >= eldest) return
        letGo(waiting, one)
      }
    },
    async hold(carrier, carrierIds, onHeld) {
      const waiting = waitingOf(carrier)
      if (waiting.submits.size === 0) return false
      if (waiting.held.size >= heldLimit) throw new EngineError('overloaded', { retryAfter: 1 })
      const keys = carrierIds.map(carrierId => carrierAlias(carrier, carrierId))
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const settle = (error?: EngineError): void => (error === undefined ? resolve() : reject(error))
      const one: Held = { keys, ticket: lastTicket, settle }
      waiting.held.add(one)
      for (const key of keys) {
        const others = byId.get(key)
        if (others === undefined) byId.set(key, new Set([one]))
        else others.add(one)
      }
      onHeld?.()
      await promise
      return true
    },
    release(carrier, carrierId) {
      for (const one of byId.get(carrierAlias(carrier, carrierId)) ?? []) letGo(waitingOf(carrier), one)
    },
    stop() {
      // Not stored: the network is to keep it.
      for (const waiting of carriers.values())
        for (const one of waiting.held) letGo(waiting, one, new EngineError('overloaded', { retryAfter: 1 }))
    },
  }
}
