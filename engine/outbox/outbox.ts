// The messages that we promised to send. Accepting is storing; sending comes
// after, by one sender per carrier. Nothing else talks to carriers.

import type { Carrier, CarrierReport, InboundSms } from '../carriers/carrier.ts'
import type { CountryOf } from '../country.ts'
import type { Log } from '../log.ts'
import type { Storage, StorageAhead, WorkItem } from '../storage/storage.ts'
import { createAccept, type Accepted } from './accept.ts'
import { createAcceptedCount } from './accepted-count.ts'
import { createBackDating } from './back-dating.ts'
import type { CarrierView } from './carrier-view.ts'
import { createDueReports, type DueReports } from './due-reports.ts'
import { createEvacuation } from './evacuation.ts'
import { createFleet } from './fleet.ts'
import type { Heartbeat } from './heartbeat.ts'
import { emptyCounts, isFinal, isHandOver, messageQueue, toPublic } from './message.ts'
import type { Message, MessageState, NewMessage } from './message.ts'
import { listMessages, type MessageFilter, type MessagePage } from './message-list.ts'
import type { Step } from './outcome.ts'
import { createRules } from './outcome-rules.ts'
import { createReports } from './reports.ts'
import { createRouter, type Routable, type Route } from './route.ts'
import { createSettle } from './settle.ts'
import { createTakeover } from './takeover.ts'

export interface OutboxParts {
  storage: Storage
  /** In the order of the configuration file; the outbox starts and stops them. */
  carriers: readonly Carrier[]
  /** Under its name this engine claims; it beats before the outbox is started, and until it is stopped. */
  heartbeat: Heartbeat
  clock: () => number
  log: Log
  routes?: readonly Route[] | undefined
  /** Needed where a route names a country. */
  countryOf?: CountryOf | undefined
  /** Numbers that never reach a carrier, with their fixed codes. */
  testNumbers?: Readonly<Record<string, string>> | undefined
  /** Called after a final state was stored. */
  onChange?: (message: Message) => void
  /** Whether a script wants to hear what became of its messages: then they are `reports` when they are final. */
  hearsReports?: (script: string) => boolean
  /** Where a carrier is called back; null when it is not. */
  callbackUrl?: (carrier: Carrier) => string | null
  /** An SMS that a carrier received. Resolves, once it is stored, with the id of the run that it begins. */
  onInbound?: (carrier: string, sms: InboundSms) => Promise<string | undefined>
  settings?: Partial<OutboxSettings> | undefined
}

export interface OutboxSettings {
  /** The first pause before a message is tried again, doubled each time up to the longest. */
  firstPauseMs: number
  longestPauseMs: number
  /** How long the record of a message is kept after its last change. */
  keepMs: number
  /** How long `stop` waits for submits to settle. */
  stopWithinMs: number
  /** 0 to below 1, for the jitter of pauses. */
  random: () => number
}

const defaults: OutboxSettings = {
  firstPauseMs: 1_000,
  longestPauseMs: 60_000,
  keepMs: 30 * 86_400_000,
  stopWithinMs: 5_000,
  random: Math.random,
}

export interface OutboxStats {
  accepted: number
  /** Handed to a carrier. */
  submitted: number
  /** Written back to the queue, for whatever reason. */
  retried: number
  reports: number
  /** How often a state was stored. */
  states: Record<MessageState, number>
  inFlight: number
}

export interface Outbox {
  /** Whether a carrier may take a message to that number; `accept` refuses what none may. */
  serves(message: Routable): boolean
  /**
   * Resolves when the message is safe. The same id again is the same message:
   * the same answer, nothing stored twice. Throws `unsupported_number` when no
   * carrier serves the number.
   */
  accept(message: NewMessage): Promise<Accepted>
  get(id: string): Promise<Message | undefined>
  /** The same ahead of the disk; a message leaves only once it is safe. */
  readonly ahead: Pick<Outbox, 'accept' | 'get'>
  /** Newest first. With a carrier a page may end early, even empty, while there is a `next`. */
  list(filter: MessageFilter): Promise<MessagePage>
  /** Resolves when the report is stored or is of no use; rejects when the network should send it again. */
  report(carrier: string, report: CarrierReport): Promise<void>
  start(): Promise<void>
  /** Claims nothing more and lets what was submitted settle, for 5 s at most; then stops the carriers. */
  stop(): Promise<void>
  stats(): OutboxStats
  /** Messages that wait, by carrier. */
  waiting(): Promise<Record<string, number>>
  /** How each carrier is, in the order of the configuration file. */
  carriers(): Promise<CarrierView[]>
  /** Whether some carrier can send at all: at this engine, or at another one that sends what waits for it. */
  ready(): boolean
  /** Final messages whose scripts have still to hear of them. */
  readonly reports: DueReports
}

export function createOutbox(parts: OutboxParts): Outbox {
  const { storage, carriers, heartbeat, clock, log, hearsReports = () => false } = parts
  const { engine } = heartbeat
  const { entries, work } = storage
  const settings = { ...defaults, ...parts.settings }
  const names = carriers.map(carrier => carrier.name)
  const router = createRouter({ carriers: names, ...(parts.routes && { routes: parts.routes }) }, parts.countryOf)
  const testNumbers = new Set(Object.keys(parts.testNumbers ?? {}))
  const acceptedCount = createAcceptedCount(storage.ahead)
  const stats = { retried: 0, reports: 0, states: emptyCounts() }

  const rules = createRules({
    router,
    carriers,
    settings,
    health: () => fleet.health(),
    isUp: name => fleet.isUp(name),
    choose: name => fleet.choose(name),
  })
  const common = {
    entries,
    work,
    shared: storage.shared,
    engine,
    clock,
    log,
    rules,
    keepMs: settings.keepMs,
    hearsReports,
    onStored,
  }
  const reports = createReports(common)
  const { settle, giveUp } = createSettle({ ...common, onSent: reports.sent })
  const takeover = createTakeover({ ...common, settle, heartbeat, carriers: names })
  const fleet = createFleet({ ...common, carriers, alive: heartbeat.alive, settle, reports })
  const evacuation = createEvacuation({ ...common, health: fleet.healths })
  const backDating = createBackDating({ work, lanes: names, clock, log, wake: fleet.wake })
  const accept = createAccept({
    storage,
    clock,
    keepMs: settings.keepMs,
    hearsReports,
    router,
    health: fleet.health,
    choose: fleet.choose,
    testNumbers,
    onAccepted: acceptedCount.add,
    wake: fleet.wake,
    reserve: fleet.reserve,
    engine,
    // Of a test number: no carrier's record has it.
    tell(message) {
      stats.states[message.state]++
      tell(message)
    },
  })

  async function get(id: string, work: StorageAhead['work']): Promise<Message | undefined> {
    const item = await work.get(messageQueue, id)
    return item && toPublic(item, clock())
  }

  function onStored(item: WorkItem, step: Step) {
    const last = step.body.timeline.at(-1)
    // A part that was delivered leaves its message in the state that it had.
    if (last?.state !== 'sent' || isHandOver(last)) {
      stats.states[step.state]++
      fleet.stored(step)
    }
    if (step.state === 'queued') stats.retried++
    if (step.dueAt !== null) fleet.wake(step.lane, step.body.priority)
    if (isFinal(step.state)) {
      tell(toPublic({ ...item, state: step.state, lane: step.lane, updatedAt: clock() }, clock(), step.body))
    }
  }

  function tell(message: Message) {
    try {
      parts.onChange?.(message)
    } catch (error) {
      log.error({ err: error, message: message.id }, 'a state change was not passed on')
    }
  }

  async function report(carrier: string, report: CarrierReport) {
    stats.reports++
    await reports.report(carrier, report)
  }

  return {
    serves: message => testNumbers.has(message.to) || router.route(message).length > 0,
    accept: message => accept(message, work),
    get: id => get(id, work),
    ahead: {
      accept: message => accept(message, storage.ahead.work),
      get: id => get(id, storage.ahead.work),
    },
    report,
    list: filter => listMessages(work, filter, clock()),
    async start() {
      heartbeat.onRevived(fleet.wakeAll)
      await takeover.start()
      await fleet.start({ report, inbound: async (carrier, sms) => parts.onInbound?.(carrier, sms) })
      evacuation.start()
      backDating.start()
    },
    async stop() {
      const left = takeover.stop()
      await Promise.all([evacuation.stop(), backDating.stop()])
      await fleet.settled(settings.stopWithinMs)
      giveUp()
      reports.stop()
      await Promise.all([left, fleet.stop()])
    },
    stats: () => ({
      ...stats,
      accepted: acceptedCount.read(),
      states: { ...stats.states },
      submitted: fleet.submitted(),
      inFlight: fleet.inFlight(),
    }),
    waiting,
    ready: fleet.ready,
    async carriers() {
      const queues = await waiting()
      return fleet.views(carrier => ({
        queue: queues[carrier.name] ?? 0,
        callbackUrl: parts.callbackUrl?.(carrier) ?? null,
      }))
    },
    reports: createDueReports(work, engine, clock),
  }

  async function waiting(): Promise<Record<string, number>> {
    const counts = names.map(async name => [name, await work.waiting(messageQueue, name)] as const)
    return Object.fromEntries(await Promise.all(counts))
  }
}
