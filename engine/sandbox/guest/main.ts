// The first code inside an isolate: builds the world, then serves turns.
//
// The child calls `install` once and `enter` for every turn, and once more for
// what a run takes for granted when it has done all else. A turn is one
// synchronous entry for one run; everything the run says in it goes out as
// statements through `emit`, because the run's microtasks drain only after
// `enter` has returned.
//
//   statement = ["call", number, name, input] | ["changed", number, how, value?]
//             | ["guess", number, "change" | "kept" | "ok", value?] (guess.ts)
//             | ["log", level, text] | ["limit", which]
//             | ["end", value] | ["refuse", {code, status, facts}] | ["fail", {name, message, stack}]
//             | ["settled", stack of an unhandled failure | null] | ["manifest", {exports, fields, warnings}]

import { failureStatement } from './failure.ts'
import { createGlobals, type GuestSettings } from './globals.ts'
import { deliver, deliverGuesses, type Delivery } from './host-call.ts'
import { freshWorld, hardenWorld, plainWorld } from './intrinsics.ts'
import {
  breakLimit,
  connect,
  createRun,
  emit,
  enterRun,
  limits,
  parse,
  runs,
  settle,
  stringify,
  type Ask,
  type GuestRun,
} from './run.ts'

/** The bundle of a script: fills `module.exports`. */
type Factory = (module: { exports: Record<string, unknown> }, exports: Record<string, unknown>) => void

interface Start {
  start: { seed: string; action: string; request: unknown; call: unknown; language: string | null }
}
interface Deliveries {
  deliver: Delivery[]
}

type Turn = Start | Deliveries | { guessed: true } | { manifest: true } | { forget: true }

/** For many runs, for one, or for one short look at what a script exports. */
const worlds = { shared: hardenWorld, run: freshWorld, look: plainWorld }

let factory: Factory

export function install(
  emitText: (text: string) => void,
  ask: Ask,
  settingsText: string,
  script: Factory,
  world: keyof typeof worlds,
): typeof enter {
  connect(emitText, ask)
  factory = script
  const settings = parse(settingsText) as GuestSettings
  Object.assign(limits, settings.limits)
  worlds[world](createGlobals(settings, ask))
  return enter
}

function enter(runId: string, now: number, guesses: number, turnText: string): void {
  const turn = parse(turnText) as Turn
  if ('start' in turn) return begin(runId, now, guesses, turn.start)
  if ('manifest' in turn) return tellManifest(runId, now)
  if ('forget' in turn) return void runs.delete(runId)
  const run = runs.get(runId)
  if (run === undefined) return
  enterRun(run, now)
  if ('guessed' in turn) deliverGuesses(run)
  else for (const delivery of turn.deliver) deliver(run, delivery)
  if (run.ended) settle(run)
}

function begin(
  runId: string,
  now: number,
  guesses: number,
  { seed, action, request, call, language }: Start['start'],
): void {
  const run = createRun(runId, seed, language, guesses)
  runs.set(runId, run)
  enterRun(run, now)
  void drive(run, action, request, call)
}

// The module is made anew for every run, so that its top-level state is the run's own.
function instantiate(): Record<string, unknown> {
  const module = { exports: {} as Record<string, unknown> }
  factory(module, module.exports)
  return module.exports
}

async function drive(run: GuestRun, action: string, request: unknown, call: unknown): Promise<void> {
  let last: string
  try {
    const handler = instantiate()[action] as (request: unknown, call: unknown) => unknown
    const value = await handler(request, call)
    const text = value === undefined ? 'null' : stringify(value, onlyJson)
    if (text.length > limits.valueBytes) return breakLimit(run, 'valueBytes')
    last = `["end",${text}]`
  } catch (thrown) {
    last = failureStatement(thrown)
  }
  if (run.over) return
  run.ended = true
  emit(last)
  settle(run)
}

function onlyJson(_key: string, value: unknown): unknown {
  const type = typeof value
  if (type === 'function' || type === 'symbol' || (type === 'number' && !Number.isFinite(value))) {
    throw new TypeError(`the answer holds a ${type} that JSON cannot hold`)
  }
  return value
}

// Read once, when the script is loaded. Top-level code may call primitives; here they come to nothing.
function tellManifest(runId: string, now: number): void {
  const reader = createRun(runId, '0'.repeat(64), null, 0)
  reader.over = true
  enterRun(reader, now)
  const exported = instantiate()
  const names: string[] = []
  for (const name of Object.keys(exported)) if (typeof exported[name] === 'function') names.push(name)
  emit(
    `["manifest",${stringify({ exports: names, fields: exported.fields ?? null, warnings: exported.warnings ?? null })}]`,
  )
}
