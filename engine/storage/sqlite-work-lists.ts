// What was ever put into a queue, in SQLite: from the newest, in pages, and from
// the oldest, by the time at which it came.
//
// Both walk the rows in slices, so that a rare state among a million rows does
// not hold the event loop; only the items of one number have an index. There is
// none by time: `seq` grows with it, so a time is found by halving.

import { setImmediate as nextTurn } from 'node:timers/promises'

import { EngineError } from '../errors.ts'
import type { Access } from './sqlite-access.ts'
import { live, type Row, type RowSeal } from './sqlite-work-row.ts'
import type { Database } from './sqlite.ts'
import type { DueWork } from './storage.ts'

// Which index is said everywhere: left alone, SQLite walks that of (queue, id)
// for a page and sorts, which took ten times as long.
const page = (from: string) => `SELECT * FROM work ${from} AND seq < $top AND seq >= $bottom AND queue = $queue
  AND ($state IS NULL OR state = $state) AND ($lane IS NULL OR lane = $lane)
  AND ($scriptTag IS NULL OR script_tag = $scriptTag) AND ${live} ORDER BY seq DESC LIMIT $limit`

const sliceRows = 2_000

/** A clock may have been set back by so much, and the halving still misses nothing. */
const clockStepMs = 3_600_000

export function createSqliteWorkLists(
  database: Database,
  access: Access,
  { rows, clock }: { rows: RowSeal; clock: () => number },
): Pick<DueWork, 'list' | 'created'> {
  const ends = database.prepare<{ oldest: number; newest: number }>(
    'SELECT (SELECT min(seq) FROM work) AS oldest, (SELECT max(seq) FROM work) AS newest',
  )
  const pageOfAll = database.prepare<Row>(page('NOT INDEXED WHERE true'))
  const pageOfNumber = database.prepare<Row>(page('INDEXED BY work_number WHERE number_tag = $numberTag'))
  const next = database.prepare<Pick<Row, 'seq' | 'created_at'>>(
    'SELECT seq, created_at FROM work NOT INDEXED WHERE seq >= $seq ORDER BY seq LIMIT 1',
  )
  const slice = database.prepare<Row>(
    `SELECT * FROM work NOT INDEXED WHERE seq >= $seq AND seq < $end AND queue = $queue
       AND created_at >= $from AND created_at < $to AND ${live} ORDER BY seq LIMIT $limit`,
  )

  return {
    async list(queue, { state = null, lane = null, script, number, cursor, limit }) {
      const wanted = { queue, state, lane, scriptTag: rows.hash(script), now: clock() }
      const numberTag = rows.hash(number)
      const { oldest, newest } = (await access.read(() => ends.get({}))) ?? { oldest: 0, newest: 0 }
      let top = Math.min(fromCursor(cursor) ?? Infinity, newest + 1)
      const found: Row[] = []
      // One more than asked for tells whether there is a next page.
      while (found.length <= limit && top > oldest) {
        const bottom = numberTag === null ? top - sliceRows : oldest
        const part = { ...wanted, top, bottom, limit: limit + 1 - found.length }
        found.push(
          ...(await access.read(() =>
            numberTag === null ? pageOfAll.all(part) : pageOfNumber.all({ ...part, numberTag }),
          )),
        )
        top = bottom
        if (found.length <= limit && top > oldest) await nextTurn()
      }
      const last = found.length > limit ? found[limit - 1] : undefined
      return { items: found.slice(0, limit).map(rows.read), next: last ? String(last.seq) : null }
    },

    async created(queue, { from, to, cursor, limit }) {
      const wanted = { queue, from, to, now: clock() }
      const [begin, end] = await access.read(() => [firstSince(from - clockStepMs), firstSince(to + clockStepMs)])
      let seq = Math.max(fromCursor(cursor) ?? 0, begin)
      const found: Row[] = []
      while (found.length <= limit && seq < end) {
        // Where many were deleted, the next row may be far.
        const bottom = (await access.read(() => next.get({ seq })))?.seq ?? end
        seq = Math.min(bottom + sliceRows, end)
        const part = { ...wanted, seq: bottom, end: seq, limit: limit + 1 - found.length }
        found.push(...(await access.read(() => slice.all(part))))
        if (found.length <= limit && seq < end) await nextTurn()
      }
      const following = found[limit]
      return { items: found.slice(0, limit).map(rows.read), next: following ? String(following.seq) : null }
    },
  }

  /**
   * Where rows as young as `time` begin: the row at it is, the row before it is
   * not. A clock that was set back mixes them up around it; with steps of at
   * most `clockStepMs` no row before it is as young as `time + clockStepMs`, and
   * none from it on is older than `time - clockStepMs`.
   */
  function firstSince(time: number): number {
    const { oldest, newest } = ends.get({}) ?? { oldest: 0, newest: -1 }
    let low = oldest ?? 0
    let high = (newest ?? -1) + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = next.get({ seq: middle })
      if (row === undefined || row.created_at >= time) high = middle
      else low = row.seq + 1
    }
    return low
  }
}

/** The seq that a page left off at; undefined for the first page. */
function fromCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new EngineError('invalid_request', { errors: [{ field: 'cursor', problem: 'is not the next of a page' }] })
}
