// One event handled by one version of one script.
//
// A run is a pure function of its journal: every turn is written down before it
// is sent, so that a run whose isolate or process died is led to the same place
// in another one. Effects happen here, in the engine, when a call comes out of
// a turn for the first time; in a replayed turn they are only compared.

import { randomBytes } from 'node:crypto'

import type { ErrorCode, Facts } from '../errors.ts'
import type { PrimitiveParts } from '../primitives/primitive.ts'
import { type HostCall, startHostCall } from './host-call.ts'
import { addTurn, createJournal, type Journal, sameCalls } from './journal.ts'
import type { ScriptVersion } from './library.ts'
import type { RunLimits } from './limits.ts'
import type { Place } from './lane.ts'

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

/** A run from its event to its outcome. The pool moves it between processes; nothing else changes it but this file and host-call.ts. */
export interface Run {
  readonly event: RunEvent
  readonly startedAt: number
  readonly limits: RunLimits
  readonly parts: PrimitiveParts
  readonly journal: Journal
  readonly calls: Map<number, HostCall>
  readonly logs: TraceLine[]
  /** Answers that wait for the next turn. */
  deliveries: string[]
  /** A turn is with the sandbox, or about to be. */
  turnOpen: boolean
  messages: number
  hadEffect: boolean
  /** Stored values that it wrote, as they were before it and as it left them, by key. */
  changes: Map<string, { before: string | undefined; after: string | undefined }> | undefined
  cpuUs: number
  /** Length of all that it has said. */
  saidChars: number
  /** The handler has returned or thrown; the answer leaves once no call is open. */
  ending: RunOutcome | undefined
  outcome: RunOutcome | undefined
  endedAt: number | undefined
  /** Where it lives now; undefined means that the journal has to be fed first. */
  place: Place | undefined
  /** Turns sent since it came to its place. */
  sent: number
  /** Changes with every move: what comes from an earlier place is not heard. */
  life: number
  /** How often it had to move without any fault of its own being known. */
  moves: number
  /** It runs in an isolate that it shares with nobody, after one died in its turn. */
  alone: boolean
  /** How many times its usual time a turn may take, after a busy machine gave it too little of the processor. */
  patience: number
  readonly wake: (run: Run) => void
  readonly finish: (run: Run) => void
}

export function createRun(event: RunEvent, wiring: Pick<Run, 'limits' | 'parts' | 'wake' | 'finish'>): Run {
  const run: Run = {
    ...wiring,
    event,
    startedAt: wiring.parts.clock(),
    journal: createJournal(),
    calls: new Map(),
    logs: [],
    deliveries: [],
    turnOpen: false,
    messages: 0,
    hadEffect: false,
    changes: undefined,
    cpuUs: 0,
    saidChars: 0,
    ending: undefined,
    outcome: undefined,
    endedAt: undefined,
    place: undefined,
    sent: 0,
    life: 0,
    moves: 0,
    alone: false,
    patience: 1,
  }
  const { action, request, call, language } = event
  addTurn(run.journal, run.startedAt, JSON.stringify({ start: { seed: newSeed(), action, request, call, language } }))
  run.turnOpen = true
  return run
}

/** Whether the world is another one after the run: its answer is then worth keeping for the same request. */
export function leftEffect(run: Run): boolean {
  if (run.hadEffect) return true
  return [...(run.changes?.values() ?? [])].some(({ before, after }) => before !== after)
}

// 32 bytes a run, drawn in larger pieces: one system call for 128 runs.
let entropy = ''
function newSeed(): string {
  if (entropy.length < 64) entropy = randomBytes(4_096).toString('hex')
  const seed = entropy.slice(0, 64)
  entropy = entropy.slice(64)
  return seed
}

/** Writes the next turn into the journal if there is something to say and nobody is being waited for. */
export function openTurn(run: Run): boolean {
  if (run.turnOpen || run.outcome !== undefined || run.deliveries.length === 0) return false
  addTurn(run.journal, run.parts.clock(), `{"deliver":[${run.deliveries.join(',')}]}`)
  run.deliveries = []
  if (run.journal.bytes > run.limits.journalBytes) {
    failRun(run, 'script_limit', 'the run was told more than its journal may hold', { limit: 'journalBytes' })
    return false
  }
  run.turnOpen = true
  return true
}

type Statement =
  | ['call', number, string, unknown]
  | ['changed', number, 'set' | 'delete' | 'nothing', unknown?]
  | ['log', string, string]
  | ['limit', string]
  | ['end', unknown]
  | ['refuse', { code: string; status: number; facts: Facts }]
  | ['fail', { name: string; message: string; stack: string }]
  | ['settled', string | null]

/** Takes what came out of turn `index`. */
export function takeStatements(run: Run, index: number, text: string, cpuUs: number): void {
  if (run.outcome !== undefined) return
  run.cpuUs += cpuUs
  run.saidChars += text.length
  const turn = run.journal.turns[index]!
  const statements = JSON.parse(text) as Statement[]
  const names = statements.flatMap(statement => (statement[0] === 'call' ? [statement[2]] : []))
  if (turn.calls !== undefined) {
    if (!sameCalls(turn.calls, names)) {
      failRun(
        run,
        'replay_diverged',
        `turn ${index} asked for ${names.join(', ') || 'nothing'} instead of ${turn.calls.join(', ') || 'nothing'}`,
      )
    }
    return
  }
  turn.calls = names
  run.turnOpen = false
  // Characters are counted in the sandbox; where they may be more bytes than that, bytes are counted here.
  if (text.length * 3 > run.limits.valueBytes && statements.some(statement => isTooLarge(statement, run))) {
    return failRun(run, 'script_limit', 'the limit valueBytes was reached', { limit: 'valueBytes' })
  }
  for (const statement of statements) {
    if (run.outcome === undefined) takeStatement(run, statement)
  }
  if (run.deliveries.length > 0) run.wake(run)
}

function isTooLarge(statement: Statement, { limits }: Run): boolean {
  const value = statement[0] === 'call' || statement[0] === 'changed' ? statement[3] : statement[1]
  return Buffer.byteLength(JSON.stringify(value ?? null)) > limits.valueBytes
}

function takeStatement(run: Run, statement: Statement): void {
  switch (statement[0]) {
    case 'call':
      return startHostCall(run, statement[1], statement[2], statement[3])
    case 'changed':
      return run.calls
        .get(statement[1])
        ?.changed?.(statement[2] === 'set' ? { how: 'set', value: statement[3] } : { how: statement[2] })
    case 'log':
      run.logs.push({ at: run.parts.clock(), level: statement[1], text: statement[2] })
      return
    case 'limit':
      return failRun(run, 'script_limit', `the limit ${statement[1]} was reached`, { limit: statement[1] })
    case 'end':
      run.ending = { kind: 'answer', text: JSON.stringify(statement[1]) }
      return
    case 'refuse':
      run.ending = { kind: 'refusal', ...statement[1] }
      return
    case 'fail':
      run.ending = {
        kind: 'failure',
        code: 'script_error',
        ...describe(run, statement[1].stack, statement[1].message),
      }
      return
    case 'settled':
      if (run.ending?.kind !== 'failure' && statement[1] !== null) {
        run.ending = {
          kind: 'failure',
          code: 'script_error',
          ...describe(run, statement[1], 'a call that nobody waited for failed'),
        }
      }
      return endRun(run, run.ending!)
  }
}

function describe(run: Run, stack: string, otherwise: string): { detail: string; place: string } {
  const { positions, name } = run.event.script
  return {
    detail: stack === '' ? otherwise : positions.stack(stack),
    place: positions.first(stack) ?? `an unknown place of ${name}`,
  }
}

/** Ends the run with an error that it cannot catch. Effects that are under way end first: nothing happens behind an answer's back. */
export function failRun(run: Run, code: ErrorCode, detail: string, facts: Facts = {}): void {
  endRun(run, { kind: 'failure', code, detail, facts })
}

function endRun(run: Run, outcome: RunOutcome): void {
  if (run.outcome !== undefined) return
  run.outcome = outcome
  run.turnOpen = false
  run.deliveries = []
  const open = [...run.calls.values()].filter(call => call.endedAt === undefined)
  // A function of storage.update that will never be asked again writes nothing.
  for (const call of open) call.changed?.({ how: 'nothing' })
  const end = (): void => {
    run.endedAt = run.parts.clock()
    run.finish(run)
  }
  if (open.length === 0) return end()
  void Promise.allSettled(open.map(call => call.done)).then(end)
}
