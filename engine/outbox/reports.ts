// Delivery reports: from a carrier's own id to our message.
//
// Networks repeat reports, send them late, and send them before they have
// answered the submit. A report counts once, only for the carrier that has the
// message now, and never takes a message back out of a final state. Where a
// network writes ids in two ways, each way is looked up. Those on the parts of
// one message come at once: they take turns, each builds on the one before. What
// another engine submitted may be known a moment later (second-look.ts).

import { EngineError } from '../errors.ts'
import { maskDigits, type Log } from '../log.ts'
import { longestCarrierId, type CarrierReport } from '../carriers/carrier.ts'
import type { DueWork, Entries, WorkItem } from '../storage/storage.ts'
import { createHeldReports } from './held-reports.ts'
import { createKnownIds, type Lead } from './known-ids.ts'
import { messageQueue, readBody, type MessageBody } from './message.ts'
import { reported, toChange, type OutcomeRules, type Step } from './outcome.ts'
import { createSecondLook, type SecondLookParts } from './second-look.ts'

export interface ReportsParts extends SecondLookParts {
  entries: Entries
  work: DueWork
  shared: boolean
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
  const secondLook = createSecondLook(parts)
  /** By the message's id, the last that waits for its turn. */
  const turns = new Map<string, Promise<void>>()

  async function report(carrier: string, report: CarrierReport) {
    const carrierIds = report.carrierIds.filter(({ length }) => length <= longestCarrierId)
    if (carrierIds.length === 0) return ignore(carrier, report)
    let leads = await leadsOf(carrier, carrierIds, report)
    const again = async (): Promise<Found | undefined> => {
      leads = await known.lookUp(carrier, carrierIds)
      return messageOf(leads, report)
    }
    const first = await messageOf(leads, report)
    const found = first ?? (await secondLook.find(carrier, again, report.held))
    if (found === undefined || !isOpen(found, carrier)) return ignore(carrier, report)
    await storeInTurn(carrier, leads, report, found)
  }

  async function storeInTurn(carrier: string, leads: readonly Lead[], report: CarrierReport, found: Found) {
    const { id } = found.item
    const before = turns.get(id)
    // What was found before one's turn is not how the message is by then.
    const anew = async () => store(carrier, leads, report, await find(carrier, leads, report))
    const mine = before === undefined ? store(carrier, leads, report, found) : before.then(anew, anew)
    turns.set(id, mine)
    try {
      await mine
    } finally {
      if (turns.get(id) === mine) turns.delete(id)
    }
  }

  async function leadsOf(carrier: string, carrierIds: readonly string[], report: CarrierReport): Promise<Lead[]> {
    const leads = await known.lookUp(carrier, carrierIds)
    if (leads.length > 0) return leads
    // It may have been answered, and settled, while we looked. Of our own submits only
    // one that is not settled yet can explain an id that nobody knows.
    const mayBeThere = known.has(carrier, carrierIds) || (await held.hold(carrier, carrierIds, report.held))
    return mayBeThere ? known.lookUp(carrier, carrierIds) : []
  }

  async function store(carrier: string, leads: readonly Lead[], report: CarrierReport, seen: Found | undefined) {
    let found = seen
    // Other engines may change the message at the same time.
    for (let tries = 0; tries < 10; tries++) {
      if (found === undefined) return ignore(carrier, report)
      if (await apply(carrier, found, report)) return
      found = await find(carrier, leads, report)
    }
    throw new EngineError('storage_unavailable', { retryAfter: 1 }, { message: 'the message changes all the time' })
  }

  function ignore(carrier: string, { carrierIds, state }: CarrierReport) {
    const carrierId = maskDigits(carrierIds[0]?.slice(0, longestCarrierId) ?? '')
    log.debug({ carrier, carrierId, state }, 'report for no message, or one that comes too late')
  }

  /** Of the messages that the ids lead to, the first whose number fits, else that of the sure id. */
  async function messageOf(leads: readonly Lead[], report: CarrierReport): Promise<Found | undefined> {
    const messages: Found[] = []
    for (const { carrierId, id } of leads) {
      const item = await work.get(messageQueue, id)
      const body = item && readBody(item)
      if (body?.carrierIds.includes(carrierId) === true) messages.push({ item: item!, body, carrierId })
    }
    return (
      messages.find(({ body }) => isFor(body.to, report.to)) ??
      messages.find(({ carrierId }) => carrierId === report.sureId)
    )
  }

  /** It, and no other one, if the carrier has it now. */
  async function find(carrier: string, leads: readonly Lead[], report: CarrierReport): Promise<Found | undefined> {
    const meant = await messageOf(leads, report)
    return meant !== undefined && isOpen(meant, carrier) ? meant : undefined
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
    stop() {
      held.stop()
      secondLook.stop()
    },
  }
}

/** One that is over was told of before: the other way to read the id is not meant, and no later look finds more. */
function isOpen({ item }: Found, carrier: string): boolean {
  return item.state === 'sent' && item.lane === carrier
}

/** Networks write numbers in national form too: the last digits tell. */
const comparedDigits = 6

/** Whether one of the numbers that were told is the message's; true where none was. */
function isFor(e164: string, told: CarrierReport['to']): boolean {
  const numbers = [told ?? []].flat().map(number => number.replaceAll(/\D/g, ''))
  const telling = numbers.filter(({ length }) => length >= comparedDigits)
  return telling.length === 0 || telling.some(number => e164.endsWith(number.slice(-comparedDigits)))
}
