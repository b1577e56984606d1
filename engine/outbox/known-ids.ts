// Which message a carrier's id leads to: the newest in memory, all of them in
// the storage. The only id of a message is its item's alias; of several each is
// an entry. They stay when the message is over, so that a report which comes
// again is known for what it is.

import { createRecent } from '../recent.ts'
import type { DueWork, Entries } from '../storage/storage.ts'
import { carrierAlias, messageQueue } from './message.ts'
import { carrierIdSpace } from './settle.ts'

/** Most reports come soon and need no look-up. */
const knownAtLeast = 5_000

export interface KnownIds {
  /** The messages that these ids lead to, in the order of the ids, once they are stored. */
  lookUp(carrier: string, carrierIds: readonly string[]): Promise<Array<{ carrierId: string; id: string }>>
  /** Whether one of them is among the newest: without waiting for anything. */
  has(carrier: string, carrierIds: readonly string[]): boolean
  /** `settled` resolves when it is stored. */
  add(carrier: string, carrierId: string, id: string, settled: Promise<void>): void
}

export interface KnownIdsParts {
  entries: Entries
  work: Pick<DueWork, 'byAlias'>
}

export function createKnownIds({ entries, work }: KnownIdsParts): KnownIds {
  const newest = createRecent<{ id: string; settled: Promise<void> }>(knownAtLeast)

  async function stored(carrier: string, carrierId: string): Promise<string | undefined> {
    const item = await work.byAlias(messageQueue, carrierAlias(carrier, carrierId))
    return item?.id ?? (await entries.get(carrierIdSpace(carrier), carrierId))?.value
  }

  return {
    async lookUp(carrier, carrierIds) {
      const leads: Array<{ carrierId: string; id: string }> = []
      for (const carrierId of carrierIds) {
        const known = newest.get(carrierAlias(carrier, carrierId))
        await known?.settled
        const id = known?.id ?? (await stored(carrier, carrierId))
        if (id !== undefined) leads.push({ carrierId, id })
      }
      return leads
    },
    has: (carrier, carrierIds) => carrierIds.some(carrierId => newest.has(carrierAlias(carrier, carrierId))),
    add(carrier, carrierId, id, settled) {
      // An id that is given out again leads to the newer message.
      newest.set(carrierAlias(carrier, carrierId), { id, settled })
    },
  }
}
