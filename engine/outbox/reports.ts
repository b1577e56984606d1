// Delivery reports: from a carrier's own id to our message.
//
// Networks repeat reports, send them late, and send them before they have
// answered the submit. A report counts once, only for the carrier that has the
// message now, and never takes a message back out of a final state.

import { EngineError } from '../errors.ts'
import { maskDigits, type Log } from '../log.ts'
import type { CarrierReport } from '../carriers/carrier.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { messageQueue, readBody } from './message.ts'
import { reported, toChange, type OutcomeRules, type Step } from './outcome.ts'
import { carrierIdSpace } from './settle.ts'

/** Newest ids kept in memory: most reports come soon and need no look-up. */
const knownLimit = 10_000
/** Reports that may wait for the answer to their own submit. */
const heldLimit = 10_000
const holdMs = 60_000
const clearEveryMs = 100

export interface ReportsParts {
  entries: Entries
  work: DueWork
  clock: () => number
  log: Pick<Log, 'debug' | 'warn'>
  rules: OutcomeRules
  keepMs: number
  /** Called when a report's step is stored. */
  onStored: (item: WorkItem, step: Step) => void
}

export interface Reports {
  /** Resolves when the report is stored or is of no use; rejects when the network should send it again. */
  report(carrier: string, report: CarrierReport): Promise<void>
  /** A carrier took a message; `settled` resolves when that is stored. */
  sent: (carrier: string, carrierId: string, id: string, settled: Promise<void>) => void
  /** Around each submit, until it is settled. */
  began: (carrier: string) => void
  ended: (carrier: string) => void
  /** Lets go of the reports that wait, and of the ids that are needed no more. */
  stop(): void
}

export function createReports(parts: ReportsParts): Reports {
  const { entries, work, clock, log } = parts
  const known = new Map<string, { id: string; settled: Promise<void> }>()
  const held = new Map<string, { arrived: Promise<void>; release: () => void }>()
  const submits = new Map<string, number>()
  const forgotten = new Map<string, { carrier: string; carrierId: string }>()
  let clearing: NodeJS.Timeout | undefined

  async function report(carrier: string, report: CarrierReport) {
    const key = keyOf(carrier, report.carrierId)
    if (!known.has(key)) {
      const id = await lookUp(carrier, report.carrierId)
      if (id !== undefined) return apply(carrier, id, report)
      // Only a submit that is not settled yet can explain an id that nobody knows.
      if (!known.has(key) && (submits.get(carrier) ?? 0) > 0) await hold(key)
    }
    const found = known.get(key)
    await found?.settled
    const id = found?.id ?? (await lookUp(carrier, report.carrierId))
    if (id === undefined) {
      log.debug({ carrier, carrierId: maskDigits(report.carrierId), state: report.state }, 'report for no message')
      return
    }
    await apply(carrier, id, report)
  }

  async function lookUp(carrier: string, carrierId: string): Promise<string | undefined> {
    return (await entries.get(carrierIdSpace(carrier), carrierId))?.value
  }

  async function apply(carrier: string, id: string, report: CarrierReport) {
    for (let tries = 0; tries < 10; tries++) {
      const item = await work.get(messageQueue, id)
      if (item === undefined) return
      const body = readBody(item)
      if (item.state !== 'sent' || item.lane !== carrier || body.carrierId !== report.carrierId) {
        log.debug({ message: id, carrier, state: report.state }, 'report comes too late')
        return
      }
      const now = clock()
      const step = reported(body, carrier, report, now, parts.rules)
      const change = toChange(step, now, parts.keepMs)
      if (await work.settle(messageQueue, id, change, { version: item.version })) {
        forget(carrier, report.carrierId, id)
        parts.onStored(item, step)
        return
      }
    }
    throw new EngineError('storage_unavailable', { retryAfter: 1 }, { message: 'the message changes all the time' })
  }

  function forget(carrier: string, carrierId: string, id: string) {
    const key = keyOf(carrier, carrierId)
    // Some carriers give an id out again: it may lead to another message by now.
    const newest = known.get(key)
    if (newest !== undefined && newest.id !== id) return
    known.delete(key)
    forgotten.set(key, { carrier, carrierId })
    clearing ??= setTimeout(clear, clearEveryMs).unref()
  }

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

  async function hold(key: string) {
    let waiting = held.get(key)
    if (waiting === undefined) {
      if (held.size >= heldLimit) throw new EngineError('overloaded', { retryAfter: 1 })
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(release, holdMs)
      timer.unref()
      function release() {
        clearTimeout(timer)
        held.delete(key)
        resolve()
      }
      waiting = { arrived: promise, release }
      held.set(key, waiting)
    }
    await waiting.arrived
  }

  function sent(carrier: string, carrierId: string, id: string, settled: Promise<void>) {
    const key = keyOf(carrier, carrierId)
    known.set(key, { id, settled })
    forgotten.delete(key)
    if (known.size > knownLimit) {
      for (const oldest of known.keys()) {
        known.delete(oldest)
        break
      }
    }
    held.get(key)?.release()
  }

  return {
    report,
    sent,
    began(carrier) {
      submits.set(carrier, (submits.get(carrier) ?? 0) + 1)
    },
    ended(carrier) {
      submits.set(carrier, (submits.get(carrier) ?? 0) - 1)
    },
    stop() {
      clear()
      for (const { release } of held.values()) release()
    },
  }
}

function keyOf(carrier: string, carrierId: string): string {
  return `${carrier}\n${carrierId}`
}
