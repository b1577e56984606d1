// Messages that wait for a carrier which is down go to another one that is up,
// where their routes name one: a dead carrier costs them a few seconds, not its
// whole absence. New messages do not come into such a lane: accept.ts asks for
// carriers that are up first.

import type { Log } from '../log.ts'
import type { DueWork, WorkItem } from '../storage/storage.ts'
import type { CarrierHealth } from './carrier-health.ts'
import { messageQueue, readBody } from './message.ts'
import { evacuated, toChange, type OutcomeRules, type Step } from './outcome.ts'

/** A connection that was lost and made again is no reason to move: about one attempt's time. */
const patienceMs = 5_000
const everyMs = 1_000
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
  /** For each carrier that is down: which others were up when its lane was last gone through. */
  const done = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  const stopping = new AbortController()
  let moving: Promise<void> | undefined

  function look(): void {
    const names = [...health.keys()].filter(name => health.get(name)!.isUp()).join('\n')
    for (const [name, one] of health) {
      if (one.isUp()) done.delete(name)
      else if (names !== '' && done.get(name) !== names && clock() - one.since() >= patienceMs) {
        if (moving !== undefined) return
        done.set(name, names)
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
    if (moved > 0) log.warn({ messages: moved, carrier: lane }, 'messages of a carrier that is down were moved')
  }

  async function move(item: WorkItem, lane: string): Promise<boolean> {
    // Claimed: it is under way, or about to be settled.
    if (item.owner !== null) return false
    const now = clock()
    const body = readBody(item)
    const step = body.expiresAt <= now ? undefined : evacuated(body, lane, now, rules)
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
