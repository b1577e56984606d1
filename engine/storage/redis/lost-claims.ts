// Claims whose answer never came: Redis may have done them all the same, or may
// do so when it is back. Then nobody has these items in hand, and nobody takes
// them over while the engine that they belong to lives. So for as long as such a
// claim may turn up, what is claimed under its name is gone through, and what was
// never handed out waits again, as it was.

import { performance } from 'node:perf_hooks'

import type { WorkItem } from '../storage.ts'
import type { Argument, Link, Reply } from './link.ts'
import { shardKeys, word, type Rows } from './work-row.ts'

export interface LostClaimsParts {
  link: Link
  rows: Rows
  clock: () => number
  nextVersion: () => number
}

/** Where a step claims, and for whom. */
export interface ClaimPlace {
  queue: string
  shard: string
  owner: string
}

export interface LostClaims {
  /** Items that `step` resolves with are in somebody's hand until they are `freed`; when it rejects they are looked for. */
  watch(place: ClaimPlace, step: Promise<WorkItem[]>): Promise<WorkItem[]>
  /** Nobody has it in hand any more; with `version` only if that is the one that was handed out. */
  freed(queue: string, id: string, version?: number): void
  close(): void
}

const lookEveryMs = 1_000
/** What was sent before a connection broke may arrive so much later, counted from when Redis answers again. */
const mayTurnUpMs = 60_000

export function createLostClaims({ link, rows, clock, nextVersion }: LostClaimsParts): LostClaims {
  /** Versions of what was handed out, by queue and id. */
  const held = new Map<string, number>()
  const open = new Set<Promise<unknown>>()
  const lost = new Map<string, ClaimPlace & { until: number }>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function watch(place: ClaimPlace, step: Promise<WorkItem[]>): Promise<WorkItem[]> {
    const seen = step.then(
      items => {
        for (const { id, version } of items) held.set(nameOf(place.queue, id), version)
      },
      () => {
        lost.set(nameOf(place.shard, place.owner), { ...place, until: performance.now() + mayTurnUpMs })
        lookSoon()
      },
    )
    open.add(seen)
    await seen
    open.delete(seen)
    return step
  }

  function lookSoon(): void {
    if (closed || lost.size === 0) return
    timer ??= setTimeout(() => {
      void Promise.all([...lost].map(([name, place]) => lookFor(name, place))).then(() => {
        timer = undefined
        lookSoon()
      })
    }, lookEveryMs).unref()
  }

  async function lookFor(name: string, place: ClaimPlace & { until: number }): Promise<void> {
    try {
      await giveBack(place)
      if (performance.now() > place.until && lost.get(name) === place) lost.delete(name)
    } catch {
      place.until = performance.now() + mayTurnUpMs
    }
  }

  async function giveBack({ queue, shard, owner }: ClaimPlace): Promise<void> {
    const isHeld = (id: string): boolean => held.has(nameOf(queue, id))
    const claimed = ((await link.read('SMEMBERS', `${shard}:c:${word(owner)}`)) as Reply[]).map(String)
    const strange = claimed.filter(id => !isHeld(id))
    const replies = await Promise.all(strange.map(id => link.read('GET', rows.itemKey(queue, id))))
    // What is being claimed just now is in hand a moment later.
    await Promise.all(open)
    await Promise.all(
      strange.map(async (id, at) => {
        const item = rows.read(queue, id, replies[at]!)?.item
        if (item === undefined || item.owner !== owner || isHeld(id)) return
        const asItWas: Argument[] = [clock(), id, nextVersion(), item.version, 'keep', '']
        await link.run('work-settle', shardKeys(shard), asItWas)
      }),
    )
  }

  return {
    watch,
    freed(queue, id, version) {
      const name = nameOf(queue, id)
      if (version === undefined || held.get(name) === version) held.delete(name)
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

const nameOf = (place: string, id: string): string => `${place}\n${id}`
