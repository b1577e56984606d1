// Messages that wait for a carrier which is down go to another one that is up,
// where their routes name one: a dead carrier costs them a few seconds, not its
// whole absence. New messages do not come into such a lane: accept.ts asks for
// carriers that are up first. Those that wait behind a probe go at once. Those
// whose time is over meanwhile are ended.

import type { Log } from '../log.ts'
import type { DueWork, WorkItem } from '../storage/storage.ts'
import type { CarrierHealth } from './carrier-health.ts'
import { messageQueue, readBody } from './message.ts'
import { evacuated, expired, toChange, type OutcomeRules, type Step } from './outcome.ts'
import { createSteadyClock } from './steady-clock.ts'

/** A connection that was lost and made again is no reason to move: about one attempt's time. */
const patienceMs = 5_000
const everyMs = 1_000
/** A lane is gone through again after this, doubled each time: it may hold many. */
const againMs = 5_000
const longestMs = 300_000
const page = 100

export interface EvacuationParts {
  work: DueWork
  health: ReadonlyMap<string, CarrierHealth>
  clock: () => number
  log: Pick<Log, 'warn'>
  rules: OutcomeRules
  keepMs: number
  hearsReports: (script: string) => boolean
  /** Called when a message was moved. */
  onStored: (item: WorkItem, step: Step) => void
}

export interface Evacuation {
  start(): void
  /** Resolves when nothing is being moved any more. */
  stop(): Promise<void>
}

export function createEvacuation(parts: EvacuationParts): Evacuation {
  const { work, health, clock, log, rules } = parts
  const steady = createSteadyClock(clock)
  /** For each carrier that is down: which others were up when its lane was last gone through, and when it is again. */
  const done = new Map<string, { ups: string; waitMs: number; nextAt: number }>()
  let timer: NodeJS.Timeout | undefined
  const stopping = new AbortController()
  let moving: Promise<void> | undefined

  function look(): void {
    // One that probes takes a single message: no reason to go through a lane.
    const isUp = ([, one]: [string, CarrierHealth]): boolean => one.isUp() && one.state() !== 'probing'
    const names = [...health]
      .filter(isUp)
      .map(([name]) => name)
      .join('\n')
    for (const [name, one] of health) {
      if (one.isUp()) done.delete(name)
      else if (one.isProbed() || one.lastedMs() >= patienceMs) {
        const last = done.get(name)
        if (last?.ups === names && steady() < last.nextAt) continue
        if (moving !== undefined) return
        const waitMs = last?.ups === names ? Math.min(last.waitMs * 2, longestMs) : againMs
        done.set(name, { ups: names, waitMs, nextAt: steady() + waitMs })
        moving = leave(name)
          .catch((error: unknown) => {
            done.delete(name)
            log.warn({ err: error, carrier: name }, 'cannot move the messages of a carrier that is down')
          })
          .finally(() => (moving = undefined))
      }
    }
  }

  async function leave(lane: string): Promise<void> {
    let moved = 0
    let cursor: string | undefined
    do {
      const filter = { lane, state: 'queued', limit: page, ...(cursor !== undefined && { cursor }) }
      const { items, next } = await work.list(messageQueue, filter)
      const written = await Promise.all(items.map(item => move(item, lane)))
      moved += written.filter(Boolean).length
      cursor = next ?? undefined
    } while (cursor !== undefined && !stopping.signal.aborted && !health.get(lane)!.isUp())
    if (moved > 0)
      log.warn({ messages: moved, carrier: lane }, 'messages of a carrier that is down were moved or have expired')
  }

  async function move(item: WorkItem, lane: string): Promise<boolean> {
    // Claimed: it is under way, or about to be settled.
    if (item.owner !== null) return false
    const now = clock()
    const body = readBody(item)
    const step = body.expiresAt <= now ? expired(body, lane, now) : evacuated(body, lane, now, rules)
    if (step === undefined) return false
    const moved = await work.settle(messageQueue, item.id, toChange(step, now, parts), { version: item.version })
    if (moved) parts.onStored(item, step)
    return moved
  }

  return {
    start() {
      timer = setInterval(look, everyMs).unref()
    },
    async stop() {
      stopping.abort()
      clearInterval(timer)
      await moving
    },
  }
}
