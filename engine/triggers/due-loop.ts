// Looks for work when some is due, and hands it on: at once, at the time that
// the storage names, or as soon as there is room again.

import { setTimeout as wait } from 'node:timers/promises'

import type { Log } from '../log.ts'

export interface DueLoopParts<Item> {
  /** What there is, for the log: `timer`. */
  what: string
  /** Takes at most `limit` of what is due. */
  claim(limit: number): Promise<Item[]>
  /** When the next is due, ms since 1970; null when nothing waits. */
  nextDue(): Promise<number | null>
  /** Does one, and settles it. It never rejects; while it is pending the item takes up room. */
  handle(item: Item): Promise<void>
  /** Other engines may store what is due here: it is looked for now and then without being told. */
  shared: boolean
  clock: () => number
  log: Log
}

export interface DueLoop {
  /** Something was stored that is due at this time. */
  wake(dueAt: number): void
  /** Takes nothing more; what is under way goes on. */
  stop(): void
  stopped(): boolean
  /** Writes it again and again until the storage takes it, or the engine stops: one that stayed claimed would wait for the next start. */
  persist(id: string, write: () => Promise<unknown>): Promise<void>
}

const claimAtOnce = 50
/** More than one script may have at once, so that a slow one does not hold up the others. */
const mostUnderWay = 500
/** setTimeout's own limit is 24 days; a look now and then costs nothing. */
const longestSleepMs = 3_600_000
/** What an engine stored that has died since is late by no more than that. */
const longestSleepWhenSharedMs = 1_000
export const againMs = 1_000

export function createDueLoop<Item>(parts: DueLoopParts<Item>): DueLoop {
  const { what, claim, nextDue, handle, shared, clock, log } = parts
  const longestMs = shared ? longestSleepWhenSharedMs : longestSleepMs
  let timer: NodeJS.Timeout | undefined
  let wakeAt = Infinity
  let busy = false
  // Something became due while the ones before were still being claimed.
  let missed = false
  let underWay = 0
  // There was no room for all: whoever ends next looks again.
  let full = false
  let stopped = false

  function wake(dueAt: number): void {
    if (stopped || dueAt >= wakeAt) return
    wakeAt = dueAt
    clearTimeout(timer)
    timer = setTimeout(() => void work(), Math.min(Math.max(0, dueAt - clock()), longestMs)).unref()
  }

  async function work(): Promise<void> {
    wakeAt = Infinity
    missed = busy
    if (busy || stopped) return
    busy = true
    try {
      let next: number | null
      do {
        missed = false
        next = await claimAll()
      } while (missed)
      if (next !== null) wake(next)
      else if (shared) wake(clock() + longestMs)
    } catch (error) {
      log.error({ error: (error as Error).message }, `${what}: what is due cannot be read`)
      wake(clock() + againMs)
    } finally {
      busy = false
    }
  }

  /** Resolves with when the next is due; null too when somebody else will look. */
  async function claimAll(): Promise<number | null> {
    for (;;) {
      const limit = Math.min(claimAtOnce, mostUnderWay - underWay)
      full = limit === 0
      if (full || stopped) return null
      const due = await claim(limit)
      for (const item of due) void lead(item)
      if (due.length < limit) return nextDue()
    }
  }

  async function lead(item: Item): Promise<void> {
    underWay++
    await handle(item)
    underWay--
    if (full) wake(clock())
  }

  return {
    wake,
    stop() {
      stopped = true
      missed = false
      clearTimeout(timer)
    },
    stopped: () => stopped,
    async persist(id, write) {
      for (;;) {
        try {
          await write()
          return
        } catch (error) {
          if (stopped) return
          log.warn({ id, error: (error as Error).message }, `${what} cannot be settled, trying again`)
          await wait(againMs, undefined, { ref: false })
        }
      }
    },
  }
}
