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
import { createScriptIsolate, type Enter, type Script, type ScriptIsolate, type World } from './child-isolate.ts'
import { countSegments } from '../outbox/segments.ts'
import { isStatement } from './statement-shape.ts'
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
      const [, isolate, hash, memoryMb, world] = fields(text, 5) as [string, string, string, string, World]
      flush()
      places.set(isolate, createScriptIsolate(scripts.get(hash)!, Number(memoryMb), world, { ...setup, emit, ask }))
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
  if (place === undefined) return say(line('lost', turn, 'gone', 0, isolate, '""'))
  if (performance.now() - lastFlush > slowMs) flush()
  const { lost, cpuUs } = enter(isolate, place, entry, limitMs)
  say(
    lost === undefined
      ? `done\t${turn}\t${cpuUs}\t[${statements.join(',')}]\n`
      : line('lost', turn, lost, cpuUs, isolate, JSON.stringify(stoppedAt)),
  )
  if (lost === undefined && ++place.turns % heapEveryTurns === 1) {
    say(line('heap', isolate, place.isolate.getHeapStatisticsSync().used_heap_size))
  }
}

// One synchronous entry, and one more for each lot of guesses. Whatever comes
// out of it as an exception is judged by what is known here, time and disposal, never by the exception's own words:
// those may be the script's.
function enter(
  isolate: string,
  place: ScriptIsolate,
  entry: Parameters<Enter>,
  limitMs: number,
): { lost?: LossReason; cpuUs: number } {
  statements = []
  statementChars = 0
  doubted = place.world === 'run'
  const began = performance.now()
  let lost: LossReason | undefined
  stoppedAt = ''
  let from = 0
  function enterOnce(values: Parameters<Enter>, timeout: number): void {
    from = statements.length
    try {
      place.enter.applySync(undefined, values, { timeout })
    } catch (error) {
      lost = place.isolate.isDisposed ? 'memory' : performance.now() - began >= limitMs ? 'timeout' : undefined
      if (lost === 'timeout') stoppedAt = stackOf(error)
      if (lost !== undefined || statements.length > maxStatements) return
      // Before the others: one of them may end the run.
      statements.splice(from, 0, JSON.stringify(['log', 'warn', `unhandled rejection: ${asText(error)}`]))
    }
  }
  enterOnce(entry, limitMs)
  const [run, now, guesses] = entry
  const hasCalled = (): boolean => statements.some((text, at) => at >= from && text.startsWith('["call"'))
  // What it takes for granted it is told when it has nothing else to do, all of it within the time of one turn.
  if (guesses > 0) {
    while (lost === undefined && hasCalled()) {
      enterOnce([run, now, 0, '{"guessed":true}'], Math.max(1, Math.ceil(limitMs - (performance.now() - began))))
    }
  }
  const cpuUs = cpuSince(began)
  if (lost !== undefined) lose(isolate)
  return { lost, cpuUs }
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

// A turn that talks without end breaks a limit; its time limit stops the rest.
const maxStatements = 1_000
const maxStatementChars = 8_000_000
let statementChars = 0
// Nothing is frozen for one run: it may have bent what its statements are made with.
let doubted = false
function emit(text: string): void {
  if (statementChars > maxStatementChars) return
  if (doubted && !isSound(text)) {
    statementChars = Infinity
    statements.push('["limit","statements"]')
    return
  }
  statementChars += text.length
  if (statements.length >= maxStatements || statementChars > maxStatementChars) {
    statementChars = Infinity
    // After what it has said: that may stand behind a guess, or be an effect that a turn before would have had.
    statements.push('["limit","output"]')
    return
  }
  statements.push(text)
}

function isSound(text: string): boolean {
  try {
    return isStatement(JSON.parse(text))
  } catch {
    return false
  }
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
    places.set(isolate, createScriptIsolate(script, memoryMb, 'look', { ...setup, emit, ask }))
  } catch (error) {
    const { message, stack } = error as Error
    say(`done\t${turn}\t0\t${JSON.stringify([['fail', { name: 'Error', message, stack }]])}\n`)
    return
  }
  const place = places.get(isolate)!
  statements = []
  statementChars = 0
  doubted = false
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
  if (lost !== undefined) return say(line('lost', turn, lost, 0, isolate, '""'))
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
