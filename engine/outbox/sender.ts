// One loop per carrier: takes what is due, as much as the carrier has room for,
// hands it over and writes down what came of it.
//
// It wakes when a message was accepted, when the carrier has room, and when the
// next message is due; it never polls. What is claimed is perhaps submitted: so
// it claims no more than it submits at once. Writes of one tick share a commit
// in the storage, so nothing here waits for one write before the next submit.

import { performance } from 'node:perf_hooks'

import type { Carrier, SubmitResult } from '../carriers/carrier.ts'
import type { CarrierHealth } from './carrier-health.ts'
import type { Log } from '../log.ts'
import { maskNumber } from '../phone.ts'
import type { DueWork, WorkItem } from '../storage/storage.ts'
import { messageQueue, readBody, type MessageBody } from './message.ts'
import { accepted, expired, refused, uncertain, type OutcomeRules, type Step } from './outcome.ts'

/** The most that one claim takes: enough to share a commit, few enough to keep a turn of the event loop short. */
const batch = 200
/** With nothing due and nothing said, look again after this: a wall clock that was set, work of another engine. */
const lookMs = 30_000
/** Without an answer of the storage, and while the carrier is down. */
const troubleMs = 1_000

export interface SenderParts {
  carrier: Carrier
  work: DueWork
  /** The name under which this engine claims. */
  engine: string
  clock: () => number
  log: Pick<Log, 'info' | 'warn' | 'error'>
  rules: OutcomeRules
  /** Whether this engine still owns its claims. */
  alive: () => boolean
  /** Writes a step, until it is written; the carrier's id becomes findable before that. */
  settle: (item: WorkItem, step: Step) => Promise<void>
  health: CarrierHealth
  /** Around each submit: for reports that are faster than the settle, and for those who count. */
  submitting: Submitting
}

export interface Submitting {
  began(carrier: string): void
  /** `result` is what the carrier said, an error where nobody knows; `ms` is how long that took. */
  judged(carrier: string, result: SubmitResult | Error, ms: number): void
  /** It is settled. */
  ended(carrier: string): void
}

export interface Sender {
  start(): void
  /** Something may be due, or may be taken. */
  wake(): void
  /** Claims nothing more. */
  stop(): void
  /** Resolves when everything that was claimed is settled. */
  idle(): Promise<void>
  inFlight(): number
}

export function createSender(parts: SenderParts): Sender {
  const { carrier, work, clock, log, health } = parts
  const attempts = new Set<Promise<void>>()
  let stopped = true
  let woken = false
  /** The carrier has room that its health does not allow to be used. */
  let held = false
  let loop: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function wake() {
    if (stopped) return
    woken = true
    loop ??= run().finally(() => {
      loop = undefined
      // Woken between the last look and here.
      if (woken) wake()
    })
  }

  function wakeAfter(ms: number) {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(wake, Math.max(ms, 1))
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
    const [room, allowed] = [carrier.room(), health.allows(attempts.size)]
    held = allowed < room
    const limit = Math.min(room, batch, allowed)
    if (limit <= 0) return wakeAfter(health.waitMs() ?? lookMs)

    const items = await work.claim(messageQueue, carrier.name, { owner: parts.engine, now: clock(), limit })
    for (const item of items) {
      const attempt = deliver(item)
        .catch((error: unknown) => log.error({ err: error, message: item.id }, 'delivery attempt broke'))
        .finally(() => attempts.delete(attempt))
      attempts.add(attempt)
    }
    if (items.length === limit) {
      woken = true
      return
    }
    const due = await work.nextDue(messageQueue, carrier.name)
    if (due === null) return wakeAfter(lookMs)
    const waitMs = due - clock()
    if (waitMs <= 0 && items.length > 0) woken = true
    else wakeAfter(Math.min(waitMs, lookMs))
  }

  async function deliver(item: WorkItem) {
    const body = readBody(item)
    const now = clock()
    if (body.text === null || body.expiresAt <= now) return parts.settle(item, expired(body, carrier.name, now))
    // Claimed, but not handed over: it goes back as it was.
    if (stopped || !parts.alive() || health.allows(0) === 0) {
      return parts.settle(item, { body, state: 'queued', lane: item.lane, dueAt: item.dueAt })
    }

    const began = performance.now()
    parts.submitting.began(carrier.name)
    try {
      const step = await submit(item, body, body.text, began)
      const entry = step.body.timeline.at(-1)
      log.info(
        {
          message: item.id,
          carrier: carrier.name,
          to: maskNumber(body.to),
          state: step.state,
          attempt: step.body.attempts,
          ms: Math.round(performance.now() - began),
          ...(entry?.detail && { error: entry.detail }),
        },
        'delivery attempt',
      )
      await parts.settle(item, step)
    } finally {
      parts.submitting.ended(carrier.name)
      // The probe is back, or the pause is over.
      if (held) wake()
    }
  }

  async function submit(item: WorkItem, body: MessageBody, text: string, began: number): Promise<Step> {
    let result: SubmitResult
    try {
      result = await carrier.submit({
        id: item.id,
        to: body.to,
        from: body.from,
        text,
        segments: body.segments,
        encoding: body.encoding,
        priority: body.priority,
        expiresAt: body.expiresAt,
        params: body.params,
      })
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      judged(cause)
      return uncertain(body, carrier.name, cause.message, clock(), parts.rules)
    }
    judged(result)
    if (result.accepted) return accepted(body, carrier.name, result.carrierIds, clock())
    return refused(body, { carrier: carrier.name, dueAt: item.dueAt }, result, clock(), parts.rules)

    function judged(what: SubmitResult | Error): void {
      if (what instanceof Error) health.uncertain()
      else if (what.accepted) health.accepted()
      else health.refused(what)
      parts.submitting.judged(carrier.name, what, performance.now() - began)
    }
  }

  return {
    start() {
      stopped = false
      wake()
    },
    wake,
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
