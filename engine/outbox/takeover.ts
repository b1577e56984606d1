// What an engine does with what other engines left: at its start, and when one has ended.

import type { WorkItem } from '../storage/storage.ts'
import { messageQueue, readBody, reportLane } from './message.ts'
import { createOldLanes, type OldLanesParts } from './old-lanes.ts'
import { uncertain } from './outcome.ts'

const page = 100

export interface Takeover {
  /** Resolves when what was left by now is taken over. */
  start(): Promise<void>
  stop(): Promise<void>
}

export function createTakeover(parts: OldLanesParts): Takeover {
  const oldLanes = createOldLanes(parts)
  return {
    async start() {
      await oldLanes.remember()
      // Before the lanes: what was claimed from one of them may come back into it.
      await parts.heartbeat.onDeaths(() => takeOrphans(parts))
      await oldLanes.start()
    },
    stop: oldLanes.stop,
  }
}

/** Messages that engines which do not live had claimed: they may have submitted them, nobody knows. */
async function takeOrphans(parts: OldLanesParts): Promise<void> {
  const seen = new Set<string>()
  for (;;) {
    // Anew for each page: an engine that has come meanwhile claims too.
    const items = await parts.work.orphans(messageQueue, await parts.heartbeat.living(), page)
    const fresh = items.filter(item => !seen.has(item.id))
    if (fresh.length === 0) break
    for (const item of fresh) seen.add(item.id)
    const now = parts.clock()
    await Promise.all(fresh.map(item => takeOrphan(parts, item, now)))
  }
  if (seen.size > 0) parts.log.warn({ messages: seen.size }, 'an engine died while it sent these messages')
}

async function takeOrphan({ work, rules, settle }: OldLanesParts, item: WorkItem, now: number): Promise<void> {
  // It is final; its script has still to hear of it.
  if (item.lane === reportLane) await work.settle(messageQueue, item.id, { dueAt: now }, { version: item.version })
  else await settle(item, uncertain(readBody(item), item.lane, 'the engine stopped in between', now, rules))
}
