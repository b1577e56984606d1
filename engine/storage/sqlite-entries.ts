// Entries in SQLite: one row under the hash of its key.
//
// The original key is sealed beside the value (`list` has to give it back);
// counters stand in a column of their own, plain. What `set` wrote is never a
// counter, a whole number may be somebody's code; `increment` makes it one.

import type { Access } from './sqlite-access.ts'
import type { Database } from './sqlite.ts'
import type { Seal } from './seal.ts'
import type { Entries } from './storage.ts'

interface Row {
  key: string
  version: number
  expires_at: number | null
  counter: number | null
  sealed: Uint8Array
}

const live = '(expires_at IS NULL OR expires_at > $now)'
const upsert = `
  INSERT INTO entries (key, version, expires_at, counter, sealed) VALUES ($key, $version, $expiresAt, $counter, $sealed)
  ON CONFLICT (key) DO UPDATE SET version = max(version + 1, excluded.version), expires_at = excluded.expires_at,
    counter = excluded.counter, sealed = excluded.sealed`

/** `nextVersion` never gives one number twice: an entry that was deleted and set again is not the one before. */
export function createSqliteEntries(
  database: Database,
  access: Access,
  parts: { seal: Seal; clock: () => number; nextVersion: () => number },
): Entries {
  const { seal, clock, nextVersion } = parts
  const one = database.prepare<Row>(`SELECT * FROM entries WHERE key = $key AND ${live}`)
  const many = database.prepare<Row>(
    `SELECT * FROM entries WHERE key = $prefix AND ${live}
     UNION ALL SELECT * FROM entries WHERE key >= $from AND key < $to AND ${live} LIMIT $limit`,
  )
  const put = database.prepare(upsert)
  const putIfAbsent = database.prepare(`${upsert} WHERE NOT ${live}`)
  const change = database.prepare(
    `UPDATE entries SET version = max(version + 1, $version), counter = $counter, sealed = $sealed,
       expires_at = iif($keepsExpiry, expires_at, $expiresAt)
     WHERE key = $key AND ${live} AND ($expected IS NULL OR version = $expected)`,
  )
  const remove = database.prepare(
    `DELETE FROM entries WHERE key = $key AND ${live} AND ($expected IS NULL OR version = $expected)`,
  )

  return {
    async get(space, key) {
      const row = await access.read(() => find(seal.hashKey(space, key)))
      return row && { key, value: read(row).value, version: row.version, expiresAt: row.expires_at }
    },

    // Nothing is asked for again here: what was done is kept with its record.
    told: async () => undefined,

    async set(space, key, value, { ttlMs, ifAbsent = false } = {}) {
      const hash = seal.hashKey(space, key)
      const sealed = close(hash, key, value)
      lifetime(ttlMs)
      return access.write(() => store(hash, sealed, { counter: null, ttlMs, ifAbsent }))
    },

    async delete(space, key) {
      const hash = seal.hashKey(space, key)
      return access.write(() => remove.run({ key: hash, now: clock(), expected: null }) === 1)
    },

    async increment(space, key, { by = 1, ttlMs } = {}) {
      if (!Number.isSafeInteger(by)) throw new RangeError('by has to be a whole number')
      const hash = seal.hashKey(space, key)
      lifetime(ttlMs)
      return access.write(() => {
        const now = clock()
        const row = find(hash, now)
        if (!row) {
          store(hash, close(hash, key, ''), { counter: by, ttlMs, ifAbsent: false })
          return { value: by, expiresAt: expiry(now, ttlMs) }
        }
        const held = row.counter ?? wholeNumber(read(row).value)
        const value = held === undefined ? undefined : held + by
        if (value === undefined || !Number.isSafeInteger(value)) return undefined
        const sealed = row.counter === null ? close(hash, key, '') : row.sealed
        change.run({
          key: hash,
          now,
          version: nextVersion(),
          counter: value,
          sealed,
          keepsExpiry: 1,
          expiresAt: null,
          expected: null,
        })
        return { value, expiresAt: row.expires_at }
      })
    },

    async replace(space, key, { version, value, ttlMs }) {
      const hash = seal.hashKey(space, key)
      const sealed = value === undefined ? undefined : close(hash, key, value)
      lifetime(ttlMs)
      return access.write(() => {
        const now = clock()
        if (version === null) {
          if (sealed === undefined) return find(hash, now) === undefined
          return store(hash, sealed, { counter: null, ttlMs, ifAbsent: true })
        }
        if (sealed === undefined) return remove.run({ key: hash, now, expected: version }) === 1
        const written = change.run({
          key: hash,
          now,
          version: nextVersion(),
          counter: null,
          sealed,
          keepsExpiry: ttlMs === undefined ? 1 : 0,
          expiresAt: expiry(now, ttlMs),
          expected: version,
        })
        return written === 1
      })
    },

    async list(space, prefix, { limit = 100 } = {}) {
      const start = prefix === '' ? seal.hashSpace(space) : seal.hashKey(space, prefix)
      // Hashes are all of one length, and `;` comes right after `:`.
      const range = { prefix: start, from: `${start}:`, to: `${start};`, now: clock(), limit: Math.max(0, limit) }
      const rows = await access.read(() => many.all(range))
      return rows.map(read)
    },
  }

  function find(hash: string, now = clock()): Row | undefined {
    return one.get({ key: hash, now })
  }

  function store(
    hash: string,
    sealed: Buffer,
    { counter, ttlMs, ifAbsent }: { counter: number | null; ttlMs: number | undefined; ifAbsent: boolean },
  ): boolean {
    const now = clock()
    const row = { key: hash, version: nextVersion(), expiresAt: expiry(now, ttlMs), counter, sealed }
    return (ifAbsent ? putIfAbsent.run({ ...row, now }) : put.run(row)) === 1
  }

  // The key's length goes before it: a key may hold any character.
  function close(hash: string, key: string, value: string): Buffer {
    return seal.seal(`${key.length}:${key}${value}`, `entry:${hash}`)
  }

  function read(row: Row): { key: string; value: string } {
    const text = seal.open(row.sealed, `entry:${row.key}`)
    const keyAt = text.indexOf(':') + 1
    const valueAt = keyAt + Number(text.slice(0, keyAt - 1))
    return { key: text.slice(keyAt, valueAt), value: row.counter === null ? text.slice(valueAt) : String(row.counter) }
  }
}

/** Refuses a lifetime that is no number: it would be stored as for ever. */
function lifetime(ttlMs: number | undefined): void {
  if (ttlMs !== undefined && !Number.isFinite(ttlMs)) throw new RangeError('ttlMs has to be a number')
}

function expiry(now: number, ttlMs: number | undefined): number | null {
  return ttlMs === undefined ? null : Math.ceil(now + ttlMs)
}

/** What Redis counts as a whole number too: no sign but `-`, no leading zeros, nothing around it. */
function wholeNumber(text: string): number | undefined {
  return /^(?:0|-?[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}
