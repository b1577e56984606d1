// Whether the sandbox may guess what the engine will answer (guest/guess.ts).
//
// A guess that holds saves a way to the engine and back, one that does not costs
// the turn a second time. Which of both it will be depends on what a handler
// does and for whom, so it is learned from its last runs.

import type { ScriptVersion } from '../library/script.ts'
import type { Run } from './run.ts'

/** How much the last run counts against those before it; more while guesses are rare. */
const weight = 1 / 16
const probeWeight = 1 / 4
const enough = 0.5
/** A handler whose guesses fail is asked again now and then. */
const probeEvery = 64

interface Record {
  /** How often guesses held lately, 0 to 1. */
  held: number
  runs: number
}

const records = new WeakMap<ScriptVersion, Map<string, Record>>()

/** How many answers a new run of this handler may take for granted, `most` at most. */
export function guessesFor(version: ScriptVersion, action: string, most: number): number {
  const record = recordOf(version, action)
  return record.held > enough || ++record.runs % probeEvery === 0 ? most : 0
}

/** What became of the guesses of a run. */
export function learnGuess(version: ScriptVersion, action: string, held: boolean): void {
  const record = recordOf(version, action)
  record.held += ((held ? 1 : 0) - record.held) * (held && record.held <= enough ? probeWeight : weight)
}

/**
 * A turn that may have gone on with guesses was stopped, perhaps at something
 * that it would not have come to: it is taken again without them. Whether there
 * were any.
 */
export function withdrawGuesses({ event, journal, repeats, restored }: Run): boolean {
  const first = journal.turns[0]!
  if (first.calls !== undefined || first.guesses === 0) return false
  // Those of a turn that is taken again have held; the answers will not be told another time.
  if (repeats > 0 || restored) return false
  first.guesses = 0
  learnGuess(event.script, event.action, false)
  return true
}

function recordOf(version: ScriptVersion, action: string): Record {
  let actions = records.get(version)
  if (actions === undefined) records.set(version, (actions = new Map()))
  let record = actions.get(action)
  if (record === undefined) actions.set(action, (record = { held: 1, runs: 0 }))
  return record
}
