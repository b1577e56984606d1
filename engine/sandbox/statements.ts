// Takes what came out of a turn: calls are begun, lines are kept, the ending is
// noted.
//
// In its first turn a run may go on with a guess of what the engine will answer
// (guest/guess.ts), and says so. What it says behind a guess counts only once
// the guess has held; where it has not, that is forgotten, and the turn is taken
// again without the guess: the script never notices.

import { learnGuess } from './guesses.ts'
import { startHostCall } from './host-call.ts'
import { sameCalls } from './journal.ts'
import { endRun, failRun, type Run } from './run.ts'
import { readStatements, type Statement } from './statement-shape.ts'

/** The guest stops at 200, and each turn may bring one of the sandbox process itself. */
const maxLogLines = 1_000

/** The statements of a turn, and how far they were taken. */
export interface Untaken {
  readonly statements: readonly Statement[]
  readonly turn: number
  /** One of them may be more bytes than a value may have. */
  readonly long: boolean
  at: number
  /** Calls whose answers were guessed and came so. */
  held: number
  /** Being gone through right now. */
  busy: boolean
}

/** Takes what came out of turn `index`. */
export function takeStatements(run: Run, index: number, text: string, cpuUs: number): void {
  if (run.outcome !== undefined) return
  run.cpuUs += cpuUs
  run.saidChars += text.length
  const turn = run.journal.turns[index]!
  const statements = readStatements(text)
  if (turn.calls !== undefined) {
    const names = callsOf(statements)
    if (!sameCalls(turn.calls, names)) return diverged(run, index, names, turn.calls)
    if (!run.restored) return
    // What came out of it is known to the engine that has died.
    if (index === 0) run.logs.length = 0
  }
  run.turnOpen = index < run.journal.turns.length - 1
  const long = text.length * 3 > run.limits.valueBytes
  run.untaken = { statements, turn: index, long, at: 0, held: 0, busy: false }
  goOn(run)
}

/** An answer has come: into the next turn with it, unless the run has guessed it already. */
export function deliver(run: Run, number: number, text: string): void {
  if (run.outcome !== undefined) return
  run.deliveries.push({ number, text })
  if (run.untaken !== undefined) goOn(run)
  else if (!run.turnOpen) run.wake(run)
}

function goOn(run: Run): void {
  const { untaken } = run
  if (untaken === undefined || untaken.busy) return
  untaken.busy = true
  while (untaken.at < untaken.statements.length && run.outcome === undefined) {
    const statement = untaken.statements[untaken.at]!
    if (statement[0] === 'guess') {
      const [, number, kind] = statement
      const holds = guessHolds(run, statement)
      if (holds === undefined) {
        untaken.busy = false
        return
      }
      if (!holds) return takeAgain(run, untaken)
      if (kind !== 'change') untaken.held++
      run.deliveries = run.deliveries.filter(delivery => delivery.number !== number)
    } else {
      // An update is settled by its second guess, or by a function that threw; in a first turn it was a guess that was asked about.
      if (untaken.turn === 0 && statement[0] === 'changed' && statement[2] === 'nothing') untaken.held++
      // Characters are counted in the sandbox; where they may be more bytes than that, bytes are counted here.
      if (untaken.long && isTooLarge(statement, run)) {
        failRun(run, 'script_limit', 'the limit valueBytes was reached', { limit: 'valueBytes' })
      } else takeStatement(run, statement)
    }
    untaken.at++
  }
  const turn = run.journal.turns[untaken.turn]!
  turn.guesses = untaken.held
  turn.calls = callsOf(untaken.statements)
  if (untaken.held > 0) learnGuess(run.event.script, run.event.action, true)
  run.untaken = undefined
  if (run.deliveries.length > 0) run.wake(run)
}

// Undefined while it cannot be known yet.
function guessHolds(run: Run, [, number, kind, value]: Statement & { 0: 'guess' }): boolean | undefined {
  const call = run.calls.get(number)
  if (call === undefined) return false
  if (kind === 'change') {
    if (call.asked !== undefined) return call.asked === `[${number},"change"]`
    return call.delivery === undefined ? undefined : false
  }
  // Asked once more: another engine was faster.
  if (kind === 'kept' && run.deliveries.some(delivery => delivery.text.startsWith(`[${number},"change"`))) return false
  if (call.delivery === undefined) return undefined
  if (kind === 'kept') return call.result === 'ok'
  return call.delivery === `[${number},"ok"${value === undefined ? '' : `,${JSON.stringify(value)}`}]`
}

function takeAgain(run: Run, { turn: index, held }: Untaken): void {
  run.journal.turns[index]!.guesses = held
  learnGuess(run.event.script, run.event.action, false)
  run.untaken = undefined
  run.logs.length = 0
  run.ending = undefined
  run.turnOpen = true
  run.repeat(run)
}

function takeStatement(run: Run, statement: Statement): void {
  switch (statement[0]) {
    case 'call': {
      const [, number, name, input] = statement
      const begun = run.calls.get(number)
      // Of a turn that is taken again: it was begun the first time.
      const { turn } = run.untaken!
      if (begun !== undefined && (turn === 0 || run.restored)) {
        if (begun.name !== name) diverged(run, turn, [name], [begun.name])
        return
      }
      return startHostCall(run, number, name, input)
    }
    case 'changed':
      return run.calls
        .get(statement[1])
        ?.changed?.(statement[2] === 'set' ? { how: 'set', value: statement[3] } : { how: statement[2] })
    case 'log':
      // The sandbox counts them; one that has been broken out of does not.
      if (run.logs.length < maxLogLines)
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
      if (run.ending === undefined) return failRun(run, 'script_crashed', 'the run settled without an end')
      return endRun(run, run.ending)
    default:
  }
}

function callsOf(statements: readonly Statement[]): string[] {
  return statements.flatMap(statement => (statement[0] === 'call' ? [statement[2]] : []))
}

function isTooLarge(statement: Statement, { limits }: Run): boolean {
  const value = statement[0] === 'call' || statement[0] === 'changed' ? statement[3] : statement[1]
  return Buffer.byteLength(JSON.stringify(value ?? null)) > limits.valueBytes
}

function diverged(run: Run, turn: number, asked: readonly string[], recorded: readonly string[]): void {
  const words = (names: readonly string[]): string => names.join(', ') || 'nothing'
  failRun(run, 'replay_diverged', `turn ${turn} asked for ${words(asked)} instead of ${words(recorded)}`)
}

function describe(run: Run, stack: string, otherwise: string): { detail: string; place: string } {
  const { positions, name } = run.event.script
  return {
    detail: stack === '' ? otherwise : positions.stack(stack),
    place: positions.first(stack) ?? `an unknown place of ${name}`,
  }
}
