// The items of a call that tells of several messages. A provider repeats a call
// that is refused, whole: so one odd item must not cost the others.

import { EngineError } from '../../errors.ts'
import type { Log } from '../../log.ts'

/** What `read` makes of each item. One that throws EngineError is left out; the call is refused when no item can be read. */
export type ReadItems = <Item, Found>(items: readonly Item[], read: (item: Item) => Found[]) => Found[]

export function createReadItems(carrier: string, log: Pick<Log, 'warn'>): ReadItems {
  return (items, read) => {
    let unreadable = 0
    let first: EngineError | undefined
    const found = items.flatMap(item => {
      try {
        return read(item)
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        unreadable++
        first ??= error
        return []
      }
    })
    if (first === undefined) return found
    if (unreadable === items.length) throw first
    log.warn({ carrier, unreadable, items: items.length }, 'parts of a call could not be read')
    return found
  }
}
