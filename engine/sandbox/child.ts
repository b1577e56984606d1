// The sandbox process: isolates, and nothing else worth having.
//
// It holds no secret, socket, file or storage (child-process.ts starts it with
// an empty environment under Node's permission model). It enters isolates by
// synchronous turns with a time limit, and only strings cross: see
// guest/main.ts for what is said inside, protocol.ts for what is said here.

import { writeSync } from 'node:fs'

import { createTexts, type Texts } from '../locales.ts'
import { answerGuest } from './child-answers.ts'
import { makeCodeCache, readCodeCache } from './child-code-cache.ts'
import {
  createScriptIsolate,
  type CodeCache,
  type Enter,
  type Script,
  type ScriptIsolate,
  type World,
} from './child-isolate.ts'
import { lookAtScript } from './child-manifest.ts'
import { createTurnStatements } from './child-statements.ts'
import { cpuSince, markCpu } from './cpu-meter.ts'
import { createLineReader, fields, line, mostUntold, type LossReason } from './protocol.ts'

interface Setup {
  guest: string
  ses: string
  settings: string
  testNumbers: Record<string, string>
}

/** What came through the pipe behind this code, and what comes next, waiting for it (child-entry.cjs). */
declare const received: string
declare const next: () => string | undefined

// Both processes work at the same time only when neither waits for the whole of what the other has to say.
const slowMs = 1
const heapEveryTurns = 128

let setup: Setup
let codeCache: CodeCache | undefined
let texts: Texts
const scripts = new Map<string, Script>()
const places = new Map<string, ScriptIsolate>()
const said = createTurnStatements()
let output = ''
let lastFlush = performance.now()
let untold = 0

const readLines = createLineReader(handle)
function read(piece: string): void {
  markCpu()
  readLines(piece)
  flush()
}
function say(text: string): void {
  output += text
}
function ask(question: string, argument: string): string {
  return answerGuest(question, argument, texts, setup.testNumbers)
}

// What is done is told before something slow begins to hide it: what the engine
// has not heard of when this process dies are the suspects.
function flush(): void {
  lastFlush = performance.now()
  untold = 0
  if (output === '') return
  // Straight to the pipe: a stream would cost more than the turn that it tells of.
  writeSync(1, output)
  output = ''
}

function handle(text: string): void {
  const kind = text.slice(0, text.indexOf('\t'))
  switch (kind) {
    case 'turn': {
      const [, turn, isolate, run, limitMs, now, guesses, body] = fields(text, 8) as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ]
      return takeTurn(turn, isolate, Number(limitMs), [run, Number(now), Number(guesses), body])
    }
    case 'forget': {
      const [, isolate, run] = fields(text, 3) as [string, string, string]
      const place = places.get(isolate)
      if (place !== undefined) enter(isolate, place, [run, 0, 0, '{"forget":true}'], 50)
      return
    }
    case 'isolate': {
      const [, isolate, hash, memoryMb, world] = fields(text, 5) as [string, string, string, string, World]
      flush()
      const parts = { ...setup, codeCache, emit: said.emit, ask }
      places.set(isolate, createScriptIsolate(scripts.get(hash)!, Number(memoryMb), world, parts))
      say(line('alive'))
      flush()
      return
    }
    case 'drop': {
      const [, isolate] = fields(text, 2) as [string, string]
      return lose(isolate)
    }
    case 'script': {
      const [, hash, body] = fields(text, 3) as [string, string, string]
      scripts.set(hash, JSON.parse(body) as Script)
      return
    }
    case 'manifest': {
      const [, turn, limitMs, memoryMb, body] = fields(text, 5) as [string, string, string, string, string]
      const script = JSON.parse(body) as Script
      flush()
      const look = { turn, limitMs: Number(limitMs), memoryMb: Number(memoryMb) }
      return say(lookAtScript(script, look, { ...setup, codeCache, emit: said.emit, ask }, said))
    }
    case 'setup':
      setup = JSON.parse(fields(text, 2)[1]!) as Setup
      say(line('ready'))
      return
    case 'makeCache':
      return say(line('cache', makeCodeCache(setup) ?? ''))
    case 'cache':
      codeCache = readCodeCache(fields(text, 2)[1]!)
      return
    case 'texts':
      texts = createTexts(JSON.parse(fields(text, 2)[1]!) as Record<string, object>)
      return
    default:
  }
}

function takeTurn(turn: string, isolate: string, limitMs: number, entry: Parameters<Enter>): void {
  if (untold >= mostUntold || performance.now() - lastFlush > slowMs) flush()
  untold++
  const place = places.get(isolate)
  if (place === undefined) return say(line('lost', turn, 'gone', 0, isolate, '""'))
  const { lost, cpuUs } = enter(isolate, place, entry, limitMs)
  say(
    lost === undefined
      ? `done\t${turn}\t${cpuUs}\t${said.list()}\n`
      : line('lost', turn, lost, cpuUs, isolate, JSON.stringify(stoppedAt)),
  )
  if (lost === undefined && ++place.turns % heapEveryTurns === 1) {
    say(line('heap', isolate, place.isolate.getHeapStatisticsSync().used_heap_size))
  }
}

// One synchronous entry, and one more for each lot of guesses.
function enter(
  isolate: string,
  place: ScriptIsolate,
  entry: Parameters<Enter>,
  limitMs: number,
): { lost?: LossReason; cpuUs: number } {
  said.beginTurn(place.world === 'run')
  stoppedAt = ''
  const began = performance.now()
  const endsAt = began + limitMs
  let lost = enterOnce(place, entry, limitMs, endsAt)
  const [run, now, guesses] = entry
  // What it takes for granted it is told when it has nothing else to do, all of it within the time of one turn.
  if (guesses > 0) {
    while (lost === undefined && said.hasCalled()) {
      const leftMs = Math.max(1, Math.ceil(endsAt - performance.now()))
      lost = enterOnce(place, [run, now, 0, '{"guessed":true}'], leftMs, endsAt)
    }
  }
  const cpuUs = cpuSince(began)
  if (lost !== undefined) lose(isolate)
  return { lost, cpuUs }
}

// Whatever comes out of an entry as an exception is judged by what is known
// here, time and disposal, never by the exception's own words: those may be the
// script's.
function enterOnce(
  place: ScriptIsolate,
  values: Parameters<Enter>,
  timeout: number,
  endsAt: number,
): LossReason | undefined {
  said.beginEntry()
  try {
    place.enter.applySync(undefined, values, { timeout })
  } catch (error) {
    if (place.isolate.isDisposed) return 'memory'
    if (performance.now() >= endsAt) {
      stoppedAt = stackOf(error)
      return 'timeout'
    }
    // Before the others: one of them may end the run.
    said.putFirst(JSON.stringify(['log', 'warn', `unhandled rejection: ${asText(error)}`]))
  }
  return undefined
}

/** Where the guest was when it was stopped: the addon looks, the engine tells the script's own frames from others. */
let stoppedAt = ''
function stackOf(error: unknown): string {
  return error instanceof Error && typeof error.stack === 'string' ? error.stack.slice(0, 4_000) : ''
}

function asText(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500)
}

function lose(isolate: string): void {
  const place = places.get(isolate)
  places.delete(isolate)
  if (place !== undefined && !place.isolate.isDisposed) place.isolate.dispose()
}

// Last, when everything above is there: what has come already may be a turn.
for (let piece: string | undefined = received; piece !== undefined; piece = next()) read(piece)
// The engine is gone: so is all that was asked of us.
process.exit(0)
