// A timer that a script set becomes a run of its onTimer when it is due; a late
// one, after the engine was away, at once.

import type { Log } from '../log.ts'
import { doneTimer, timerQueue, type Timer, type Timers } from '../primitives/schedule.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Storage } from '../storage/storage.ts'
import { createDueRuns, type DueRuns } from './due-runs.ts'
import { createWorkSource } from './work-source.ts'

export interface TimerParts {
  storage: Storage
  sandbox: () => Sandbox
  /** Runs of one script at once. */
  atOnce: number
  engine: string
  clock: () => number
  log: Log
}

export type TimerTrigger = Timers & DueRuns

export function createTimerTrigger({ storage, sandbox, atOnce, engine, clock, log }: TimerParts): TimerTrigger {
  const source = createWorkSource({
    storage,
    queue: timerQueue,
    lane: '',
    engine,
    clock,
    read({ body }) {
      const { id, script, action, data } = JSON.parse(body) as Timer
      return { key: `timer:${id}`, script, action: 'onTimer', trigger: 'timer', request: { id, action, data } }
    },
    // A run that lost the reply to its call would set the same one again.
    keep: () => (storage.shared ? doneTimer(clock()) : undefined),
  })
  return createDueRuns({ what: 'timer', source, sandbox, atOnce, shared: storage.shared, clock, log })
}
