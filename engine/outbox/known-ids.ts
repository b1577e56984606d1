// Which message a carrier's id leads to: the newest in memory, all of them in
// the storage, which is asked where another engine may have got the id since.
// The only id of a message is its item's alias; of several each is an entry. They stay when the message is over, so that a report which comes
// again is known for what it is. An id that is given out again leads to the
// message that got it last, in whichever of the two ways.

import { createRecent } from '../recent.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { carrierAlias, carrierIdKey, isHandOver, messageQueue, readBody } from './message.ts'
import { carrierIdSpace } from './settle.ts'

/** Most reports come soon, and need no look-up where this is the only engine. */
const knownAtLeast = 5_000
/** No network gives an id out again so soon: until then other engines need not be thought of. */
const freshMs = 60_000

/** One of a report's ids, and the id of the message that it leads to. */
export interface Lead {
  carrierId: string
  id: string
}

export interface KnownIds {
  /** The messages that these ids lead to, in the order of the ids, once they are stored. */
  lookUp(carrier: string, carrierIds: readonly string[]): Promise<Lead[]>
  /** Whether one of them is among the newest: without waiting for anything. */
  has(carrier: string, carrierIds: readonly string[]): boolean
  /** `settled` resolves when it is stored. */
  add(carrier: string, carrierId: string, id: string, settled: Promise<void>): void
}

export interface KnownIdsParts {
  entries: Entries
  work: Pick<DueWork, 'byAlias' | 'get'>
  /** Whether other engines use the storage. */
  shared: boolean
  /** Monotonic, ms. */
  monotonic?: () => number
}

export function createKnownIds({
  entries,
  work,
  shared,
  monotonic = () => performance.now(),
}: KnownIdsParts): KnownIds {
  const newest = createRecent<{ id: string; at: number; settled: Promise<void> }>(knownAtLeast)

  async function stored(carrier: string, carrierId: string): Promise<string | undefined> {
    const [item, entry] = await Promise.all([
      work.byAlias(messageQueue, carrierAlias(carrier, carrierId)),
      entries.get(carrierIdSpace(carrier), carrierIdKey(carrierId)),
    ])
    if (item === undefined || entry === undefined) return item?.id ?? entry?.value
    const other = await work.get(messageQueue, entry.value)
    return other !== undefined && takenAt(other, carrier) > takenAt(item, carrier) ? other.id : item.id
  }

  return {
    async lookUp(carrier, carrierIds) {
      const leads: Lead[] = []
      for (const carrierId of carrierIds) {
        const known = newest.get(carrierAlias(carrier, carrierId))
        await known?.settled
        const isSure = known !== undefined && (!shared || monotonic() - known.at < freshMs)
        const id = (isSure ? undefined : await stored(carrier, carrierId)) ?? known?.id
        if (id !== undefined) leads.push({ carrierId, id })
      }
      return leads
    },
    has: (carrier, carrierIds) => carrierIds.some(carrierId => newest.has(carrierAlias(carrier, carrierId))),
    add(carrier, carrierId, id, settled) {
      newest.set(carrierAlias(carrier, carrierId), { id, at: monotonic(), settled })
    },
  }
}

/** When the carrier took the message, for the last time. */
function takenAt(item: WorkItem, carrier: string): number {
  const { timeline } = readBody(item)
  return timeline.findLast(entry => isHandOver(entry) && entry.carrier === carrier)?.at ?? 0
}
