// Which message a carrier's id leads to: the newest in memory, all of them in
// the storage until the message is over. The only id of a message is its item's
// alias; of several each is an entry.

import type { Log } from '../log.ts'
import type { DueWork, Entries } from '../storage/storage.ts'
import { carrierAlias, messageQueue } from './message.ts'
import { carrierIdSpace } from './settle.ts'

/** Most reports come soon and need no look-up. */
const knownLimit = 10_000
const clearEveryMs = 100

export interface KnownIds {
  /** The messages that these ids lead to, in the order of the ids, once they are stored. */
  lookUp(carrier: string, carrierIds: readonly string[]): Promise<Array<{ carrierId: string; id: string }>>
  /** Whether one of them is among the newest: without waiting for anything. */
  has(carrier: string, carrierIds: readonly string[]): boolean
  /** `settled` resolves when it is stored. */
  add(carrier: string, carrierId: string, id: string, settled: Promise<void>): void
  /** The message `id` needs it no more; `isPart`: it has others beside it. */
  forget(carrier: string, carrierId: string, id: string, isPart: boolean): void
  stop(): void
}

export interface KnownIdsParts {
  entries: Entries
  work: Pick<DueWork, 'byAlias'>
  log: Pick<Log, 'debug'>
}

export function createKnownIds({ entries, work, log }: KnownIdsParts): KnownIds {
  const newest = new Map<string, { id: string; settled: Promise<void> }>()
  const forgotten = new Map<string, { carrier: string; carrierId: string }>()
  let clearing: NodeJS.Timeout | undefined

  // Only to save room: they would end by their lifetime, and a second report
  // changes nothing. So many share one commit, and nobody has to wait for it.
  function clear() {
    clearTimeout(clearing)
    clearing = undefined
    for (const [key, { carrier, carrierId }] of forgotten) {
      forgotten.delete(key)
      entries
        .delete(carrierIdSpace(carrier), carrierId)
        .catch((error: unknown) => log.debug({ err: error }, 'carrier id stays until its time passes'))
    }
  }

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
      const key = carrierAlias(carrier, carrierId)
      newest.set(key, { id, settled })
      forgotten.delete(key)
      if (newest.size <= knownLimit) return
      for (const oldest of newest.keys()) {
        newest.delete(oldest)
        break
      }
    },
    forget(carrier, carrierId, id, isPart) {
      const key = carrierAlias(carrier, carrierId)
      // Some carriers give an id out again: it may lead to another message by now.
      const known = newest.get(key)
      if (known !== undefined && known.id !== id) return
      newest.delete(key)
      if (!isPart) return
      forgotten.set(key, { carrier, carrierId })
      clearing ??= setTimeout(clear, clearEveryMs).unref()
    },
    stop: clear,
  }
}
