// Writes down what came of a message, and does not let go until it is written:
// a message whose settling was lost would be sent again.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { carrierIdKey, messageQueue } from './message.ts'
import { toChange, type Step } from './outcome.ts'

/** How long a network may take to report on a message after its time has passed. */
const reportWithinMs = 3 * 86_400_000
const firstPauseMs = 100
const longestPauseMs = 5_000

/** Where a carrier's ids are kept: each leads to the id of our message. */
export function carrierIdSpace(carrier: string): string {
  return `carrier-ids/${carrier}`
}

export interface SettleParts {
  entries: Entries
  work: DueWork
  clock: () => number
  log: Pick<Log, 'warn'>
  keepMs: number
  /** Whether the script that sent a message wants to hear of its end. */
  hearsReports: (script: string) => boolean
  /** Called at once when a carrier took a message; `settled` resolves when that is stored. */
  onSent: (carrier: string, carrierId: string, id: string, settled: Promise<void>) => void
  /** Called when a step is stored. */
  onStored: (item: WorkItem, step: Step) => void
}

export interface Settle {
  /** Resolves when the step is stored, or when another engine has decided meanwhile. Rejects only after `giveUp`. */
  settle: (item: WorkItem, step: Step) => Promise<void>
  /** What is not stored by now is left to the next engine, which will find it claimed. */
  giveUp: () => void
}

export function createSettle(parts: SettleParts): Settle {
  const { entries, work, clock } = parts
  const abandoned = new AbortController()

  function settle(item: WorkItem, step: Step): Promise<void> {
    const { carrierIds } = step.body
    if (step.state !== 'sent' || carrierIds.length === 0) return store(item, step)
    // All in one tick, so in one commit; a single id is kept with the message itself.
    const writes = carrierIds.length === 1 ? [] : carrierIds.map(carrierId => remember(item, step, carrierId))
    const settled = Promise.all([...writes, store(item, step)]).then(() => undefined)
    for (const carrierId of carrierIds) parts.onSent(step.lane, carrierId, item.id, settled)
    return settled
  }

  async function remember(item: WorkItem, step: Step, carrierId: string) {
    const ttlMs = Math.max(step.body.expiresAt - clock(), 0) + reportWithinMs
    await keepTrying(() => entries.set(carrierIdSpace(step.lane), carrierIdKey(carrierId), item.id, { ttlMs }))
  }

  async function store(item: WorkItem, step: Step) {
    const change = toChange(step, clock(), parts)
    const written = await keepTrying(() => work.settle(messageQueue, item.id, change, { version: item.version }))
    if (!written) {
      // A write may have succeeded although its answer was lost; then the record is ours.
      const stored = await keepTrying(() => work.get(messageQueue, item.id))
      if (stored?.body !== change.body) {
        parts.log.warn({ message: item.id, state: step.state }, 'another engine has settled this message')
        return
      }
    }
    parts.onStored(item, step)
  }

  async function keepTrying<T>(write: () => Promise<T>): Promise<T> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await write()
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'storage_unavailable' || abandoned.signal.aborted) {
          throw error
        }
        parts.log.warn({ err: error }, 'cannot settle, trying again')
        await wait(pauseMs, undefined, { signal: abandoned.signal })
      }
    }
  }

  return { settle, giveUp: () => abandoned.abort() }
}
