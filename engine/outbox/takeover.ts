// What an engine does with what other engines left: at its start, and when one has died.

import type { Log } from '../log.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { messageQueue, readBody, reportLane } from './message.ts'
import { expired, stranded, uncertain, type OutcomeRules, type Step } from './outcome.ts'

const page = 100

export interface TakeoverParts {
  entries: Entries
  work: DueWork
  engine: string
  clock: () => number
  log: Pick<Log, 'warn'>
  rules: OutcomeRules
  settle: (item: WorkItem, step: Step) => Promise<void>
}

/** Messages that engines which are not `living` had claimed: they may have submitted them, nobody knows. */
export async function takeOrphans(parts: TakeoverParts, living: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (;;) {
    const items = await parts.work.orphans(messageQueue, living, page)
    const fresh = items.filter(item => !seen.has(item.id))
    if (fresh.length === 0) break
    for (const item of fresh) seen.add(item.id)
    const now = parts.clock()
    await Promise.all(fresh.map(item => takeOrphan(parts, item, now)))
  }
  if (seen.size > 0) parts.log.warn({ messages: seen.size }, 'an engine died while it sent these messages')
}

async function takeOrphan({ work, rules, settle }: TakeoverParts, item: WorkItem, now: number): Promise<void> {
  // It is final; its script has still to hear of it.
  if (item.lane === reportLane) await work.settle(messageQueue, item.id, { dueAt: now }, { version: item.version })
  else await settle(item, uncertain(readBody(item), item.lane, 'the engine stopped in between', now, rules))
}

/**
 * Messages that wait for a carrier which was renamed or removed: they move to
 * the carrier that they would be given to today. The names of the carriers are
 * remembered from start to start, since nobody else claims from such a lane.
 */
export async function leaveOldLanes(parts: TakeoverParts, carriers: readonly string[]): Promise<void> {
  const remembered = await parts.entries.get('outbox', 'lanes')
  const before: string[] = remembered === undefined ? [] : JSON.parse(remembered.value)
  for (const lane of before.filter(name => !carriers.includes(name))) {
    const moved = await leaveLane(parts, lane)
    if (moved > 0) parts.log.warn({ messages: moved, carrier: lane }, 'messages of a carrier that is gone were moved')
  }
  const now = JSON.stringify(carriers)
  if (remembered?.value !== now) await parts.entries.set('outbox', 'lanes', now)
}

async function leaveLane(parts: TakeoverParts, lane: string): Promise<number> {
  let moved = 0
  for (;;) {
    // Those that pause as well: no due time is later than this.
    const all = { owner: parts.engine, now: Number.MAX_SAFE_INTEGER, limit: page }
    const items = await parts.work.claim(messageQueue, lane, all)
    const now = parts.clock()
    await Promise.all(
      items.map(item => {
        const body = readBody(item)
        return parts.settle(
          item,
          body.expiresAt <= now ? expired(body, lane, now) : stranded(body, lane, now, parts.rules),
        )
      }),
    )
    moved += items.length
    if (items.length < page) return moved
  }
}
