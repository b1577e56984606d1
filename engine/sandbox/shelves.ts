// The isolates of one sandbox process: who lives in which, and when one goes.

import type { ScriptVersion } from '../library/script.ts'
import type { SandboxLimits } from './limits.ts'
import { line } from './protocol.ts'
import type { Run } from './run.ts'

/** An isolate of a version in a process. */
export interface Shelf {
  readonly id: string
  readonly version: ScriptVersion
  readonly runs: Set<Run>
  served: number
  /** As it told last. */
  heapBytes: number | undefined
  /** It is made for one run, and for nobody else. */
  readonly alone: boolean
  /** Takes no new run; goes when its last one has ended. */
  retired: boolean
  gone: boolean
}

export interface Shelves {
  /** Those that are not gone. */
  readonly all: ReadonlySet<Shelf>
  of(id: string): Shelf | undefined
  /** Gives the run its place in an isolate of its version, and makes one where there is none. */
  admit(run: Run): Shelf
  leave(run: Run, shelf: Shelf): void
  /** Whether one more run of the version may live here. */
  hasRoom(version: ScriptVersion): boolean
  /** Whether slow runs of the version live here now. */
  hostsSlow(version: ScriptVersion): boolean
  /** Whether another version has an isolate here. */
  hostsOther(version: ScriptVersion): boolean
  /** The process has said how full an isolate is. */
  told(shelf: Shelf, heapBytes: number): void
  /** The process has ended an isolate. */
  ended(shelf: Shelf): void
}

export interface ShelvesParts {
  limits: SandboxLimits
  /** Lines for the process. */
  send(lines: string): void
  isDead(): boolean
  /** An isolate is asked for. */
  making(): void
}

/** Well before the isolate's own limit would fail a run for what others have left behind. */
const fullShare = 0.75

let lastIsolate = 0

export function createShelves({ limits, send, isDead, making }: ShelvesParts): Shelves {
  const all = new Set<Shelf>()
  const byId = new Map<string, Shelf>()
  /** Versions whose code the process has. */
  const scripts = new Set<string>()
  /** Where the next run of a version goes, by hash. */
  const current = new Map<string, Shelf>()
  /** Isolates without runs, the one that has been so for longest first. */
  const idle = new Set<Shelf>()
  /** Isolates of single runs, by version. */
  const single = new Map<string, number>()

  function shelfFor(version: ScriptVersion, alone: boolean): Shelf {
    if (alone) return make(version, true)
    const known = current.get(version.hash)
    if (known !== undefined && known.served < limits.isolateRuns) return known
    if (known !== undefined) retire(known)
    const shelf = make(version, false)
    current.set(version.hash, shelf)
    return shelf
  }

  function make(version: ScriptVersion, alone: boolean): Shelf {
    making()
    if (!scripts.has(version.hash)) {
      scripts.add(version.hash)
      send(line('script', version.hash, JSON.stringify({ code: version.code, filename: version.filename })))
    }
    const shelf: Shelf = {
      id: `i${++lastIsolate}`,
      version,
      runs: new Set(),
      served: 0,
      heapBytes: undefined,
      alone,
      retired: alone,
      gone: false,
    }
    send(line('isolate', shelf.id, version.hash, version.settings.memoryMb, version.settings.isolation))
    all.add(shelf)
    byId.set(shelf.id, shelf)
    return shelf
  }

  // Isolates without runs are kept as long as there are few: each is memory, and quickly made again.
  function rest(shelf: Shelf): void {
    idle.add(shelf)
    for (const eldest of idle) {
      if (idle.size <= limits.isolates) break
      retire(eldest)
    }
  }

  function retire(shelf: Shelf): void {
    shelf.retired = true
    if (current.get(shelf.version.hash) === shelf) current.delete(shelf.version.hash)
    if (shelf.runs.size === 0) drop(shelf)
  }

  function drop(shelf: Shelf): void {
    all.delete(shelf)
    idle.delete(shelf)
    byId.delete(shelf.id)
    if (!shelf.gone && !isDead()) send(line('drop', shelf.id))
    shelf.gone = true
  }

  // Half of the process, if all of them swell at once: what is beyond waits, and nobody else pays for it.
  function mostSingle({ settings }: ScriptVersion): number {
    return Math.max(1, Math.floor(limits.processMemoryMb / 2 / settings.memoryMb))
  }

  return {
    all,
    of: id => byId.get(id),
    admit(run) {
      const version = run.event.script
      // One made ahead of need was measured: it was in the way of the next turn for as long as it spared it.
      const shelf = shelfFor(version, run.alone || isSingle(version))
      idle.delete(shelf)
      if (isSingle(version)) single.set(version.hash, (single.get(version.hash) ?? 0) + 1)
      shelf.runs.add(run)
      shelf.served++
      return shelf
    },
    leave(run, shelf) {
      shelf.runs.delete(run)
      run.heapBytes = shelf.heapBytes
      // One that settled has left by itself.
      const settled = run.outcome !== undefined && run.outcome === run.ending
      if (!settled && !shelf.gone && !isDead()) send(line('forget', shelf.id, run.event.id))
      const { version } = shelf
      if (isSingle(version)) single.set(version.hash, single.get(version.hash)! - 1)
      if (shelf.runs.size > 0) return
      if (shelf.retired) drop(shelf)
      else rest(shelf)
    },
    hasRoom: version => !isSingle(version) || (single.get(version.hash) ?? 0) < mostSingle(version),
    hostsSlow(version) {
      for (const {
        version: { hash },
        runs,
      } of all)
        if (hash === version.hash) for (const { slow } of runs) if (slow) return true
      return false
    },
    hostsOther(version) {
      for (const {
        version: { hash },
      } of all)
        if (hash !== version.hash) return true
      return false
    },
    told(shelf, heapBytes) {
      shelf.heapBytes = heapBytes
      if (heapBytes > shelf.version.settings.memoryMb * 2 ** 20 * fullShare) retire(shelf)
    },
    ended(shelf) {
      shelf.gone = true
      retire(shelf)
    },
  }
}

function isSingle({ settings }: ScriptVersion): boolean {
  return settings.isolation === 'run'
}
