// The sandbox process: isolates, and nothing else worth having.
//
// It holds no secret, socket, file or storage (child-process.ts starts it with
// an empty environment under Node's permission model). It enters isolates by
// synchronous turns with a time limit, and only strings cross: see
// guest/main.ts for what is said inside, protocol.ts for what is said here.

import { writeSync } from 'node:fs'

import { createTexts, type Texts } from '../locales.ts'
import { cpuSince, markCpu } from './cpu-meter.ts'
import { parseNumber } from './parse-number.ts'
import { createScriptIsolate, type Enter, type Script, type ScriptIsolate } from './child-isolate.ts'
import { countSegments } from '../outbox/segments.ts'
import { createLineReader, fields, line, type LossReason } from './protocol.ts'

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
let texts: Texts
let statements: string[] = []
const scripts = new Map<string, Script>()
const places = new Map<string, ScriptIsolate>()
let output = ''
let lastFlush = performance.now()

const readLines = createLineReader(handle)
function read(piece: string): void {
  markCpu()
  readLines(piece)
  flush()
}
function say(text: string): void {
  output += text
}

// What is done is told before something slow begins to hide it: what the engine
// has not heard of when this process dies are the suspects.
function flush(): void {
  lastFlush = performance.now()
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
      const [, isolate, hash, memoryMb] = fields(text, 4) as [string, string, string, string]
      flush()
      places.set(isolate, createScriptIsolate(scripts.get(hash)!, Number(memoryMb), true, { ...setup, emit, ask }))
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
      return tellManifest(turn, Number(limitMs), Number(memoryMb), JSON.parse(body) as Script)
    }
    case 'setup':
      setup = JSON.parse(fields(text, 2)[1]!) as Setup
      say(line('ready'))
      return
    case 'texts':
      texts = createTexts(JSON.parse(fields(text, 2)[1]!) as Record<string, object>)
      return
    default:
  }
}

function takeTurn(turn: string, isolate: string, limitMs: number, entry: Parameters<Enter>): void {
  const place = places.get(isolate)
  if (place === undefined) return say(line('lost', turn, 'gone', 0, isolate))
  if (performance.now() - lastFlush > slowMs) flush()
  const { lost, cpuUs } = enter(isolate, place, entry, limitMs)
  say(
    lost === undefined
      ? `done\t${turn}\t${cpuUs}\t[${statements.join(',')}]\n`
      : line('lost', turn, lost, cpuUs, isolate),
  )
  if (lost === undefined && ++place.turns % heapEveryTurns === 0) {
    say(line('heap', isolate, place.isolate.getHeapStatisticsSync().used_heap_size))
  }
}

// One synchronous entry. Whatever comes out of it as an exception is judged by
// what is known here, time and disposal, never by the exception's own words:
// those may be the script's.
function enter(
  isolate: string,
  place: ScriptIsolate,
  entry: Parameters<Enter>,
  limitMs: number,
): { lost?: LossReason; cpuUs: number } {
  statements = []
  statementChars = 0
  const began = performance.now()
  let lost: LossReason | undefined
  try {
    place.enter.applySync(undefined, entry, { timeout: limitMs })
  } catch (error) {
    lost = place.isolate.isDisposed ? 'memory' : performance.now() - began >= limitMs ? 'timeout' : undefined
    // Before the others: one of them may end the run.
    if (lost === undefined) statements.unshift(JSON.stringify(['log', 'warn', `unhandled rejection: ${asText(error)}`]))
  }
  const cpuUs = cpuSince(began)
  if (lost !== undefined) lose(isolate)
  return { lost, cpuUs }
}

function asText(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500)
}

function lose(isolate: string): void {
  const place = places.get(isolate)
  places.delete(isolate)
  if (place !== undefined && !place.isolate.isDisposed) place.isolate.dispose()
}

// A turn that talks without end breaks a limit; its time limit stops the rest.
const maxStatements = 1_000
const maxStatementChars = 8_000_000
let statementChars = 0
function emit(text: string): void {
  if (statementChars > maxStatementChars) return
  statementChars += text.length
  if (statements.length >= maxStatements || statementChars > maxStatementChars) {
    statementChars = Infinity
    statements = ['["limit","output"]']
    return
  }
  statements.push(text)
}

function ask(question: string, argument: string): string {
  try {
    const values = JSON.parse(argument) as [unknown, unknown, unknown]
    if (question === 't') return JSON.stringify(texts.t(values[0], values[1], values[2]))
    if (question === 'segments') return JSON.stringify(segmentsOf(values[0]))
    if (question === 'language') return JSON.stringify(texts.language(values[0], values[1]))
    return JSON.stringify(parseNumber(values[0], values[1], setup.testNumbers))
  } catch {
    return 'null'
  }
}

function segmentsOf(text: unknown): { segments: number; encoding: string } {
  const { segments, encoding } = countSegments(String(text))
  return { segments, encoding }
}

// A look at what a script exports, in an isolate of its own that goes at once.
function tellManifest(turn: string, limitMs: number, memoryMb: number, script: Script): void {
  flush()
  const isolate = `manifest-${turn}`
  try {
    places.set(isolate, createScriptIsolate(script, memoryMb, false, { ...setup, emit, ask }))
  } catch (error) {
    const { message, stack } = error as Error
    say(`done\t${turn}\t0\t${JSON.stringify([['fail', { name: 'Error', message, stack }]])}\n`)
    return
  }
  const place = places.get(isolate)!
  statements = []
  let failure: unknown
  const began = performance.now()
  try {
    place.enter.applySync(undefined, ['manifest', Date.now(), 0, '{"manifest":true}'], { timeout: limitMs })
  } catch (error) {
    failure = error
  }
  const lost: LossReason | undefined = place.isolate.isDisposed
    ? 'memory'
    : performance.now() - began >= limitMs
      ? 'timeout'
      : undefined
  lose(isolate)
  if (lost !== undefined) return say(line('lost', turn, lost, 0, isolate))
  if (failure !== undefined) {
    const { name, message, stack } = failure as Error
    statements = [
      JSON.stringify(['fail', { name, message: message.slice(0, 1_000), stack: (stack ?? '').slice(0, 4_000) }]),
    ]
  }
  say(`done\t${turn}\t0\t[${statements.join(',')}]\n`)
}

// Last, when everything above is there: what has come already may be a turn.
for (let piece: string | undefined = received; piece !== undefined; piece = next()) read(piece)
// The engine is gone: so is all that was asked of us.
process.exit(0)
