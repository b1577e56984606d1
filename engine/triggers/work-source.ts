// Due events that wait in a queue of the storage.

import type { Storage, WorkChange, WorkItem } from '../storage/storage.ts'
import type { DueRun, DueSource } from './due-runs.ts'

export interface WorkSourceParts {
  storage: Storage
  queue: string
  lane: string
  /** The name under which this engine claims. */
  engine: string
  clock: () => number
  read(item: WorkItem): Omit<DueRun, 'id' | 'version'>
  /** What stays of one that is done; without it, or where it says undefined, nothing. */
  keep?(due: DueRun): WorkChange | undefined
}

const freedAtOnce = 1_000

export function createWorkSource({ storage, queue, lane, engine, clock, read, keep }: WorkSourceParts): DueSource {
  const { work } = storage
  return {
    async claim(limit) {
      const items = await work.claim(queue, lane, { owner: engine, now: clock(), limit })
      return items.map(item => ({ ...read(item), id: item.id, version: item.version }))
    },
    async done(due) {
      const change = keep?.(due)
      if (change === undefined) await work.delete(queue, due.id)
      else await work.settle(queue, due.id, { ...change, dueAt: null }, claimed(due))
    },
    async later(due, dueAt) {
      await work.settle(queue, due.id, { dueAt }, claimed(due))
    },
    nextDue: () => work.nextDue(queue, lane),
    // Of the whole queue, whatever the lane.
    async free(living) {
      for (;;) {
        const orphans = await work.orphans(queue, living, freedAtOnce)
        await Promise.all(
          orphans.map(({ id, dueAt, version }) => work.settle(queue, id, { dueAt: dueAt ?? clock() }, { version })),
        )
        if (orphans.length < freedAtOnce) return
      }
    },
  }
}

function claimed({ version }: DueRun): { version?: number } {
  return version === undefined ? {} : { version }
}
