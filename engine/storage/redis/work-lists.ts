// What was ever put into a queue, in Redis: from the newest, in pages, and from
// the oldest, by the time at which it came. Each shard has its items in order;
// a page is merged from slices of all of them. Items of one number are found by
// their number.
//
// A cursor is the place of the last item that was given, as its key has it:
// `score.id`. One that was stored at the second attempt only has under its number
// the score of the first.

import { EngineError } from '../../errors.ts'
import type { DueWork, WorkItem } from '../storage.ts'
import type { Link, Reply } from './link.ts'
import { live } from './work.ts'
import type { Row, Rows } from './work-row.ts'

interface Place {
  seq: number
  id: string
}

/** Places of one key in order, a slice at a time. */
interface Walk {
  key: string
  slice: Place[]
  /** Where the next slice begins; undefined at the end. */
  from: Place | undefined
}

type Direction = 'newest' | 'oldest'

const sliceSize = 100

export function createRedisWorkLists(parts: {
  link: Link
  rows: Rows
  clock: () => number
}): Pick<DueWork, 'list' | 'created'> {
  const { link, rows, clock } = parts

  return {
    async list(queue, { state, lane, script, number, cursor, limit }) {
      const keys =
        number === undefined
          ? rows.shards(queue).map(shard => `${shard}:l`)
          : [rows.nameKey('number', queue, rows.tag(number))]
      const begin = fromCursor(cursor) ?? { seq: Number.MAX_SAFE_INTEGER, id: '' }
      const [scriptTag, numberTag] = [rows.tag(script), rows.tag(number)]
      return page(queue, walk(keys, 'newest', begin, 0), limit, row => {
        if (state !== undefined && row.item.state !== state) return false
        if (lane !== undefined && row.item.lane !== lane) return false
        return (scriptTag === '' || row.scriptTag === scriptTag) && (numberTag === '' || row.numberTag === numberTag)
      })
    },

    async created(queue, { from, to, cursor, limit }) {
      const keys = rows.shards(queue).map(shard => `${shard}:l`)
      const begin = fromCursor(cursor) ?? { seq: Math.floor(from) * 1_024 - 1, id: '' }
      const end = Math.min(Math.ceil(to) * 1_024 - 1, Number.MAX_SAFE_INTEGER)
      return page(
        queue,
        walk(keys, 'oldest', begin, end),
        limit,
        ({ item }) => item.createdAt >= from && item.createdAt < to,
      )
    },
  }

  async function page(
    queue: string,
    places: AsyncIterable<Place>,
    limit: number,
    isWanted: (row: Row) => boolean,
  ): Promise<{ items: WorkItem[]; next: string | null }> {
    const found: Array<{ row: Row; place: Place }> = []
    let chunk: Place[] = []
    const now = clock()
    const readChunk = async (): Promise<void> => {
      const places = chunk
      chunk = []
      const replies = await Promise.all(places.map(({ id }) => link.read('GET', rows.itemKey(queue, id))))
      for (const [index, place] of places.entries()) {
        const row = live(rows.read(queue, place.id, replies[index]!), now)
        if (row !== undefined && isWanted(row)) found.push({ row, place })
      }
    }
    for await (const place of places) {
      chunk.push(place)
      if (chunk.length >= Math.max(limit + 1 - found.length, 20)) await readChunk()
      // One more than asked for tells whether there is a next page.
      if (found.length > limit) break
    }
    await readChunk()
    const last = found.length > limit ? found[limit - 1]?.place : undefined
    return {
      items: found.slice(0, limit).map(({ row }) => row.item),
      next: last === undefined ? null : `${last.seq}.${encodeURIComponent(last.id)}`,
    }
  }

  /** What lies behind `begin` in all of the keys, merged, until `end`. */
  async function* walk(keys: string[], direction: Direction, begin: Place, end: number): AsyncGenerator<Place> {
    const compare = direction === 'newest' ? (a: Place, b: Place) => byPlace(b, a) : byPlace
    const walks: Walk[] = keys.map(key => ({ key, slice: [], from: begin }))
    for (;;) {
      await Promise.all(
        walks.map(async one => {
          while (one.slice.length === 0 && one.from !== undefined) await readSlice(one, direction, end, compare)
        }),
      )
      const open = walks.filter(({ slice }) => slice.length > 0)
      if (open.length === 0) return
      const next = open.reduce((a, b) => (compare(a.slice[0]!, b.slice[0]!) <= 0 ? a : b))
      yield next.slice.shift()!
    }
  }

  async function readSlice(one: Walk, direction: Direction, end: number, compare: typeof byPlace): Promise<void> {
    const from = one.from!
    const command = direction === 'newest' ? 'ZREVRANGEBYSCORE' : 'ZRANGEBYSCORE'
    const reply = await link.read(command, one.key, from.seq, end, 'WITHSCORES', 'LIMIT', 0, sliceSize)
    const found = placesOf(reply)
    // Items of one score come by their ids: those up to `from` were given already.
    one.slice = found.filter(place => compare(place, from) > 0)
    const last = found.at(-1)
    if (found.length < sliceSize || last === undefined) one.from = undefined
    else if (compare(last, from) > 0) one.from = last
    else one.from = { seq: from.seq + (direction === 'newest' ? -1 : 1), id: direction === 'newest' ? '\uffff' : '' }
  }
}

function placesOf(reply: Reply): Place[] {
  const values = reply as Reply[]
  // RESP3 gives pairs, RESP2 one flat list.
  const flat = values.flat()
  const places: Place[] = []
  for (let at = 0; at < flat.length; at += 2) places.push({ id: String(flat[at]), seq: Number(flat[at + 1]) })
  return places
}

function byPlace(a: Place, b: Place): number {
  return a.seq - b.seq || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** The place that a page left off at; undefined for the first page. */
function fromCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const [, seq, id = ''] = /^(\d{1,16})\.([\w.!~*'()%-]+)$/.exec(cursor) ?? []
  try {
    if (seq !== undefined) return { seq: Number(seq), id: decodeURIComponent(id) }
  } catch {
    // No cursor of ours.
  }
  throw new EngineError('invalid_request', { errors: [{ field: 'cursor', problem: 'is not the next of a page' }] })
}
