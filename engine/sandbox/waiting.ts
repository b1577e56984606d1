// Runs that wait for their next turn in one process, by version: a flood on one
// script does not keep the others waiting.

import type { Run } from './run.ts'

export interface WaitingRuns {
  /** Of how many versions some are waiting. */
  versions(): number
  add(run: Run): void
  /** The next one, of one version after the other. */
  take(): Run | undefined
}

export function createWaitingRuns(): WaitingRuns {
  const lines = new Map<string, Run[]>()
  return {
    versions: () => lines.size,
    add(run) {
      const { hash } = run.event.script
      const line = lines.get(hash)
      if (line === undefined) lines.set(hash, [run])
      else line.push(run)
    },
    take() {
      for (const [hash, line] of lines) {
        const run = line.shift()
        // To the end, or out.
        if (line.length === 0) lines.delete(hash)
        else if (lines.size > 1) {
          lines.delete(hash)
          lines.set(hash, line)
        }
        return run
      }
      return undefined
    },
  }
}
