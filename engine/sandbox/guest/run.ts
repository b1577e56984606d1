// The run that the isolate works for right now, and what it says to the engine.
//
// An entry into the isolate serves one run only, and its microtasks drain before
// the next entry, so "the current run" is certain for every line of a script.

import { createStream, seedKey, type Stream } from './chacha.ts'
import type { Delivery } from './host-call.ts'

/** Captured before any script runs; a script cannot take their place. */
export const { stringify, parse } = JSON

export interface GuestRun {
  readonly id: string
  /** Host calls so far; the number of a call is its place in the run. */
  calls: number
  /** How many answers may still be guessed; 0 from the first call on whose answer cannot be. */
  guesses: number
  /** Answers taken for granted that it has not been told yet. */
  guessed: Delivery[]
  /** Those of them that were messages. */
  messages: number
  logLines: number
  /** Calls without an answer yet. */
  readonly pending: Map<number, PendingCall>
  /** Calls that failed; the run's answer is lost when nobody has dealt with one of them. */
  readonly failed: PendingCall[]
  ended: boolean
  over: boolean
  /** The function of a storage.update is at work. */
  changing: boolean
  /** Made at first use. */
  readonly random: () => Stream
  readonly codes: () => Stream
  readonly language: string | null
}

export interface PendingCall {
  resolve(value: unknown): void
  reject(error: unknown): void
  /** The place in the script that made the call; its stack becomes that of a failure. */
  site: Error
  handled: boolean
  /** Of storage.update: the function that makes the new value. */
  change?: (value: unknown) => unknown
}

export interface GuestLimits {
  hostCalls: number
  valueBytes: number
  logLines: number
  logLength: number
  askCalls: number
}

export const limits: GuestLimits = {
  hostCalls: 50,
  valueBytes: 65_536,
  logLines: 200,
  logLength: 2_000,
  askCalls: 1_000,
}

/** Asks the child: texts, numbers, segments; strings in and out. */
export type Ask = (question: string, argument: string) => string

let emitText: (text: string) => void = () => {}
/** The child's answers, for what is no call of the script's own. */
export let askChild: Ask = () => 'null'
/** Begun and not over. */
export const runs = new Map<string, GuestRun>()
let active: GuestRun | undefined
let clock = 0

export function connect(emit: (text: string) => void, ask: Ask): void {
  emitText = emit
  askChild = ask
}

export function createRun(id: string, seed: string, language: string | null, guesses: number): GuestRun {
  return {
    id,
    calls: 0,
    guesses,
    guessed: [],
    messages: 0,
    logLines: 0,
    pending: new Map(),
    failed: [],
    ended: false,
    over: false,
    changing: false,
    random: lazyStream(seed, 1),
    codes: lazyStream(seed, 2),
    language,
  }
}

function lazyStream(seed: string, nonce: number): () => Stream {
  let stream: Stream | undefined
  return () => (stream ??= createStream(seedKey(seed), nonce))
}

/** Whose turn it is from here on, and what time it is in it. */
export function enterRun(run: GuestRun, now: number): void {
  active = run
  clock = now
}

/** The run of this turn; there is always one while a script's code runs. */
export function currentRun(): GuestRun {
  return active!
}

export function now(): number {
  return clock
}

/** One statement to the engine: JSON text of an array whose first element says what it is. */
export function emit(statement: string): void {
  emitText(statement)
}

/** Breaking a limit ends the run at once, and no script can catch that: nothing it says afterwards counts. */
export function breakLimit(run: GuestRun, limit: string): void {
  if (run.over) return
  run.over = true
  emitText(`["limit",${stringify(limit)}]`)
}

// The answer leaves when no call is open any more; a call that failed and that
// nobody waited for takes the answer's place.
export function settle(run: GuestRun): void {
  if (run.pending.size > 0) return
  const failed = run.failed.find(call => !call.handled)
  emit(`["settled",${stringify(failed?.site.stack ?? null)}]`)
  runs.delete(run.id)
}
