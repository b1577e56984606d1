// Due work in SQLite: one row for each item.
//
// Lists walk the rows from the newest, in slices, so that a rare state among a
// million rows does not hold the event loop; only the items of one number have
// an index.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { EngineError } from '../errors.ts'
import type { Access } from './sqlite-batch.ts'
import type { Database } from './sqlite.ts'
import type { Seal } from './seal.ts'
import type { DueWork, WorkItem } from './storage.ts'

interface Row {
  seq: number
  queue: string
  id: string
  lane: string
  state: string
  priority: number
  due_at: number | null
  owner: string | null
  version: number
  created_at: number
  updated_at: number
  expires_at: number | null
  tags: Uint8Array | null
  body: Uint8Array
}

type Head = Pick<Row, 'priority'> & { due_at: number }

const live = '(expires_at IS NULL OR expires_at > $now)'
const inLane = 'INDEXED BY work_waiting WHERE queue = $queue AND lane = $lane AND owner IS NULL AND due_at IS NOT NULL'
// Which index is said everywhere: left alone, SQLite walks that of (queue, id)
// for a page and sorts, which took ten times as long.
const page = (from: string) => `SELECT * FROM work ${from} AND seq < $top AND seq >= $bottom AND queue = $queue
  AND ($state IS NULL OR state = $state) AND ($lane IS NULL OR lane = $lane)
  AND ($scriptTag IS NULL OR script_tag = $scriptTag) AND ${live} ORDER BY seq DESC LIMIT $limit`

const sliceRows = 2_000

export function createSqliteWork(
  database: Database,
  access: Access,
  parts: { seal: Seal; clock: () => number; nextVersion: () => number },
): DueWork {
  const { seal, clock, nextVersion } = parts
  const insert = database.prepare(
    `INSERT INTO work (queue, id, lane, state, priority, due_at, version, created_at, updated_at, expires_at,
       script_tag, number_tag, tags, body)
     VALUES ($queue, $id, $lane, $state, $priority, $dueAt, $version, $now, $now, $expiresAt,
       $scriptTag, $numberTag, $tags, $body)
     ON CONFLICT (queue, id) DO NOTHING`,
  )
  const one = database.prepare<Row>(`SELECT * FROM work WHERE queue = $queue AND id = $id AND ${live}`)
  const remove = database.prepare('DELETE FROM work WHERE queue = $queue AND id = $id')
  const removeExpired = database.prepare(`DELETE FROM work WHERE queue = $queue AND id = $id AND NOT ${live}`)
  const earliest = database.prepare<Head>(
    `SELECT priority, due_at FROM work ${inLane} AND priority > $after ORDER BY priority, due_at LIMIT 1`,
  )
  const due = database.prepare<Row>(
    `SELECT seq FROM work ${inLane} AND priority = $priority AND due_at <= $now ORDER BY due_at, seq LIMIT $limit`,
  )
  const take = database.prepare<Row>(
    'UPDATE work SET owner = $owner, version = max(version + 1, $version), updated_at = $now WHERE seq = $seq RETURNING *',
  )
  const change = database.prepare(
    `UPDATE work SET owner = NULL, version = max(version + 1, $version), updated_at = $now,
       lane = coalesce($lane, lane), priority = coalesce($priority, priority), state = coalesce($state, state),
       body = coalesce($body, body), due_at = iif($keepsDue, due_at, $dueAt),
       expires_at = iif($keepsExpiry, expires_at, $expiresAt)
     WHERE queue = $queue AND id = $id AND ($expected IS NULL OR version = $expected)`,
  )
  const count = database.prepare<{ waiting: number }>(`SELECT count(*) AS waiting FROM work ${inLane}`)
  const claimed = database.prepare<Row>(
    `SELECT * FROM work INDEXED BY work_claimed
     WHERE queue = $queue AND owner IS NOT NULL AND owner <> $owner ORDER BY seq LIMIT $limit`,
  )
  const ends = database.prepare<{ oldest: number; newest: number }>(
    'SELECT (SELECT min(seq) FROM work) AS oldest, (SELECT max(seq) FROM work) AS newest',
  )
  const pageOfAll = database.prepare<Row>(page('NOT INDEXED WHERE true'))
  const pageOfNumber = database.prepare<Row>(page('INDEXED BY work_number WHERE number_tag = $numberTag'))

  return {
    async schedule(item) {
      const { queue, id, lane, state, priority, dueAt, expiresAt, tags } = item
      const hasTags = tags.script !== undefined || tags.number !== undefined
      const row = {
        queue,
        id,
        lane,
        state,
        priority,
        dueAt,
        expiresAt,
        scriptTag: tag(tags.script),
        numberTag: tag(tags.number),
        tags: hasTags ? seal.seal(JSON.stringify(tags), context(queue, id, 'tags')) : null,
        body: seal.seal(item.body, context(queue, id, 'body')),
      }
      return access.write(() => {
        const now = clock()
        const insertion = { ...row, now, version: nextVersion() }
        if (insert.run(insertion) === 1) return true
        // One that is past its time and not yet swept makes room.
        return removeExpired.run({ queue, id, now }) === 1 && insert.run(insertion) === 1
      })
    },

    async claim(queue, lane, { owner, now, limit }) {
      return access.write(() => {
        const items: WorkItem[] = []
        for (const head of heads(queue, lane)) {
          if (items.length >= limit) break
          if (head.due_at > now) continue
          const room = { queue, lane, priority: head.priority, now, limit: limit - items.length }
          for (const { seq } of due.all(room)) {
            const row = take.get({ seq, owner, version: nextVersion(), now: clock() })
            if (row) items.push(read(row))
          }
        }
        return items
      })
    },

    async settle(queue, id, changes, { version } = {}) {
      const { lane = null, priority = null, state = null, dueAt, expiresAt } = changes
      const body = changes.body === undefined ? null : seal.seal(changes.body, context(queue, id, 'body'))
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
          expected: version ?? null,
          version: nextVersion(),
          now: clock(),
        })
        return settled === 1
      })
    },

    async get(queue, id) {
      const row = await access.read(() => one.get({ queue, id, now: clock() }))
      return row && read(row)
    },

    async list(queue, { state = null, lane = null, script, number, cursor, limit }) {
      const wanted = { queue, state, lane, scriptTag: tag(script), now: clock() }
      const numberTag = tag(number)
      const { oldest, newest } = (await access.read(() => ends.get({}))) ?? { oldest: 0, newest: 0 }
      let top = Math.min(fromCursor(cursor), newest + 1)
      const rows: Row[] = []
      // One more than asked for tells whether there is a next page.
      while (rows.length <= limit && top > oldest) {
        const bottom = numberTag === null ? top - sliceRows : oldest
        const slice = { ...wanted, top, bottom, limit: limit + 1 - rows.length }
        const found = await access.read(() =>
          numberTag === null ? pageOfAll.all(slice) : pageOfNumber.all({ ...slice, numberTag }),
        )
        rows.push(...found)
        top = bottom
        if (rows.length <= limit && top > oldest) await nextTurn()
      }
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return { items: rows.slice(0, limit).map(read), next: last ? String(last.seq) : null }
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

    async orphans(queue, owner, limit) {
      return (await access.read(() => claimed.all({ queue, owner, limit }))).map(read)
    },
  }

  // The first of each priority. Going by priorities, of which there are few,
  // jumps over what is not due yet: a plain walk along the index would read it all.
  function* heads(queue: string, lane: string): Generator<Head> {
    let after = -Infinity
    for (;;) {
      const head = earliest.get({ queue, lane, after })
      if (!head) return
      yield head
      after = head.priority
    }
  }

  function read(row: Row): WorkItem {
    const { queue, id, lane, state, priority, owner, version } = row
    const tags: WorkItem['tags'] = row.tags ? JSON.parse(seal.open(row.tags, context(queue, id, 'tags'))) : {}
    return {
      queue,
      id,
      lane,
      state,
      priority,
      owner,
      version,
      dueAt: row.due_at,
      expiresAt: row.expires_at,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      tags,
      body: seal.open(row.body, context(queue, id, 'body')),
    }
  }

  function tag(text: string | undefined): string | null {
    return text === undefined ? null : seal.hashTag(text)
  }
}

function context(queue: string, id: string, part: 'tags' | 'body'): string {
  return JSON.stringify([part, queue, id])
}

function fromCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new EngineError('invalid_request', { errors: [{ field: 'cursor', problem: 'is not the next of a page' }] })
}
