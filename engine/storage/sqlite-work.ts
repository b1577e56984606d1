// Due work in SQLite: one row for each item. What was ever in a queue is read in
// sqlite-work-lists.ts.

import type { Seal } from './seal.ts'
import type { Access } from './sqlite-access.ts'
import { createSqliteWorkLists } from './sqlite-work-lists.ts'
import { createRowSeal, live, type Row } from './sqlite-work-row.ts'
import type { Database } from './sqlite.ts'
import type { DueWork, NewWork, WorkItem } from './storage.ts'

type Head = Pick<Row, 'priority'> & { due_at: number }

const inLane = 'INDEXED BY work_waiting WHERE queue = $queue AND lane = $lane AND owner IS NULL AND due_at IS NOT NULL'

export function createSqliteWork(
  database: Database,
  access: Access,
  parts: { seal: Seal; clock: () => number; nextVersion: () => number },
): DueWork {
  const { clock, nextVersion } = parts
  const rows = createRowSeal(parts.seal)
  const insert = database.prepare(
    `INSERT INTO work (queue, id, lane, state, priority, due_at, owner, version, created_at, updated_at, expires_at,
       script_tag, number_tag, body)
     VALUES ($queue, $id, $lane, $state, $priority, $dueAt, $owner, $version, $now, $now, $expiresAt,
       $scriptTag, $numberTag, $body)
     ON CONFLICT (queue, id) DO NOTHING`,
  )
  const one = database.prepare<Row>(`SELECT * FROM work WHERE queue = $queue AND id = $id AND ${live}`)
  const named = database.prepare<Row>(
    `SELECT * FROM work INDEXED BY work_alias WHERE queue = $queue AND alias_tag = $aliasTag AND ${live}
     ORDER BY alias_version DESC, seq DESC LIMIT 1`,
  )
  const remove = database.prepare('DELETE FROM work WHERE queue = $queue AND id = $id')
  const removeExpired = database.prepare(`DELETE FROM work WHERE queue = $queue AND id = $id AND NOT ${live}`)
  const earliest = database.prepare<Head>(
    `SELECT priority, due_at FROM work ${inLane} AND priority > $after AND ${live} ORDER BY priority, due_at LIMIT 1`,
  )
  const due = database.prepare<Row>(
    `SELECT seq FROM work ${inLane} AND priority = $priority AND due_at <= $dueBy AND ${live}
     ORDER BY due_at, seq LIMIT $limit`,
  )
  const take = database.prepare<Row>(
    'UPDATE work SET owner = $owner, version = max(version + 1, $version), updated_at = $now WHERE seq = $seq RETURNING *',
  )
  const change = database.prepare(
    `UPDATE work SET owner = NULL, version = max(version + 1, $version), updated_at = $now,
       lane = coalesce($lane, lane), priority = coalesce($priority, priority), state = coalesce($state, state),
       body = coalesce($body, body), due_at = iif($keepsDue, due_at, $dueAt),
       expires_at = iif($keepsExpiry, expires_at, $expiresAt), alias_tag = iif($keepsAlias, alias_tag, $aliasTag),
       alias_version = iif($keepsAlias, alias_version, $version)
     WHERE queue = $queue AND id = $id AND ($expected IS NULL OR version = $expected)`,
  )
  const count = database.prepare<{ waiting: number }>(`SELECT count(*) AS waiting FROM work ${inLane}`)
  const claimed = database.prepare<Row>(
    `SELECT * FROM work INDEXED BY work_claimed
     WHERE queue = $queue AND owner IS NOT NULL AND owner NOT IN (SELECT value FROM json_each($living)) AND ${live}
     ORDER BY seq LIMIT $limit`,
  )

  return {
    ...createSqliteWorkLists(database, access, { rows, clock }),

    schedule: async item => (await store(item, null)) !== undefined,
    scheduleClaimed: store,

    async claim(queue, lane, { owner, now, limit, upTo = Infinity }) {
      return access.write(() => {
        const items: WorkItem[] = []
        for (const head of heads(queue, lane)) {
          if (items.length >= limit || head.priority > upTo) break
          if (head.due_at > now) continue
          const room = { queue, lane, priority: head.priority, dueBy: now, now: clock(), limit: limit - items.length }
          for (const { seq } of due.all(room)) {
            const row = take.get({ seq, owner, version: nextVersion(), now: clock() })
            if (row) items.push(rows.read(row))
          }
        }
        return items
      })
    },

    async settle(queue, id, changes, { version } = {}) {
      const { lane = null, priority = null, state = null, dueAt, expiresAt, alias } = changes
      const aliasTag = rows.hash(alias ?? undefined)
      const body = changes.body === undefined ? null : rows.sealBody(queue, id, changes.body)
      return access.write(() => {
        const settled = change.run({
          queue,
          id,
          lane,
          priority,
          state,
          body,
          dueAt: dueAt ?? null,
          keepsDue: dueAt === undefined ? 1 : 0,
          expiresAt: expiresAt ?? null,
          keepsExpiry: expiresAt === undefined ? 1 : 0,
          aliasTag,
          keepsAlias: alias === undefined ? 1 : 0,
          expected: version ?? null,
          version: nextVersion(),
          now: clock(),
        })
        return settled === 1
      })
    },

    async get(queue, id) {
      const row = await access.read(() => one.get({ queue, id, now: clock() }))
      return row && rows.read(row)
    },

    async byAlias(queue, alias) {
      const aliasTag = rows.hash(alias)
      const row = await access.read(() => named.get({ queue, aliasTag, now: clock() }))
      return row && rows.read(row)
    },

    async delete(queue, id) {
      return access.write(() => remove.run({ queue, id }) === 1)
    },

    async nextDue(queue, lane) {
      const times = (await access.read(() => [...heads(queue, lane)])).map(head => head.due_at)
      return times.length === 0 ? null : Math.min(...times)
    },

    // Reads the lane's part of the index: 1 ms for some 20,000 items.
    async waiting(queue, lane) {
      return access.read(() => count.get({ queue, lane })?.waiting ?? 0)
    },

    async orphans(queue, living, limit) {
      const order = { queue, living: JSON.stringify(living), now: clock(), limit }
      return (await access.read(() => claimed.all(order))).map(rows.read)
    },
  }

  async function store(item: NewWork, owner: string | null): Promise<WorkItem | undefined> {
    const { queue, id, lane, state, priority, dueAt, expiresAt, tags } = item
    const row = {
      queue,
      id,
      lane,
      state,
      priority,
      dueAt,
      owner,
      expiresAt,
      scriptTag: rows.hash(tags.script),
      numberTag: rows.hash(tags.number),
      body: rows.sealBody(queue, id, item.body),
    }
    return access.write(() => {
      const now = clock()
      const insertion = { ...row, now, version: nextVersion() }
      // One that is past its time and not yet swept makes room.
      const isStored =
        insert.run(insertion) === 1 || (removeExpired.run({ queue, id, now }) === 1 && insert.run(insertion) === 1)
      return isStored ? { ...item, owner, version: insertion.version, createdAt: now, updatedAt: now } : undefined
    })
  }

  // The first of each priority. Going by priorities, of which there are few,
  // jumps over what is not due yet: a plain walk along the index would read it all.
  function* heads(queue: string, lane: string): Generator<Head> {
    let after = -Infinity
    for (;;) {
      const head = earliest.get({ queue, lane, after, now: clock() })
      if (!head) return
      yield head
      after = head.priority
    }
  }
}
