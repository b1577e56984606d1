// Entries in Redis: one string each, under the hash of its key, anywhere in a
// cluster. A path (the hashes of its segments) is also noted in one of the 16
// indexes of its space, which lie elsewhere: so an entry is written and its path
// is noted side by side, and both are done before anybody is answered. A path
// without an entry is passed over.

import { createHash, randomInt } from 'node:crypto'

import type { Seal } from '../seal.ts'
import type { Entries, Entry } from '../storage.ts'
import { decode, entryKey, indexAt, indexOf, indexShards, time, type Index, type Stored } from './entry-row.ts'
import type { Argument, Link, Reply } from './link.ts'

export interface EntriesParts {
  link: Link
  seal: Seal
  clock: () => number
  nextVersion: () => number
}

interface Place {
  path: string
  key: string
  index: Index
}

/** Of a list: one read each. */
const readAtOnce = 200
/** Redis forgets it a little later than the engine does. */
const slackMs = 1_000

export function createRedisEntries({ link, seal, clock, nextVersion }: EntriesParts): Entries {
  function placeOf(space: string, key: string): Place {
    const path = seal.hashKey(space, key)
    return { path, key: entryKey(path), index: indexOf(path) }
  }

  function note({ path, index }: Place, stamp: string, keep = false): Promise<Reply> {
    return link.run('index-add', index, [clock(), path, stamp, keep ? 1 : 0])
  }

  /**
   * Notes the path while the entry is written. One that may be there already
   * keeps its stamp, and is noted anew when the entry turns out to be a new one:
   * of an entry before, whose path is still there.
   */
  async function noted(
    place: Place,
    { stamp }: Life,
    keep: boolean,
    writing: Promise<Reply>,
    isNew: (reply: Reply) => boolean,
  ): Promise<boolean> {
    const [reply, isNoted] = await Promise.all([writing, note(place, stamp, keep)])
    const written = isNew(reply)
    if (written && isNoted === 0) await note(place, stamp)
    return written
  }

  /** Of an entry that keeps its stamp: an attempt before may have written it and not its path. */
  async function notedStill(place: Place, writing: Promise<Reply>): Promise<boolean> {
    const [stamp, known] = await Promise.all([writing, link.read('ZSCORE', place.index[1], place.path)])
    if (typeof stamp === 'number') return stamp === 1
    if (known === null || Number(String(known)) !== Number(String(stamp))) await note(place, String(stamp))
    return true
  }

  function forget({ path, index }: Place, stamp: Reply): void {
    // Left behind it is passed over, and goes with its time.
    link.run('index-remove', index, [path, String(stamp)]).catch(() => {})
  }

  async function replaced(
    place: Place,
    version: Argument,
    life: Life,
    sealed: Argument,
    once?: string,
  ): Promise<Reply> {
    const values = [clock(), nextVersion(), life.expiresAt, life.lifeMs, life.stamp, sealed, version]
    return link.run('entry-replace', keysOf(place, once), values)
  }

  return {
    async get(space, key) {
      const place = placeOf(space, key)
      const stored = decode(await link.read('GET', place.key), clock())
      return stored && { key, ...read(place.path, stored).entry }
    },

    async told(space, key, once) {
      const place = placeOf(space, key)
      const reply = await link.read('GET', onceKey(place, once))
      if (!Buffer.isBuffer(reply)) return undefined
      // lua/once.lua: length ':' answer, then what was written.
      const at = reply.indexOf(58)
      const sealed = reply.subarray(at + 1 + Number(reply.toString('latin1', 0, at)))
      // Who wrote it may have died before its path was noted.
      const stored = decode(await link.read('GET', place.key), clock())
      if (stored !== undefined) await notedStill(place, Promise.resolve(stored.stamp))
      return { value: sealed.length === 0 ? undefined : open(place.path, sealed).value }
    },

    async set(space, key, value, { ttlMs, ifAbsent = false, once } = {}) {
      const place = placeOf(space, key)
      const life = lifeOf(ttlMs, once)
      const sealed = close(place.path, key, value)
      const values = [clock(), nextVersion(), life.expiresAt, life.lifeMs, life.stamp, sealed, ifAbsent ? 1 : 0]
      return noted(place, life, ifAbsent, link.run('entry-set', keysOf(place, once), values), reply => reply === 1)
    },

    async delete(space, key, { once } = {}) {
      const place = placeOf(space, key)
      const stamp = await link.run('entry-delete', keysOf(place, once), [clock()])
      if (stamp === null) return false
      forget(place, stamp)
      return true
    },

    async increment(space, key, { by = 1, ttlMs, once } = {}) {
      if (!Number.isSafeInteger(by)) throw new RangeError('by has to be a whole number')
      const place = placeOf(space, key)
      const life = lifeOf(ttlMs, once)
      const bare = close(place.path, key, '')
      let base: Argument[] = ['', '']
      for (;;) {
        const values = [clock(), nextVersion(), life.expiresAt, life.lifeMs, life.stamp, bare, by, ...base]
        const asked = link.run('entry-increment', keysOf(place, once), values)
        let reply: Reply = null
        await noted(place, life, true, asked, answer => {
          reply = answer
          return Array.isArray(answer) && answer[2] === 1
        })
        if (reply === null) return undefined
        if (Array.isArray(reply)) return { value: Number(reply[0]), expiresAt: time(String(reply[1])) }
        const stored = decode(reply, -Infinity)!
        const held = wholeNumber(read(place.path, stored).entry.value)
        if (held === undefined) return undefined
        base = [held, stored.version]
      }
    },

    async replace(space, key, { version, value, ttlMs, once }) {
      const place = placeOf(space, key)
      const life: Life = ttlMs === undefined ? { ...lifeOf(ttlMs, once), lifeMs: 'keep' } : lifeOf(ttlMs, once)
      if (value === undefined) {
        const stamp = await replaced(place, version ?? '', life, '', once)
        if (stamp === 0) return false
        if (String(stamp) !== '') forget(place, stamp)
        return true
      }
      const sealed = close(place.path, key, value)
      const writing = replaced(place, version ?? '', life, sealed, once)
      if (version !== null && ttlMs === undefined) return notedStill(place, writing)
      return noted(place, life, true, writing, reply => reply === 1)
    },

    async list(space, prefix, { limit = 100 } = {}) {
      if (limit <= 0) return []
      const start = prefix === '' ? seal.hashSpace(space) : seal.hashKey(space, prefix)
      const found: Array<{ key: string; value: string }> = []
      if (prefix !== '') await readAll([start], found)
      const shards = Array.from({ length: indexShards }, (_, shard) => indexAt(seal.hashSpace(space), shard))
      // `;` comes right after `:`.
      let open = shards.map(([key]) => ({ key, from: `[${start}:` }))
      while (open.length > 0 && found.length < limit) {
        const count = Math.min(limit, readAtOnce)
        const pages = await Promise.all(
          open.map(({ key, from }) => link.read('ZRANGEBYLEX', key, from, `(${start};`, 'LIMIT', 0, count)),
        )
        const paths = pages.map(page => (page as Reply[]).map(String))
        await readAll(paths.flat(), found)
        open = open.flatMap(({ key }, at) => (paths[at]!.length < count ? [] : { key, from: `(${paths[at]!.at(-1)!}` }))
      }
      return found.slice(0, limit)
    },
  }

  async function readAll(paths: string[], found: Array<{ key: string; value: string }>): Promise<void> {
    const replies = await Promise.all(paths.map(path => link.read('GET', entryKey(path))))
    const now = clock()
    for (const [index, reply] of replies.entries()) {
      const stored = decode(reply, now)
      if (stored === undefined) continue
      const { key, entry } = read(paths[index]!, stored)
      found.push({ key, value: entry.value })
    }
  }

  /** Both times are '' where there is no end. */
  function lifeOf(ttlMs: number | undefined, once?: string): Life {
    if (ttlMs !== undefined && !Number.isFinite(ttlMs)) throw new RangeError('ttlMs has to be a number')
    if (ttlMs === undefined)
      return { expiresAt: '', lifeMs: '', stamp: `-${once === undefined ? randomInt(1, 2 ** 47) : numberOf(once)}` }
    const expiresAt = Math.ceil(clock() + ttlMs)
    return {
      expiresAt,
      lifeMs: Math.max(Math.ceil(ttlMs), 0) + slackMs,
      stamp: `${Math.max(expiresAt, 1)}.${String(randomInt(1_000)).padStart(3, '0')}`,
    }
  }

  // The key's length goes before it: a key may hold any character.
  function close(path: string, key: string, value: string): Buffer {
    return seal.seal(`${key.length}:${key}${value}`, `entry:${path}`)
  }

  function open(path: string, sealed: Buffer): { key: string; value: string } {
    const opened = seal.open(sealed, `entry:${path}`)
    const keyAt = opened.indexOf(':') + 1
    const valueAt = keyAt + Number(opened.slice(0, keyAt - 1))
    return { key: opened.slice(keyAt, valueAt), value: opened.slice(valueAt) }
  }

  function read(
    path: string,
    { version, expiresAt, counter, sealed }: Stored,
  ): { key: string; entry: Omit<Entry, 'key'> } {
    const { key, value } = open(path, sealed)
    return { key, entry: { value: counter === '' ? value : counter, version, expiresAt } }
  }
}

/** The same for the same name: what is repeated under it has the stamp that it had. */
function numberOf(once: string): number {
  return createHash('sha256').update(once).digest().readUIntBE(0, 5) + 1
}

/** The second one, where its answer is kept, lies in the slot of the first. */
function onceKey({ key }: Pick<Place, 'key'>, once: string): string {
  return `${key}:${once}`
}

function keysOf({ key }: Place, once: string | undefined): string[] {
  return once === undefined ? [key] : [key, onceKey({ key }, once)]
}

interface Life {
  expiresAt: number | ''
  lifeMs: number | '' | 'keep'
  stamp: string
}

/** What Redis counts as a whole number too: no sign but `-`, no leading zeros, nothing around it. */
function wholeNumber(digits: string): number | undefined {
  return /^(?:0|-?[1-9]\d{0,15})$/.test(digits) && Number.isSafeInteger(Number(digits)) ? Number(digits) : undefined
}
