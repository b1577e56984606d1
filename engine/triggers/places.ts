// How many runs of one script events may begin at once: a broadcast's reports are
// not to take the places of those who ask for a code.

import { EngineError } from '../errors.ts'

export interface Places {
  /**
   * Runs `work` when the script has a place for it. Throws overloaded when as many
   * wait as may run: others are not to wait behind them.
   */
  take<T>(script: string, work: () => Promise<T>): Promise<T>
}

interface Line {
  running: number
  waiting: Array<() => void>
}

export function createPlaces(atOnce: number): Places {
  const lines = new Map<string, Line>()

  return {
    async take(script, work) {
      let line = lines.get(script)
      if (line === undefined) lines.set(script, (line = { running: 0, waiting: [] }))
      if (line.running >= atOnce) {
        if (line.waiting.length >= atOnce) throw new EngineError('overloaded', { retryAfter: 1 })
        // Whoever leaves hands its place on.
        await new Promise<void>(next => line.waiting.push(next))
      } else line.running++
      try {
        return await work()
      } finally {
        const next = line.waiting.shift()
        if (next !== undefined) next()
        else if (--line.running === 0) lines.delete(script)
      }
    },
  }
}
