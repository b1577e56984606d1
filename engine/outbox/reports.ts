// Delivery reports: from a carrier's own id to our message.
//
// Networks repeat reports, send them late, and send them before they have
// answered the submit. A report counts once, only for the carrier that has the
// message now, and never takes a message back out of a final state. Where a
// network writes ids in two ways, each way is looked up.

import { EngineError } from '../errors.ts'
import { maskDigits, type Log } from '../log.ts'
import type { CarrierReport } from '../carriers/carrier.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { createHeldReports } from './held-reports.ts'
import { createKnownIds } from './known-ids.ts'
import { messageQueue, readBody, type MessageBody } from './message.ts'
import { reported, toChange, type OutcomeRules, type Step } from './outcome.ts'

export interface ReportsParts {
  entries: Entries
  work: DueWork
  clock: () => number
  log: Pick<Log, 'debug' | 'warn'>
  rules: OutcomeRules
  keepMs: number
  hearsReports: (script: string) => boolean
  /** Called when a report's step is stored. */
  onStored: (item: WorkItem, step: Step) => void
}

export interface Reports {
  /** Resolves when the report is stored or is of no use; rejects when the network should send it again. */
  report(carrier: string, report: CarrierReport): Promise<void>
  /** A carrier took a message; `settled` resolves when that is stored. */
  sent: (carrier: string, carrierId: string, id: string, settled: Promise<void>) => void
  /** Around each submit, until it is settled: the ticket of one is told to the other. */
  began: (carrier: string) => number
  ended: (carrier: string, ticket: number) => void
  /** The reports that wait are given back to their networks. */
  stop(): void
}

/** The message that a report is about, and which of its ids led there. */
interface Found {
  item: WorkItem
  body: MessageBody
  carrierId: string
}

export function createReports(parts: ReportsParts): Reports {
  const { work, clock, log } = parts
  const known = createKnownIds(parts)
  const held = createHeldReports()

  async function report(carrier: string, report: CarrierReport) {
    let leads = await known.lookUp(carrier, report.carrierIds)
    if (leads.length === 0) {
      // It may have been answered, and settled, while we looked. Else only a submit
      // that is not settled yet can explain an id that nobody knows.
      if (!known.has(carrier, report.carrierIds)) await held.hold(carrier, report.carrierIds)
      leads = await known.lookUp(carrier, report.carrierIds)
    }
    for (let tries = 0; tries < 10; tries++) {
      const found = await find(carrier, leads, report)
      if (found === undefined) {
        const carrierId = maskDigits(report.carrierIds[0] ?? '')
        log.debug({ carrier, carrierId, state: report.state }, 'report for no message, or one that comes too late')
        return
      }
      if (await apply(carrier, found, report)) return
    }
    throw new EngineError('storage_unavailable', { retryAfter: 1 }, { message: 'the message changes all the time' })
  }

  /** Of the messages that the ids lead to, the first whose number fits: it, and no other one, if the carrier has it now. */
  async function find(
    carrier: string,
    leads: Array<{ carrierId: string; id: string }>,
    { to }: CarrierReport,
  ): Promise<Found | undefined> {
    for (const { carrierId, id } of leads) {
      const item = await work.get(messageQueue, id)
      const body = item && readBody(item)
      if (body?.carrierIds.includes(carrierId) !== true || !isSameNumber(body.to, to)) continue
      // One that is over was told of before: the other way to read the id is not meant.
      return item!.state === 'sent' && item!.lane === carrier ? { item: item!, body, carrierId } : undefined
    }
    return undefined
  }

  async function apply(carrier: string, { item, body, carrierId }: Found, report: CarrierReport): Promise<boolean> {
    const now = clock()
    const step = reported(body, { carrier, carrierId }, report, now, parts.rules)
    const change = toChange(step, now, parts)
    if (!(await work.settle(messageQueue, item.id, change, { version: item.version }))) return false
    parts.onStored(item, step)
    return true
  }

  return {
    report,
    sent(carrier, carrierId, id, settled) {
      known.add(carrier, carrierId, id, settled)
      held.release(carrier, carrierId)
    },
    began: held.began,
    ended: held.ended,
    stop: held.stop,
  }
}

/** Networks write numbers in national form too: the last digits tell. */
const comparedDigits = 6

function isSameNumber(e164: string, told: string | undefined): boolean {
  const digits = told?.replaceAll(/\D/g, '') ?? ''
  return digits.length < comparedDigits || e164.endsWith(digits.slice(-comparedDigits))
}
