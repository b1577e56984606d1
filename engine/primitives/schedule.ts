// Work for later: the script's onTimer runs when it is due, also after a restart.

import { Type } from 'typebox'

import { derivedId } from '../ids.ts'
import type { Storage, WorkChange } from '../storage/storage.ts'
import { Duration, durationMs } from './duration.ts'
import { definePrimitive } from './primitive.ts'

/** What a timer will tell onTimer; the body of its work item. */
export interface Timer {
  id: string
  script: string
  action: string
  data: unknown
  /** The call that took it away. */
  unscheduledBy?: string
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
  async run({ id }, { storage, run, number, clock, hadEffect }) {
    const { work } = storage.ahead
    for (;;) {
      const item = await work.get(timerQueue, id)
      if (item === undefined || item.state === 'done') return false
      const timer = JSON.parse(item.body) as Timer
      if (timer.script !== run.script) return false
      // Where a reply may be lost, what is left says which call took it away: that one is told so again.
      const mine = `${run.id}:${number}`
      if (timer.unscheduledBy !== undefined) {
        if (timer.unscheduledBy === mine) hadEffect()
        return timer.unscheduledBy === mine
      }
      const body = JSON.stringify({ ...timer, data: null, unscheduledBy: mine })
      const isGone = storage.shared
        ? await work.settle(timerQueue, id, { ...doneTimer(clock()), state: 'unscheduled', body }, item)
        : await work.delete(timerQueue, id)
      if (isGone) hadEffect()
      // Over a shared storage somebody may just have claimed it, or put it off.
      if (isGone || !storage.shared) return isGone
    }
  },
})

/** Of a timer that is over, for as long as a run may ask for it once more by replay. */
const doneMs = 3_600_000

export function doneTimer(now: number): WorkChange {
  return { state: 'done', dueAt: null, expiresAt: now + doneMs }
}

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
