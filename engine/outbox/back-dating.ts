// What waits is dated back when the clock is. A message is due at a time of the
// wall clock; when that is set back by an hour, one that was due already, or
// paused for a second, would wait for an hour. Each begins its wait anew.
//
// What was written by the clock as it was before tells by itself: it was
// changed in the future. So no harm is done to the rest, nor by looking twice.

import type { Log } from '../log.ts'
import type { DueWork, WorkItem } from '../storage/storage.ts'
import { messageQueue } from './message.ts'
import { createSteadyClock } from './steady-clock.ts'

const everyMs = 1_000
/** Less is waited for. */
const smallestMs = 1_000
/** No message is made to wait for longer than that: one that would, at the start, was written before the clock was set back. */
const longestWaitMs = 120_000
const page = 100

export interface BackDatingParts {
  work: DueWork
  /** Names of all carriers. */
  lanes: readonly string[]
  clock: () => number
  log: Pick<Log, 'warn'>
  /** Something is due in a lane. */
  wake: (lane: string) => void
  /** Monotonic, ms. */
  monotonic?: () => number
}

export interface BackDating {
  start(): void
  /** Resolves when nothing is being changed any more. */
  stop(): Promise<void>
}

export function createBackDating({ work, lanes, clock, log, wake, monotonic }: BackDatingParts): BackDating {
  const steady = createSteadyClock(clock, monotonic)
  /** By how much the clock had been set back in all, when last everything was dated back. */
  let doneMs = 0
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> | undefined
  const stopping = new AbortController()

  function look(): void {
    const setBackMs = steady() - clock()
    if (setBackMs - doneMs < smallestMs) return
    begin(async () => {
      await dateAllBack()
      doneMs = setBackMs
    })
  }

  function begin(work: () => Promise<void>): void {
    working ??= work()
      .catch((error: unknown) => log.warn({ err: error }, 'cannot date back what waits'))
      .finally(() => (working = undefined))
  }

  /** It may have been set back while no engine ran. */
  async function lookAtStart(): Promise<void> {
    const firsts = await Promise.all(lanes.map(lane => work.nextDue(messageQueue, lane)))
    if (firsts.some(dueAt => dueAt !== null && dueAt - clock() > longestWaitMs)) await dateAllBack()
  }

  async function dateAllBack(): Promise<void> {
    const counts = await Promise.all(lanes.map(dateBack))
    const messages = counts.reduce((sum, count) => sum + count, 0)
    log.warn({ messages }, 'the clock was set back, and what waits with it')
  }

  async function dateBack(lane: string): Promise<number> {
    const now = clock()
    let dated = 0
    let cursor: string | undefined
    do {
      const filter = { lane, state: 'queued', limit: page, ...(cursor !== undefined && { cursor }) }
      const { items, next } = await work.list(messageQueue, filter)
      const written = await Promise.all(items.map(item => beginAnew(item, now)))
      dated += written.filter(Boolean).length
      cursor = next ?? undefined
    } while (cursor !== undefined && !stopping.signal.aborted)
    if (dated > 0) wake(lane)
    return dated
  }

  async function beginAnew({ id, owner, dueAt, updatedAt, version }: WorkItem, now: number): Promise<boolean> {
    // Claimed: whoever has it writes it anew.
    if (owner !== null || dueAt === null || dueAt <= now || updatedAt <= now) return false
    return work.settle(messageQueue, id, { dueAt: now + Math.max(dueAt - updatedAt, 0) }, { version })
  }

  return {
    start() {
      begin(lookAtStart)
      timer = setInterval(look, everyMs).unref()
    },
    async stop() {
      stopping.abort()
      clearInterval(timer)
      await working
    },
  }
}
