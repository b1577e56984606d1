// What was promised, newest first, in pages.
//
// Whose a message is, its lane says. Only one that is final while its script has
// still to hear of it lies in reportLane, and names its carrier in its sealed
// body: where such may be among those asked for, the messages of all carriers
// are read and the others left out. To merge the pages of both lanes would need
// an order that only the storage knows, and would miss or double what changes
// its lane between two reads.

import { setImmediate as nextTurn } from 'node:timers/promises'

import type { DueWork, WorkItem } from '../storage/storage.ts'
import { isFinal, messageQueue, readBody, reportLane, toPublic, type Message, type MessageState } from './message.ts'

export interface MessageFilter {
  state?: MessageState | undefined
  /** E.164. */
  number?: string | undefined
  script?: string | undefined
  carrier?: string | undefined
  cursor?: string | undefined
  limit: number
}

export interface MessagePage {
  messages: Message[]
  /** Where the next page begins; null after the last one. */
  next: string | null
}

/** So many messages one page may read: 0.2 s of work, since each has to be opened (15 µs). */
const usualReach = 10_000
/** Of those at once: 3 ms, then others have their turn. */
const slice = 200

/**
 * At most `limit` messages. Where few of many are the carrier's, a page ends
 * early, even empty, with a `next` to go on from. `now` in ms since 1970.
 */
export async function listMessages(
  work: Pick<DueWork, 'list'>,
  { carrier, cursor, ...filter }: MessageFilter,
  now: number,
  reach: number = usualReach,
): Promise<MessagePage> {
  if (carrier === undefined || (filter.state !== undefined && !isFinal(filter.state))) {
    const lane = carrier === undefined ? {} : { lane: carrier }
    const { items, next } = await work.list(messageQueue, { ...filter, ...lane, cursor })
    return { messages: items.map(item => toPublic(item, now)), next }
  }
  const found: WorkItem[] = []
  let next = cursor ?? null
  let limit = filter.limit
  for (let read = 0; read < reach && found.length < filter.limit;) {
    const page = await work.list(messageQueue, { ...filter, cursor: next ?? undefined, limit })
    read += page.items.length
    const own = page.items.filter(item => carrierOf(item) === carrier)
    const missing = filter.limit - found.length
    if (own.length > missing) {
      // Only the end of a page has a cursor: the same again, as far as the last one that is wanted.
      limit = page.items.indexOf(own[missing - 1]!) + 1
      continue
    }
    found.push(...own)
    next = page.next
    if (next === null) break
    limit = Math.max(filter.limit, Math.min(slice, reach))
    if (found.length < filter.limit) await nextTurn()
  }
  return { messages: found.map(item => toPublic(item, now)), next }
}

function carrierOf(item: WorkItem): string {
  return item.lane === reportLane ? (readBody(item).carrier ?? item.lane) : item.lane
}
