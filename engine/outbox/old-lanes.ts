// The lanes of carriers which were renamed or removed: nobody claims from them
// any more. So each engine writes down which carriers it has, in an entry that
// outlives it, and what waits for a carrier that no living engine has moves to
// the carrier that it would be given to today: at the start, and again after an
// engine has ended. In a rolling restart the old engines go on accepting for a
// carrier that the new ones do not know: the last of them leaves it to these.

import { performance } from 'node:perf_hooks'

import type { Log } from '../log.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import type { Heartbeat } from './heartbeat.ts'
import { messageQueue, readBody } from './message.ts'
import { expired, stranded, type OutcomeRules, type Step } from './outcome.ts'

const space = 'outbox'
/** Under `lanes` itself older versions kept one list for all of them. */
const prefix = 'lanes'
const mostLists = 10_000
const page = 100
/** Where others work with the storage: one of them may have claimed from the lane and put it back. */
const forgetAfterMs = 60_000

export interface OldLanesParts {
  entries: Entries
  work: DueWork
  shared: boolean
  engine: string
  clock: () => number
  log: Pick<Log, 'warn'>
  rules: OutcomeRules
  settle: (item: WorkItem, step: Step) => Promise<void>
  heartbeat: Pick<Heartbeat, 'living' | 'onDeaths' | 'onRevived'>
  carriers: readonly string[]
  /** Monotonic, ms. */
  monotonic?: () => number
}

export interface OldLanes {
  /** Writes down the carriers: before anything is accepted for them. */
  remember(): Promise<void>
  /** Resolves when the first look is over; the next ones take nobody's time. */
  start(): Promise<void>
  /** Resolves when nothing is being moved any more. */
  stop(): Promise<void>
}

export function createOldLanes(parts: OldLanesParts): OldLanes {
  const { entries, work, engine, heartbeat, carriers, log, monotonic = () => performance.now() } = parts
  /** Since when all lanes of an engine that has ended were seen empty. */
  const emptySince = new Map<string, number>()
  const stopping = new AbortController()
  let looking: Promise<void> | undefined

  async function remember() {
    await entries.set(space, keyOf(engine), JSON.stringify(carriers))
  }

  async function look() {
    // In this order: who has a list by now has beaten before.
    const lists = (await entries.list(space, prefix, { limit: mostLists })).map(({ key, value }) => ({
      key,
      lanes: JSON.parse(value) as string[],
    }))
    const living = new Set((await heartbeat.living()).map(keyOf))
    // Others took us for dead, and forgot us.
    if (!lists.some(({ key }) => key === keyOf(engine))) await remember()
    const served = new Set([...carriers, ...lists.filter(({ key }) => living.has(key)).flatMap(({ lanes }) => lanes)])
    for (const key of living) emptySince.delete(key)
    const left = lists.filter(({ key }) => !living.has(key))
    const used = new Set<string>()
    for (const lane of new Set(left.flatMap(({ lanes }) => lanes))) {
      if (served.has(lane)) continue
      const moved = await leave(lane)
      if (stopping.signal.aborted) return
      if (moved > 0) {
        used.add(lane)
        log.warn({ messages: moved, carrier: lane }, 'messages of a carrier that is gone were moved')
      }
    }
    for (const { key, lanes } of left) await forget(key, !lanes.some(lane => used.has(lane)))
  }

  async function forget(key: string, isEmpty: boolean) {
    const now = monotonic()
    if (!isEmpty) emptySince.delete(key)
    else if (!emptySince.has(key)) emptySince.set(key, now)
    const since = emptySince.get(key)
    if (since === undefined || (parts.shared && now - since < forgetAfterMs)) return
    await entries.delete(space, key)
    emptySince.delete(key)
  }

  async function leave(lane: string): Promise<number> {
    let moved = 0
    while (!stopping.signal.aborted) {
      // Those that pause as well: no due time is later than this.
      const all = { owner: engine, now: Number.MAX_SAFE_INTEGER, limit: page }
      const items = await work.claim(messageQueue, lane, all)
      await Promise.all(items.map(item => move(item, lane)))
      moved += items.length
      if (items.length < page) break
    }
    return moved
  }

  async function move(item: WorkItem, lane: string) {
    const now = parts.clock()
    const body = readBody(item)
    const isLate = body.expiresAt <= now
    await parts.settle(item, isLate ? expired(body, lane, now) : stranded(body, lane, now, parts.rules))
  }

  function lookAgain(): Promise<void> {
    if (stopping.signal.aborted) return Promise.resolve()
    looking ??= look().finally(() => (looking = undefined))
    return looking
  }

  /** A lane may hold many, and the heart waits for whoever takes over. */
  function lookAside() {
    lookAgain().catch((error: unknown) =>
      log.warn({ err: error }, 'cannot move the messages of carriers that are gone'),
    )
  }

  return {
    remember,
    async start() {
      await lookAgain()
      heartbeat.onRevived(lookAside)
      await heartbeat.onDeaths(async () => lookAside())
    },
    async stop() {
      stopping.abort()
      await looking?.catch(() => undefined)
    },
  }
}

function keyOf(engine: string): string {
  return `${prefix}:${engine}`
}
