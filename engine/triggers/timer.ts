// A timer that a script set becomes a run of its onTimer when it is due; a late
// one, after the engine was away, at once.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'
import { derivedId } from '../ids.ts'
import type { Log } from '../log.ts'
import { timerQueue, type Timer, type Timers } from '../primitives/schedule.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Storage, WorkItem } from '../storage/storage.ts'

export interface TimerParts {
  storage: Storage
  sandbox: () => Sandbox
  engine: string
  clock: () => number
  log: Log
}

export interface TimerTrigger extends Timers {
  start(): Promise<void>
  stop(): void
}

const claimAtOnce = 50
const againMs = 1_000
/** Until somebody has released or changed the script. */
const whenSuspendedMs = 60_000
/** setTimeout's own limit is 24 days; a look now and then costs nothing. */
const longestSleepMs = 3_600_000

export function createTimerTrigger({ storage, sandbox, engine, clock, log }: TimerParts): TimerTrigger {
  let timer: NodeJS.Timeout | undefined
  let wakeAt = Infinity
  let busy = false
  // A timer went off while the ones before were still being claimed.
  let missed = false
  let stopped = false

  function wake(dueAt: number): void {
    if (stopped || dueAt >= wakeAt) return
    wakeAt = dueAt
    clearTimeout(timer)
    timer = setTimeout(() => void work(), Math.min(Math.max(0, dueAt - clock()), longestSleepMs)).unref()
  }

  async function work(): Promise<void> {
    wakeAt = Infinity
    missed = busy
    if (busy || stopped) return
    busy = true
    try {
      let next: number | null
      do {
        missed = false
        for (let more = true; more;) {
          const due = await storage.work.claim(timerQueue, '', { owner: engine, now: clock(), limit: claimAtOnce })
          for (const item of due) void fire(item)
          more = due.length === claimAtOnce && !stopped
        }
        next = await storage.work.nextDue(timerQueue, '')
      } while (missed)
      if (next !== null) wake(next)
    } catch (error) {
      log.error({ error: (error as Error).message }, 'timers could not be read')
      wake(clock() + againMs)
    } finally {
      busy = false
    }
  }

  async function fire(item: WorkItem): Promise<void> {
    const { id, script: name, action, data } = JSON.parse(item.body) as Timer
    const { library, kept } = sandbox()
    const script = library.get(name)
    // One timer, one run id: fired again after a crash it goes on where it was.
    const runId = derivedId('run', `timer:${id}`)
    let forget: () => Promise<void> = async () => {}
    try {
      const begun = await kept.get(runId)
      if (begun === undefined && (script === undefined || !script.exports.has('onTimer'))) {
        log.warn({ timer: id, script: name }, 'timer without a script that has onTimer')
      } else {
        const run = await (begun === undefined
          ? sandbox().run({
              id: runId,
              script: script!,
              action: 'onTimer',
              trigger: 'timer',
              request: { id, action, data },
              call: { id: runId, script: name, action: 'onTimer' },
              language: null,
              owner: { kind: 'timer' },
            })
          : sandbox().resume(begun))
        const { outcome } = run
        forget = () => kept.forget(run)
        // Cut off by a stop: it stays ours, and the next start takes it up again.
        if (stopped && outcome.kind === 'failure') return
        if (outcome.kind === 'failure' && outcome.code === 'storage_unavailable') throw new EngineError(outcome.code)
      }
    } catch (error) {
      if (stopped) return
      log.warn({ timer: id, script: name, error: (error as Error).message }, 'timer is tried again')
      const suspended = error instanceof EngineError && error.code === 'script_suspended'
      const dueAt = clock() + (suspended ? whenSuspendedMs : againMs)
      await keepTrying(id, () => storage.work.settle(timerQueue, id, { dueAt }))
      return wake(dueAt)
    }
    await keepTrying(id, () => Promise.all([storage.work.delete(timerQueue, id), forget()]))
  }

  // Until it is written: one that stayed claimed would wait for the next start, and ring again then.
  async function keepTrying(id: string, write: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await write()
        return
      } catch (error) {
        if (stopped) return
        log.warn({ timer: id, error: (error as Error).message }, 'timer cannot be settled, trying again')
        await wait(againMs, undefined, { ref: false })
      }
    }
  }

  return {
    wake,
    async start() {
      for (const item of await storage.work.orphans(timerQueue, engine, 10_000)) {
        await storage.work.settle(timerQueue, item.id, { dueAt: item.dueAt ?? clock() })
      }
      await work()
    },
    stop() {
      stopped = true
      missed = false
      clearTimeout(timer)
    },
  }
}
