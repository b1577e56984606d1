// What a run has been told, in order: fed again to a fresh isolate it leads the
// run to the same place, without any effect happening twice.
//
// A journal holds entropy and answers: it never leaves the engine's memory.

export interface JournalTurn {
  /** The clock of the turn, ms since 1970. */
  now: number
  /** What was said: the start of the run, or answers in order of delivery. JSON, as guest/main.ts reads it. */
  text: string
  /** How many answers of the engine the sandbox may take for granted in it (guest/guess.ts): so many of them held. */
  guesses: number
  /** Names of the calls that came out; undefined until the turn was answered. */
  calls: string[] | undefined
}

export interface Journal {
  readonly turns: JournalTurn[]
  bytes: number
}

export function createJournal(): Journal {
  return { turns: [], bytes: 0 }
}

export function addTurn(journal: Journal, now: number, text: string, guesses = 0): void {
  journal.turns.push({ now, text, guesses, calls: undefined })
  journal.bytes += text.length
}

/** Whether a turn that is fed again asked for the same things by name; arguments are not compared. */
export function sameCalls(recorded: readonly string[], again: readonly string[]): boolean {
  return recorded.length === again.length && recorded.every((name, index) => name === again[index])
}
