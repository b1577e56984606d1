// Runs that wait for room: those of `isolation: "run"` beyond what fits into a process at once.

import type { Run } from './run.ts'

export interface Crowd {
  add(run: Run): void
  /** The next one of this version that still has something to do, since another one has left. */
  next(hash: string): Run | undefined
}

export function createCrowd(): Crowd {
  const lines = new Map<string, Run[]>()
  return {
    add(run) {
      const { hash } = run.event.script
      const line = lines.get(hash)
      if (line === undefined) lines.set(hash, [run])
      else line.push(run)
    },
    next(hash) {
      const line = lines.get(hash)
      let run = line?.shift()
      while (run?.outcome !== undefined) run = line!.shift()
      if (line?.length === 0) lines.delete(hash)
      return run
    },
  }
}
