// One loop per carrier: takes what is due, as much as the carrier has room for,
// hands it over and writes down what came of it.
//
// It wakes when a message was accepted, when the carrier has room, and when the
// next message is due; it never polls. What is claimed is perhaps submitted: so
// it claims no more than it submits at once. Writes of one tick share a commit
// in the storage, so nothing here waits for one write before the next submit.

import type { Log } from '../log.ts'
import type { DueWork, WorkItem } from '../storage/storage.ts'
import { createAttempt, type AttemptParts } from './attempt.ts'
import { messageQueue, otpPriority, readBody, type MessageBody } from './message.ts'
import { expired } from './outcome.ts'

/** The most that one claim takes: enough to share a commit, few enough to keep a turn of the event loop short. */
const batch = 200
/** With nothing due and nothing said, look again after this: a wall clock that was set… */
const lookMs = 30_000
/** …or what another engine has stored, which says nothing here… */
const lookWhenSharedMs = 1_000
/** …and which it cannot send itself: a code must not wait. */
const lookForOthersMs = 100
/** The carrier tells of room; looking costs next to nothing, should it have missed to. */
const noRoomMs = 1_000
/** Without an answer of the storage, and while the carrier is down. */
const troubleMs = 1_000

export interface SenderParts extends AttemptParts {
  work: DueWork
  /** The name under which this engine claims. */
  engine: string
  log: Pick<Log, 'info' | 'warn' | 'error'>
  /** Whether this engine still owns its claims. */
  alive: () => boolean
  /** Other engines store messages too. */
  shared: boolean
  /** Some of them have no session of this carrier. */
  servesOthers: () => boolean
}

/** One of the carrier's places. One of both is to be called. */
export interface Reservation {
  /** Hands the message over once `kept` resolves; when it rejects the message was never there. */
  deliver(item: WorkItem, body: MessageBody, kept: Promise<void> | undefined): void
  release(): void
}

export interface Sender {
  start(): void
  /** Something may be due, of this priority where that is known. */
  wake(priority?: 'otp' | 'bulk'): void
  /** The carrier has room, or is ready now. */
  look(): void
  /**
   * A place for a message that is about to be stored, when nobody waits before
   * it: it is stored as claimed, and need not be claimed from the storage again.
   */
  reserve(priority: 'otp' | 'bulk'): Reservation | undefined
  /** Claims nothing more. */
  stop(): void
  /** Resolves when everything that was claimed is settled. */
  idle(): Promise<void>
  inFlight(): number
}

export function createSender(parts: SenderParts): Sender {
  const { carrier, work, clock, log, health } = parts
  const attempt = createAttempt(parts)
  const attempts = new Set<Promise<void>>()
  let stopped = true
  let woken = false
  /** Nothing was due when last looked, and nothing has been said since. */
  let drained = false
  let nextDue = Infinity
  /** There may be codes among what is due. */
  let codes = true
  /** How many are looked at to find one that may be the probe: twice as many after each time that there was none. */
  let probes = 1
  let reserved = 0
  /** The carrier has room that must not be used yet: for its health, or for what is reserved. */
  let held = false
  let loop: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function wake(priority?: 'otp' | 'bulk') {
    if (priority !== 'bulk') codes = true
    if (stopped) return
    drained = false
    woken = true
    loop ??= run().finally(() => {
      loop = undefined
      // Woken between the last look and here.
      if (woken) wake('bulk')
    })
  }

  function wakeAfter(ms: number) {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(() => wake(), Math.max(ms, 1))
  }

  async function run() {
    while (woken) {
      woken = false
      if (stopped) return
      try {
        await round()
      } catch (error) {
        woken = false
        log.warn({ err: error, carrier: carrier.name }, 'cannot claim messages')
        wakeAfter(troubleMs)
      }
    }
  }

  async function round() {
    if (!carrier.ready() || !parts.alive()) return wakeAfter(troubleMs)
    const allowed = health.allows()
    const room = carrier.room() - reserved
    held = allowed < room || (room <= 0 && reserved > 0)
    // Of more than one the first that lives is the probe, the rest goes back.
    const limit = Math.min(room, batch, allowed === 1 ? probes : allowed)
    if (limit <= 0) {
      if (codes && room <= 0) await overtake(Math.min(carrier.room('otp') - reserved, batch, allowed))
      return wakeAfter(health.waitMs() ?? noRoomMs)
    }

    codes = false
    const items = await work.claim(messageQueue, carrier.name, { owner: parts.engine, now: clock(), limit })
    for (const item of items) attend(item, deliver(item))
    // A lane full of expired messages must not be gone through one by one.
    probes = allowed === 1 && health.allows() === 1 ? Math.min(probes * 2, batch) : 1
    if (items.length === limit) {
      codes = true
      woken = true
      return
    }
    const due = await work.nextDue(messageQueue, carrier.name)
    const longestMs = !parts.shared ? lookMs : parts.servesOthers() ? lookForOthersMs : lookWhenSharedMs
    const waitMs = due === null ? longestMs : due - clock()
    drained = waitMs > 0 && !woken
    nextDue = due ?? Infinity
    if (waitMs <= 0 && items.length > 0) woken = true
    else wakeAfter(Math.min(waitMs, longestMs))
  }

  /** Codes go before the parts of a broadcast that wait inside the carrier. */
  async function overtake(limit: number): Promise<void> {
    if (limit <= 0) return
    codes = false
    const order = { owner: parts.engine, now: clock(), limit, upTo: otpPriority }
    const items = await work.claim(messageQueue, carrier.name, order)
    for (const item of items) attend(item, deliver(item))
    if (items.length === limit) codes = true
  }

  function attend(item: WorkItem, delivery: Promise<void>): void {
    const attended = delivery
      .catch((error: unknown) => log.error({ err: error, message: item.id }, 'delivery attempt broke'))
      .finally(() => {
        attempts.delete(attended)
        // The probe is back, or was none; or the pause is over.
        if (held) wake('bulk')
      })
    attempts.add(attended)
  }

  function reserve(priority: 'otp' | 'bulk'): Reservation | undefined {
    if (!drained || clock() >= nextDue || stopped || !carrier.ready() || !parts.alive() || health.state() !== 'up')
      return undefined
    if (carrier.room(priority === 'otp' ? 'otp' : undefined) - reserved <= 0) return undefined
    reserved++
    const release = (): void => {
      reserved--
      // Others may have been refused for its sake; when it is under way the carrier tells by itself.
      if (held) setImmediate(wake, 'bulk')
    }
    return {
      release,
      deliver(item, body, kept) {
        // What is lost with its commit was not accepted either.
        const durable =
          kept?.then(
            () => true,
            () => false,
          ) ?? Promise.resolve(true)
        attend(
          item,
          durable.then(isKept => {
            release()
            return isKept ? deliver(item, body) : undefined
          }),
        )
      },
    }
  }

  async function deliver(item: WorkItem, body: MessageBody = readBody(item)): Promise<void> {
    const now = clock()
    if (body.text === null || body.expiresAt <= now) return parts.settle(item, expired(body, carrier.name, now))
    // Claimed, but not handed over: it goes back as it was.
    if (stopped || !parts.alive() || health.allows() === 0) {
      return parts.settle(item, { body, state: 'queued', lane: item.lane, dueAt: item.dueAt })
    }
    await attempt(item, { ...body, text: body.text })
  }

  return {
    start() {
      stopped = false
      wake()
    },
    wake,
    look: () => (drained && clock() < nextDue ? undefined : wake('bulk')),
    reserve,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
    async idle() {
      await loop
      await Promise.all(attempts)
    },
    inFlight: () => attempts.size,
  }
}
