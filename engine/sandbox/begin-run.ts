// How a run begins: anew with its event, or where an engine that has died had
// left it.

import { randomBytes } from 'node:crypto'

import type { HostCall } from './host-call.ts'
import { addTurn, createJournal, type Journal } from './journal.ts'
import type { KeptRun } from './run-record.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { Run, RunEvent, RunWiring } from './run.ts'

/** `guesses`: how many answers it may take for granted. */
export function createRun(event: RunEvent, wiring: RunWiring, guesses: number): Run {
  const run = newRun(event, wiring, createJournal(), new Map())
  const { action, request, call, language } = event
  const start = JSON.stringify({ start: { seed: newSeed(), action, request, call, language } })
  addTurn(run.journal, run.startedAt, start, guesses)
  return run
}

/** The run of an engine that has died, as its record tells; its time begins anew. */
export function restoreRun(kept: KeptRun, script: ScriptVersion, wiring: RunWiring): Run {
  const { turns } = kept
  const bytes = turns.reduce((sum, { text }) => sum + text.length, 0)
  const calls = kept.calls.map(
    call => [call.number, { ...call, input: undefined, done: Promise.resolve(), changed: undefined }] as const,
  )
  const event = { ...kept.event, script, owner: kept.owner }
  const run = newRun(event, wiring, { turns, bytes }, new Map(calls))
  run.deliveries = kept.deliveries
  run.messages = kept.messages
  run.reserved = new Map(kept.reserved)
  run.hadEffect = kept.hadEffect
  run.changes = new Map(kept.changes)
  run.restored = true
  run.recorded = true
  return run
}

/** With a turn that is about to be sent: the last one of `journal`. */
function newRun(event: RunEvent, wiring: RunWiring, journal: Journal, calls: Map<number, HostCall>): Run {
  // Named one by one: V8 makes an object of known shape at once, and this is one for every request.
  return {
    limits: wiring.limits,
    parts: wiring.parts,
    note: wiring.note,
    before: wiring.before,
    wake: wiring.wake,
    repeat: wiring.repeat,
    finish: wiring.finish,
    event,
    startedAt: wiring.parts.clock(),
    journal,
    calls,
    logs: [],
    deliveries: [],
    turnOpen: true,
    untaken: undefined,
    messages: 0,
    hadEffect: false,
    effectIn: undefined,
    lost: false,
    changes: undefined,
    cpuUs: 0,
    heapBytes: undefined,
    saidChars: 0,
    ending: undefined,
    outcome: undefined,
    endedAt: undefined,
    place: undefined,
    sent: 0,
    life: 0,
    repeats: 0,
    moves: 0,
    alone: false,
    slow: false,
    patience: 1,
    restored: false,
    recorded: false,
    reserved: undefined,
  }
}

// 32 bytes a run, drawn in larger pieces: one system call for 128 runs.
let entropy = ''
function newSeed(): string {
  if (entropy.length < 64) entropy = randomBytes(4_096).toString('hex')
  const seed = entropy.slice(0, 64)
  entropy = entropy.slice(64)
  return seed
}
