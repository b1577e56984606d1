// Work for later: the script's onTimer runs when it is due, also after a restart.

import { Type } from 'typebox'

import { derivedId } from '../ids.ts'
import type { Storage } from '../storage/storage.ts'
import { Duration, durationMs } from './duration.ts'
import { definePrimitive } from './primitive.ts'

/** What a timer will tell onTimer; the body of its work item. */
export interface Timer {
  id: string
  script: string
  action: string
  data: unknown
}

/** The part that waits for due timers; wired in engine.ts. */
export interface Timers {
  /** A timer was stored that is due at this time. */
  wake(dueAt: number): void
}

export const timerQueue = 'timers'

export const schedule = definePrimitive({
  name: 'schedule',
  parameters: ['action', 'data', '...'],
  input: Type.Object({
    action: Type.String({ minLength: 1, maxLength: 128 }),
    data: Type.Optional(Type.Unknown()),
    after: Duration,
  }),
  async run({ action, data = null, after }, { storage, timers, run, number, clock, hadEffect }) {
    // Derived from the call: a replayed call is the same timer.
    const id = derivedId('tmr', `${run.id}:${number}`)
    const dueAt = clock() + durationMs(after)
    const timer: Timer = { id, script: run.script, action, data }
    await scheduleTimer(storage, timer, dueAt)
    timers.wake(dueAt)
    hadEffect()
    return { id }
  },
})

export const unschedule = definePrimitive({
  name: 'unschedule',
  parameters: ['id'],
  input: Type.Object({ id: Type.String({ maxLength: 128 }) }),
  async run({ id }, { storage, run, hadEffect }) {
    const item = await storage.ahead.work.get(timerQueue, id)
    if (item === undefined || (JSON.parse(item.body) as Timer).script !== run.script) return false
    const deleted = await storage.ahead.work.delete(timerQueue, id)
    if (deleted) hadEffect()
    return deleted
  },
})

async function scheduleTimer(storage: Storage, timer: Timer, dueAt: number): Promise<void> {
  await storage.ahead.work.schedule({
    queue: timerQueue,
    id: timer.id,
    lane: '',
    priority: 0,
    dueAt,
    state: 'waiting',
    tags: { script: timer.script },
    body: JSON.stringify(timer),
    expiresAt: null,
  })
}
