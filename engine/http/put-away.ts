// What the storage would not take is tried again until it does.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'

export interface PutAway {
  /** Tries `act` each second, until it was done or trying again would come to the same. */
  until(place: string, act: () => Promise<unknown>): Promise<void>
  /** The same, where it is found out in another way too: false, and nothing, when many are waiting already. */
  ifRoom(place: string, act: () => Promise<unknown>): boolean
  /** Whether something of this place waits. */
  has(place: string): boolean
  readonly closed: boolean
  /** Tries nothing again any more. */
  close(): void
}

const againMs = 1_000
const roomFor = 1_000

export function createPutAway(): PutAway {
  /** How much waits, by place. */
  const waiting = new Map<string, number>()
  const life = { closed: false }

  function count(place: string, by: number): void {
    const now = (waiting.get(place) ?? 0) + by
    if (now === 0) waiting.delete(place)
    else waiting.set(place, now)
  }

  async function until(place: string, act: () => Promise<unknown>): Promise<void> {
    count(place, 1)
    while (!life.closed) {
      await wait(againMs, undefined, { ref: false })
      if (await act().then(() => true, isFinal)) break
    }
    count(place, -1)
  }

  return {
    until,
    ifRoom(place, act) {
      if (waiting.size >= roomFor) return false
      void until(place, act)
      return true
    },
    has: place => waiting.has(place),
    get closed() {
      return life.closed
    },
    close() {
      life.closed = true
    },
  }
}

export function isAway(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code === 'storage_unavailable'
}

function isFinal(error: unknown): boolean {
  return !isAway(error)
}
