// What is due becomes a run that outlives the engine: a timer, an SMS from a
// phone, a report. It is claimed, run, and only then put away; whoever starts
// after a death claims it again and leads the same run to its end by replay.

import { EngineError } from '../errors.ts'
import { derivedId } from '../ids.ts'
import type { Log } from '../log.ts'
import type { EndedRun, Sandbox } from '../sandbox/sandbox.ts'
import { againMs, createDueLoop } from './due-loop.ts'
import { createPlaces } from './places.ts'

/** One event that waits for its run. */
export interface DueRun {
  /** By which its source knows it, and the log. */
  id: string
  /** What the run's id is derived from: one key is one run, however often it is begun. */
  key: string
  /** Null when no script answers for it. */
  script: string | null
  action: 'onTimer' | 'onSms' | 'onReport'
  trigger: 'timer' | 'sms' | 'report'
  /** What the handler gets; plain JSON. */
  request: unknown
  /** Of its item as it was claimed: who settles it with another one has lost it to somebody else. */
  version?: number
}

/**
 * Where due events come from and how they end. Each of these may reject with
 * storage_unavailable: it has changed nothing then, and is called again.
 */
export interface DueSource {
  /** Takes at most `limit` of those that are due, the eldest first. What it resolves with is durably ours: no other engine gets it, and `free` finds it after a death. */
  claim(limit: number): Promise<DueRun[]>
  /** There is nothing left to do for it; resolves when that is durable. The run's record is dropped only after that. */
  done(due: DueRun): Promise<void>
  /** Gives it back, due again at that time, ms since 1970. */
  later(due: DueRun, dueAt: number): Promise<void>
  /** When the earliest of those that nobody has claimed is due (which may be past), null when none waits. */
  nextDue(): Promise<number | null>
  /** Those that engines which are not `living` had claimed are due again. */
  free(living: readonly string[]): Promise<void>
}

export interface DueRunsParts {
  /** What there is, for the log: `timer`. */
  what: string
  source: DueSource
  sandbox: () => Sandbox
  /** Runs of one script at once. */
  atOnce: number
  /** Other engines have a part in the source. */
  shared: boolean
  clock: () => number
  log: Log
}

export interface DueRuns {
  /** An event was stored that is due at this time. */
  wake(dueAt: number): void
  start(): void
  /** Takes up what engines which are not `living` had begun. */
  takeOver(living: readonly string[]): Promise<void>
  /** Begins nothing more. Runs that the stop cuts off stay claimed, for the next start. */
  stop(): void
}

/** Until somebody has released or changed the script. */
const whenSuspendedMs = 60_000
/** Of a script that has too many runs: doubled with each refusal. */
const longestWhenOverloadedMs = 30_000

export function createDueRuns({ what, source, sandbox, atOnce, shared, clock, log }: DueRunsParts): DueRuns {
  const loop = createDueLoop({
    what,
    claim: limit => source.claim(limit),
    nextDue: () => source.nextDue(),
    handle,
    shared,
    clock,
    log,
  })
  const places = createPlaces(atOnce)
  // How often each was refused; those that were not are not in it.
  const refusals = new Map<string, number>()

  async function handle(due: DueRun): Promise<void> {
    const { id } = due
    let run: EndedRun | undefined
    try {
      run = await (due.script === null ? runOf(due) : places.take(due.script, () => runOf(due)))
      const failure = run?.outcome.kind === 'failure' ? run.outcome.code : undefined
      // Cut off by a stop: it stays ours, and the next start takes it up again.
      if (loop.stopped() && failure !== undefined) return
      if (failure === 'storage_unavailable') throw new EngineError(failure)
    } catch (error) {
      if (loop.stopped()) return
      const dueAt = clock() + pauseMs(due, error as Error)
      await loop.persist(id, () => source.later(due, dueAt))
      return loop.wake(dueAt)
    }
    refusals.delete(id)
    // One after the other: without its record a run that is not put away would begin anew.
    await loop.persist(id, () => source.done(due))
    const ended = run
    if (ended !== undefined) await loop.persist(id, () => sandbox().kept.over(ended))
  }

  /** Undefined when there is no script for it; whatever the script made of it is an outcome. */
  async function runOf({ id, key, script: name, action, trigger, request }: DueRun): Promise<EndedRun | undefined> {
    const { library, kept, run, resume } = sandbox()
    const runId = runIdOf(key)
    const begun = await kept.get(runId)
    if (begun !== undefined) {
      return resume(begun).catch((error: unknown) => {
        if (!(error instanceof EngineError) || error.code !== 'not_found') throw error
        log.error({ id, run: runId, script: name }, `${what}: the version that its run began with is gone`)
        return undefined
      })
    }
    const script = name === null ? undefined : await library.find(name, action)
    if (script === undefined) {
      log.warn({ id, script: name }, `${what} without a script that has ${action}`)
      return undefined
    }
    return run({
      id: runId,
      script,
      action,
      trigger,
      request,
      call: { id: runId, script: script.name, action },
      language: null,
      owner: { kind: trigger },
    })
  }

  function pauseMs({ id, script }: DueRun, error: Error): number {
    const refused = (refusals.get(id) ?? 0) + 1
    refusals.set(id, refused)
    // Once for each: thousands may be waiting for the same script.
    log[refused === 1 ? 'warn' : 'debug']({ id, script, error: error.message }, `${what} is tried again`)
    const code = error instanceof EngineError ? error.code : undefined
    if (code === 'script_suspended') return whenSuspendedMs
    if (code === 'overloaded') return Math.min(againMs * 2 ** (refused - 1), longestWhenOverloadedMs)
    return againMs
  }

  return {
    wake: loop.wake,
    start: () => loop.wake(clock()),
    async takeOver(living) {
      await source.free(living)
      loop.wake(clock())
    },
    stop: loop.stop,
  }
}

/** The id of the run that an event with this key begins. */
export function runIdOf(key: string): string {
  return derivedId('run', key)
}
