// Due work in Redis. A queue lies in 16 shards, each whole in one slot of a
// cluster, an item in the shard of its id: so storing, claiming and settling it
// are one step each. Who takes from a lane looks into all shards first, then
// takes from those that have what comes first. What was ever in a queue is read
// in work-lists.ts.

import type { Seal } from '../seal.ts'
import type { DueWork, NewWork, WorkItem } from '../storage.ts'
import { share, type Heap } from './claim-share.ts'
import type { Argument, Link, Reply } from './link.ts'
import { createLostClaims } from './lost-claims.ts'
import { createRedisWorkLists } from './work-lists.ts'
import { createRows, optional, shardKeys, word, type Row } from './work-row.ts'

export interface WorkParts {
  link: Link
  seal: Seal
  clock: () => number
  nextVersion: () => number
}

/** Redis forgets it by itself long after the scripts have swept it away, which leave nothing of it. */
const slackMs = 86_400_000
/** Of an item without an end, which gets one when it is over. */
const nameLifeMs = 90 * 86_400_000
/** Messages of one number that a list of it can find, and items that one network gave the same name. */
const mostOfNumber = 1_000
const mostOfAlias = 10

export interface RedisWork extends DueWork {
  /** Looks for nothing any more. */
  close(): void
}

export function createRedisWork(parts: WorkParts): RedisWork {
  const { link, seal, clock, nextVersion } = parts
  const rows = createRows(seal)
  const claims = createLostClaims({ link, rows, clock, nextVersion })
  const nextSeq = createSequence(clock)

  const find = async (queue: string, id: string): Promise<Row | undefined> =>
    live(rows.read(queue, id, await link.read('GET', rows.itemKey(queue, id))), clock())

  return {
    ...createRedisWorkLists({ link, rows, clock }),

    schedule: async item => (await store(item, null)) !== undefined,

    async scheduleClaimed(item, owner) {
      const { queue, id } = item
      const storing = store(item, owner).then(stored => (stored === undefined ? [] : [stored]))
      const [stored] = await claims.watch({ queue, shard: rows.shardOf(queue, id), owner }, storing)
      return stored
    },

    async claim(queue, lane, { owner, now, limit, upTo = Infinity }) {
      const taken: WorkItem[] = []
      // What was taken is handed out, whatever fails after it.
      const unlessTaken = (error: unknown): [] => {
        if (taken.length === 0) throw error
        return []
      }
      while (taken.length < limit) {
        const seen = await peek(queue, lane, now).catch(unlessTaken)
        const heaps = seen.filter(({ priority, due }) => priority <= upTo && due > 0)
        if (heaps.length === 0) break
        const some = await Promise.allSettled(
          [...share(heaps, limit - taken.length)].map(([shard, counts]) => {
            const what: Argument[] = [now, clock(), nextVersion(), word(owner), word(lane), ...counts.flat()]
            const taking = link.run('work-claim', shardKeys(shard), what).then(reply => pairs(queue, reply))
            return claims.watch({ queue, shard, owner }, taking)
          }),
        )
        // Others take from the same shards: what they were faster at is made up for.
        for (const one of some) if (one.status === 'fulfilled') taken.push(...one.value)
        const failed = some.find(one => one.status === 'rejected')
        if (failed !== undefined) {
          unlessTaken(failed.reason)
          break
        }
      }
      return taken.sort((a, b) => a.priority - b.priority || a.dueAt! - b.dueAt!)
    },

    async settle(queue, id, change, { version } = {}) {
      const { lane, priority, state, dueAt, expiresAt, alias } = change
      const now = clock()
      const lifeMs = expiresAt === undefined ? 'keep' : expiresAt === null ? '' : Math.max(expiresAt - now, 0) + slackMs
      const body = change.body === undefined ? '' : rows.sealBody(queue, id, change.body)
      const fields: string[] = []
      if (lane !== undefined) fields.push('lane', word(lane))
      if (priority !== undefined) fields.push('priority', String(priority))
      if (state !== undefined) fields.push('state', word(state))
      if (dueAt !== undefined) fields.push('dueAt', optional(dueAt))
      if (expiresAt !== undefined) fields.push('expiresAt', optional(expiresAt))
      const aliasTag = rows.tag(alias ?? undefined)
      if (alias !== undefined) fields.push('alias', aliasTag)
      const number = nextVersion()
      const values = [now, id, number, version ?? '', lifeMs, body, ...fields]
      // Its other name is there before anybody can hear of it.
      const [written] = await Promise.all([
        link.run('work-settle', shardKeys(rows.shardOf(queue, id)), values),
        aliasTag === ''
          ? undefined
          : name('alias', queue, aliasTag, [
              id,
              number,
              typeof lifeMs === 'number' ? lifeMs : nameLifeMs,
              mostOfAlias,
              'CH',
            ]),
      ])
      claims.freed(queue, id, written === 1 ? undefined : version)
      return written === 1
    },

    get: async (queue, id) => (await find(queue, id))?.item,

    async byAlias(queue, alias) {
      const tag = rows.tag(alias)
      const ids = (await link.read('ZREVRANGE', rows.nameKey('alias', queue, tag), 0, -1)) as Reply[]
      for (const id of ids) {
        const row = await find(queue, String(id))
        // It may have another name by now.
        if (row?.alias === tag) return row.item
      }
      return undefined
    },

    async delete(queue, id) {
      const deleted = await link.run('work-delete', shardKeys(rows.shardOf(queue, id)), [clock(), id])
      claims.freed(queue, id)
      return deleted === 1
    },

    async nextDue(queue, lane) {
      const times = (await peek(queue, lane, 0)).map(({ firstAt }) => firstAt)
      return times.length === 0 ? null : Math.floor(Math.min(...times))
    },

    async waiting(queue, lane) {
      const counts = await ofShards(queue, shard => link.run('work-waiting', shardKeys(shard), [word(lane)]))
      return counts.reduce((sum: number, count) => sum + Number(count), 0)
    },

    async orphans(queue, living, limit) {
      const order = [clock(), limit, ...living.map(word)]
      const found = await ofShards(queue, async shard =>
        pairs(queue, await link.run('work-orphans', shardKeys(shard), order)),
      )
      return found.flat().slice(0, limit)
    },

    close: claims.close,
  }

  async function store(item: NewWork, owner: string | null): Promise<WorkItem | undefined> {
    const { queue, id, expiresAt, tags } = item
    const now = clock()
    const version = nextVersion()
    const seq = nextSeq(now)
    const lifeMs = expiresAt === null ? '' : Math.max(expiresAt - now, 0) + slackMs
    const fields = rows.fields(item, { version, owner, seq, now })
    const values = [now, id, lifeMs, rows.sealBody(queue, id, item.body), ...fields]
    const [stored] = await Promise.all([
      link.run('work-schedule', shardKeys(rows.shardOf(queue, id)), values),
      tags.number === undefined
        ? undefined
        : name('number', queue, rows.tag(tags.number), [
            id,
            seq,
            lifeMs === '' ? nameLifeMs : lifeMs,
            mostOfNumber,
            'NX',
          ]),
    ])
    if (stored !== 1) return undefined
    const { tags: _tags, ...rest } = item
    return { ...rest, owner, version, createdAt: now, updatedAt: now }
  }

  function name(kind: 'alias' | 'number', queue: string, tag: string, values: Argument[]): Promise<Reply> {
    return link.run('name-add', [rows.nameKey(kind, queue, tag)], values)
  }

  function ofShards<T>(queue: string, ask: (shard: string) => Promise<T>): Promise<T[]> {
    return Promise.all(rows.shards(queue).map(ask))
  }

  async function peek(queue: string, lane: string, now: number): Promise<Heap[]> {
    const heaps = await ofShards(queue, async shard => {
      const reply = (await link.run('work-peek', shardKeys(shard), [now, word(lane)])) as Reply[]
      const found: Heap[] = []
      for (let at = 0; at < reply.length; at += 3) {
        const [priority, due, firstAt] = reply.slice(at, at + 3).map(Number)
        found.push({ shard, priority: priority!, due: due!, firstAt: firstAt! })
      }
      return found
    })
    return heaps.flat()
  }

  /** { id, item, … } */
  function pairs(queue: string, reply: Reply): WorkItem[] {
    const items: WorkItem[] = []
    const values = reply as Reply[]
    for (let at = 0; at < values.length; at += 2) {
      const row = rows.read(queue, String(values[at]), values[at + 1]!)
      if (row !== undefined) items.push(row.item)
    }
    return items
  }
}

export function live(row: Row | undefined, now: number): Row | undefined {
  const expiresAt = row?.item.expiresAt ?? null
  return expiresAt !== null && expiresAt <= now ? undefined : row
}

/** Numbers by which work is put in order: its time in 1/1024 ms, one more for each of the same millisecond. */
function createSequence(clock: () => number): (now: number) => number {
  let lastMs = clock()
  let count = 0
  return now => {
    const ms = Math.floor(now)
    count = ms === lastMs ? Math.min(count + 1, 1_023) : 0
    lastMs = ms
    return ms * 1_024 + count
  }
}
