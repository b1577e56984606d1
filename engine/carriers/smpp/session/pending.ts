// The submits of one session that have no answer yet, by sequence number, with
// one timer for all of them: they wait equally long, so the oldest is always due
// first.

import type { Pdu } from '../wire/pdu.ts'

/**
 * What came of one submit. Only `unsent` is certain not to have reached the
 * network. `connectionLost`: with all others of its session, not by itself.
 */
export type Outcome =
  | { kind: 'answered'; pdu: Pdu }
  | { kind: 'lost'; reason: string; connectionLost: boolean }
  | { kind: 'unsent'; reason: string }

export interface Pending {
  size(): number
  has(sequence: number): boolean
  add(sequence: number): Promise<Outcome>
  /** False for a sequence number that nobody waits for. */
  answer(sequence: number, outcome: Outcome): boolean
  /** From here on everything that was added is perhaps sent. */
  written(): void
  /** Gives back what was never written. */
  giveBack(reason: string): void
  /** Ends all of them, each as it is. */
  end(reason: string): void
}

interface Entry {
  dueAt: number
  written: boolean
  settle: (outcome: Outcome) => void
}

/** `expired` is told after some were given up for want of an answer. */
export function createPending(responseTimeoutMs: number, expired: () => void): Pending {
  const entries = new Map<number, Entry>()
  let unwritten: Entry[] = []
  let timer: NodeJS.Timeout | undefined

  function expire() {
    timer = undefined
    const now = performance.now()
    let isAny = false
    for (const [sequence, entry] of entries) {
      if (entry.dueAt > now) {
        timer = setTimeout(expire, entry.dueAt - now)
        break
      }
      // All of them are written by now: that takes one tick.
      entries.delete(sequence)
      entry.settle({ kind: 'lost', reason: 'no answer in time', connectionLost: false })
      isAny = true
    }
    if (isAny) expired()
  }

  function giveBack(reason: string) {
    unwritten = []
    for (const [sequence, entry] of entries) {
      if (entry.written) continue
      entries.delete(sequence)
      entry.settle({ kind: 'unsent', reason })
    }
  }

  return {
    size: () => entries.size,
    has: sequence => entries.has(sequence),
    add(sequence) {
      timer ??= setTimeout(expire, responseTimeoutMs)
      return new Promise(settle => {
        const entry = { dueAt: performance.now() + responseTimeoutMs, written: false, settle }
        entries.set(sequence, entry)
        unwritten.push(entry)
      })
    },
    answer(sequence, outcome) {
      const entry = entries.get(sequence)
      if (entry === undefined) return false
      entries.delete(sequence)
      entry.settle(outcome)
      return true
    },
    written() {
      for (const entry of unwritten) entry.written = true
      unwritten = []
    },
    giveBack,
    end(reason) {
      clearTimeout(timer)
      giveBack(reason)
      for (const { settle } of entries.values()) settle({ kind: 'lost', reason, connectionLost: true })
      entries.clear()
    },
  }
}
