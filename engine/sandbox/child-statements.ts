// What is said in a turn, as it comes out of an isolate: collected here, and
// limited here, where no script can reach.

import { isStatement } from './statement-shape.ts'

// A turn that talks without end breaks a limit; its time limit stops the rest.
const maxStatements = 1_000
const maxStatementChars = 8_000_000

export interface TurnStatements {
  /** Nothing was said yet. `doubted`: nothing is frozen in there, so that a run may have bent what its statements are made with. */
  beginTurn(doubted: boolean): void
  /** One entry of the turn: what is said next is said in it. */
  beginEntry(): void
  /** Takes what the isolate says. */
  emit: (text: string) => void
  /** Whether a primitive was called in this entry. */
  hasCalled(): boolean
  /** Puts a statement of the process itself before those of this entry, unless there are too many already. */
  putFirst(text: string): void
  /** JSON of all statements of the turn. */
  list(): string
}

export function createTurnStatements(): TurnStatements {
  let statements: string[] = []
  let chars = 0
  let doubted = false
  let from = 0
  let called = false

  return {
    beginTurn(isDoubted) {
      statements = []
      chars = 0
      doubted = isDoubted
    },
    beginEntry() {
      from = statements.length
      called = false
    },
    emit(text) {
      if (chars > maxStatementChars) return
      if (doubted && !isSound(text)) {
        chars = Infinity
        statements.push('["limit","statements"]')
        return
      }
      chars += text.length
      if (statements.length >= maxStatements || chars > maxStatementChars) {
        chars = Infinity
        // After what it has said: that may stand behind a guess, or be an effect that a turn before would have had.
        statements.push('["limit","output"]')
        return
      }
      called ||= text.startsWith('["call"')
      statements.push(text)
    },
    hasCalled: () => called,
    putFirst(text) {
      if (statements.length >= maxStatements || chars + text.length > maxStatementChars) return
      chars += text.length
      statements.splice(from, 0, text)
    },
    list: () => `[${statements.join(',')}]`,
  }
}

function isSound(text: string): boolean {
  try {
    return isStatement(JSON.parse(text))
  } catch {
    return false
  }
}
