// One event handled by one version of one script.
//
// A run is a pure function of its journal: every turn is written down before it
// is sent, so that a run whose isolate or process died is led to the same place
// in another one. Effects happen here, in the engine, when a call comes out of
// a turn for the first time; in a replayed turn they are only compared.

import type { ErrorCode, Facts } from '../errors.ts'
import type { PrimitiveParts } from '../primitives/primitive.ts'
import type { HostCall } from './host-call.ts'
import { addTurn, type Journal } from './journal.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { RunLimits } from './limits.ts'
import type { RunOwner } from './run-record.ts'
import type { Place } from './lane.ts'
import type { Untaken } from './statements.ts'

/** An answer of the engine to call `number`, as JSON that guest/host-call.ts reads. */
export interface Delivery {
  number: number
  text: string
}

/** What happened, and which handler it is for. */
export interface RunEvent {
  id: string
  script: ScriptVersion
  action: string
  trigger: 'http' | 'sms' | 'report' | 'timer'
  request: unknown
  call: unknown
  /** The language that `t` speaks when the script names none. */
  language: string | null
  /** Of a run that outlives the engine (kept-runs.ts): who takes care of its outcome. */
  owner?: RunOwner
}

export type RunOutcome =
  | { kind: 'answer'; text: string }
  | { kind: 'refusal'; code: string; status: number; facts: Facts }
  /** `detail` is for the trace only where the script had a hand in it: then `place` is what the log may tell. */
  | { kind: 'failure'; code: ErrorCode; detail: string; place?: string; facts?: Facts }

export interface TraceLine {
  at: number
  level: string
  text: string
}

/** A run from its event to its outcome. The pool moves it between processes; nothing else changes it but this file, statements.ts and host-call.ts. */
export interface Run {
  readonly event: RunEvent
  readonly startedAt: number
  readonly limits: RunLimits
  readonly parts: PrimitiveParts
  readonly journal: Journal
  readonly calls: Map<number, HostCall>
  readonly logs: TraceLine[]
  /** Answers that wait for the next turn. */
  deliveries: Delivery[]
  /** A turn is with the sandbox, or about to be. */
  turnOpen: boolean
  /** What came out of the last turn and waits for a guess in it to hold. */
  untaken: Untaken | undefined
  messages: number
  hadEffect: boolean
  /** The lot of work ahead of the disk (StorageAhead) that holds its first effect. */
  effectIn: number | undefined
  /** Stored values that it wrote, as they were before it and as it left them, by key. */
  changes: Map<string, { before: string | undefined; after: string | undefined }> | undefined
  cpuUs: number
  /** Heap of the isolate that it lived in, as that told last. */
  heapBytes: number | undefined
  /** Length of all that it has said, and was answered. */
  saidChars: number
  /** The handler has returned or thrown; the answer leaves once no call is open. */
  ending: RunOutcome | undefined
  outcome: RunOutcome | undefined
  endedAt: number | undefined
  /** Where it lives now; undefined means that the journal has to be fed first. */
  place: Place | undefined
  /** What it did, or was told, is lost. */
  lost: boolean
  /** Turns sent since it came to its place. */
  sent: number
  /** Changes with every move: what comes from an earlier place is not heard. */
  life: number
  /** How often its first turn was taken again for a wrong guess: those moves are no replays. */
  repeats: number
  /** How often it had to move without any fault of its own being known. */
  moves: number
  /** It runs in an isolate that it shares with nobody, after one died in its turn. */
  alone: boolean
  /** It lives in the slow lane, after a turn of it took too long or too much in the fast one. */
  slow: boolean
  /** How many times its usual time a turn may take, after a busy machine gave it too little of the processor. */
  patience: number
  /** It was begun by an engine that has died: what its turns say is taken in once more, but for what is known. */
  restored: boolean
  /** Its record (kept-runs.ts) has been written. */
  recorded: boolean
  /** Ids of messages that were given out before it was restored, by call. */
  reserved: Map<number, number> | undefined
  /** A call was answered. */
  readonly note: (run: Run) => void
  /** Before anything is done for it, where that is kept apart from its record. */
  readonly before: (run: Run) => Promise<void> | undefined
  /** There is something to tell it. */
  readonly wake: (run: Run) => void
  /** Its last turn is to be taken once more, from its beginning on. */
  readonly repeat: (run: Run) => void
  readonly finish: (run: Run) => void
}

export type RunWiring = Pick<Run, 'limits' | 'parts' | 'note' | 'before' | 'wake' | 'repeat' | 'finish'>

/** Whether the world is another one after the run: its answer is then worth keeping for the same request. */
export function leftEffect(run: Run): boolean {
  if (run.hadEffect) return true
  return [...(run.changes?.values() ?? [])].some(({ before, after }) => before !== after)
}

/** Writes the next turn into the journal if there is something to say and nobody is being waited for. */
export function openTurn(run: Run): boolean {
  if (run.turnOpen || run.untaken !== undefined || run.outcome !== undefined || run.deliveries.length === 0)
    return false
  addTurn(run.journal, run.parts.clock(), `{"deliver":[${run.deliveries.map(({ text }) => text).join(',')}]}`)
  run.deliveries = []
  if (run.journal.bytes > run.limits.journalBytes) {
    failRun(run, 'script_limit', 'the run was told more than its journal may hold', { limit: 'journalBytes' })
    return false
  }
  run.turnOpen = true
  return true
}

/** Ends the run with an error that it cannot catch; `stack` tells where it was. Effects that are under way end first: nothing happens behind an answer's back. */
export function failRun(run: Run, code: ErrorCode, detail: string, facts: Facts = {}, stack = ''): void {
  const { positions } = run.event.script
  const place = positions.first(stack)
  if (place === undefined) return endRun(run, { kind: 'failure', code, detail, facts })
  endRun(run, { kind: 'failure', code, detail: `${detail}\n${positions.stack(stack)}`, place, facts })
}

export function endRun(run: Run, outcome: RunOutcome): void {
  if (run.outcome !== undefined) return
  run.outcome = outcome
  run.turnOpen = false
  run.untaken = undefined
  run.deliveries = []
  if (run.calls.size === 0) return keepAndFinish(run)
  const open = [...run.calls.values()].filter(call => call.endedAt === undefined)
  // A function of storage.update that will never be asked again writes nothing.
  for (const call of open) call.changed?.({ how: 'nothing' })
  if (open.length === 0) keepAndFinish(run)
  else void Promise.allSettled(open.map(call => call.done)).then(() => keepAndFinish(run))
}

// Its calls were answered ahead of the disk. The outcome leaves when all that it
// tells of, and all that it was told, is durable.
function keepAndFinish(run: Run): void {
  const finish = (): void => {
    run.endedAt = run.parts.clock()
    run.finish(run)
  }
  const hasDone = run.calls.size > 0 || run.event.owner !== undefined
  const kept = hasDone ? run.parts.storage.ahead.kept() : undefined
  if (kept === undefined) return finish()
  kept.then(finish, (error: unknown) => {
    run.outcome = lostOutcome(error)
    finish()
  })
}

/** It may have done something, which its record tells of: it was written before. */
export function isRecordedApart({ recorded, parts }: Run): boolean {
  return recorded && !parts.storage.ahead.together
}

/** What the run had written is lost, and perhaps what it had read: nothing that it did counts. */
export function loseRun(run: Run): void {
  // One with a key has that to lose before it has done anything.
  if (run.calls.size === 0 && run.event.owner === undefined) return
  run.lost = true
  // Nothing was kept before, so nothing has come of it: the same request may begin anew.
  if (run.effectIn === run.parts.storage.ahead.lot()) {
    run.hadEffect = false
    run.changes = undefined
  }
  if (run.outcome === undefined) endRun(run, lostOutcome())
  // It had ended, and waits for its calls or for the disk.
  else run.outcome = lostOutcome()
}

function lostOutcome(cause?: unknown): RunOutcome {
  const detail = cause instanceof Error ? `: ${cause.message}` : ''
  return {
    kind: 'failure',
    code: 'storage_unavailable',
    detail: `what the run had stored was lost${detail}`,
    facts: { retryAfter: 1 },
  }
}
