// Final messages whose scripts have still to hear of them: their items wait in a
// lane of their own, so that a state and the promise to tell of it are one write.

import type { DueWork } from '../storage/storage.ts'
import { messageQueue, readBody, reportLane, toPublic, type Message } from './message.ts'

/** Where the trigger of onReport takes its work from. */
export interface DueReports {
  /** At most `limit` that are due; they belong to this engine until `done` or `later`. */
  claim(limit: number): Promise<Message[]>
  /** The script has heard of it. */
  done(id: string): Promise<void>
  /** To be claimed again from `dueAt` on, ms since 1970. */
  later(id: string, dueAt: number): Promise<void>
  /** When the next one is due; null when none is. */
  nextDue(): Promise<number | null>
}

export function createDueReports(work: DueWork, engine: string, clock: () => number): DueReports {
  return {
    async claim(limit) {
      const items = await work.claim(messageQueue, reportLane, { owner: engine, now: clock(), limit })
      return items.map(item => toPublic(item, clock()))
    },
    async done(id) {
      const item = await work.get(messageQueue, id)
      if (item?.lane !== reportLane) return
      const { carrier, ...body } = readBody(item)
      // Back to its carrier's lane, where lists look for it.
      const change = { lane: carrier ?? item.lane, dueAt: null, body: JSON.stringify({ ...body, carrier: null }) }
      await work.settle(messageQueue, id, change, { version: item.version })
    },
    async later(id, dueAt) {
      const item = await work.get(messageQueue, id)
      // Another engine has it, which took this one for dead.
      if (item?.owner !== engine) return
      await work.settle(messageQueue, id, { dueAt }, { version: item.version })
    },
    nextDue: () => work.nextDue(messageQueue, reportLane),
  }
}
