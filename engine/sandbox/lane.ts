// One sandbox process as the engine sees it: which isolates it has, which turns
// it owes us, and whether it is still alive.

import type { ScriptBundle } from './build.ts'
import { startSandboxProcess, type SandboxProcess } from './child-process.ts'
import type { Manifest, ScriptVersion } from './library.ts'
import type { SandboxLimits } from './limits.ts'
import { fields, line, type LossReason } from './protocol.ts'
import type { Run } from './run.ts'

/** An isolate of a version in a process. */
export interface Shelf {
  readonly id: string
  readonly version: ScriptVersion
  readonly runs: Set<Run>
  served: number
  /** Takes no new run; goes when its last one has ended. */
  retired: boolean
  gone: boolean
}

/** Where a run lives. */
export interface Place {
  readonly lane: Lane
  readonly shelf: Shelf
}

interface OpenTurn {
  run: Run
  life: number
  index: number
  limitMs: number
}

interface OpenManifest {
  resolve(manifest: Manifest): void
}

export interface Lane {
  readonly process: SandboxProcess
  ready: boolean
  dead: boolean
  /** Turns sent and not answered, in the order in which they were sent. */
  readonly open: Map<number, OpenTurn>
  readonly shelves: Set<Shelf>
  /** When the process last said something, or was last given something while it owed nothing; monotonic ms. */
  heardAt: number
  /** Its CPU time when its silence was first noticed; -1 while there was none. */
  heardCpuMs: number
  killedFor: 'silence' | 'memory' | undefined
  /** How long it may be silent: what it owes us may take that long, ms; undefined while it owes nothing. */
  owedWithinMs(): number | undefined
  sendTurn(run: Run, index: number): void
  /** The isolate that takes new runs of a version; `alone` makes one that is nobody else's. */
  shelfFor(version: ScriptVersion, alone: boolean): Shelf
  leave(run: Run): void
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  setTexts(texts: string): void
}

export interface LaneEvents {
  ready(lane: Lane): void
  turnDone(run: Run, index: number, statements: string, cpuUs: number): void
  /** The turn was stopped; `mine` tells whether its own work was what took too long or too much. */
  turnLost(run: Run, reason: LossReason, cpuUs: number, shelf: Shelf): void
  exit(lane: Lane, reason: string): void
  complaint(text: string): void
}

export interface LaneSetup {
  /** Bundle of child.ts. */
  code: string
  /** JSON of the child's `setup` line. */
  setup: string
  texts: string
  limits: SandboxLimits
  turnMs: number
}

let lastTurn = 0
let lastIsolate = 0

export function startLane({ code, setup, texts, limits, turnMs }: LaneSetup, events: LaneEvents): Lane {
  const scripts = new Set<string>()
  const current = new Map<string, Shelf>()
  const byId = new Map<string, Shelf>()
  const manifests = new Map<number, OpenManifest>()
  const startedAt = performance.now()

  const process = startSandboxProcess(code, {
    line: take,
    exit(reason) {
      lane.dead = true
      for (const { resolve } of manifests.values())
        resolve({ failure: { message: `the script ended its sandbox: ${reason}`, stack: '', ended: true } })
      events.exit(lane, reason)
    },
    complaint: events.complaint,
  })
  const lane: Lane = {
    process,
    ready: false,
    dead: false,
    open: new Map(),
    shelves: new Set(),
    heardAt: startedAt,
    heardCpuMs: -1,
    killedFor: undefined,
    owedWithinMs: () => (manifests.size > 0 ? limits.loadMs : lane.open.size > 0 ? longestTurnMs() : undefined),
    sendTurn,
    shelfFor,
    leave,
    readManifest,
    setTexts: text => process.send(line('texts', text)),
  }
  process.send(line('texts', texts) + line('setup', setup))
  return lane

  function sendTurn(run: Run, index: number): void {
    const { now, guesses, text } = run.journal.turns[index]!
    const turn = ++lastTurn
    const limitMs = turnMs * run.patience
    if (lane.open.size === 0) heard()
    lane.open.set(turn, { run, life: run.life, index, limitMs })
    process.send(`turn\t${turn}\t${run.place!.shelf.id}\t${run.event.id}\t${limitMs}\t${now}\t${guesses}\t${text}\n`)
  }

  function longestTurnMs(): number {
    let longest = 0
    for (const { limitMs } of lane.open.values()) longest = Math.max(longest, limitMs)
    return longest
  }

  function heard(): void {
    lane.heardAt = performance.now()
    lane.heardCpuMs = -1
  }

  function shelfFor(version: ScriptVersion, alone: boolean): Shelf {
    const known = current.get(version.hash)
    if (!alone && known !== undefined && !known.retired && known.served < limits.isolateRuns) return known
    if (known !== undefined && !alone) retire(known)
    if (!scripts.has(version.hash)) {
      scripts.add(version.hash)
      process.send(line('script', version.hash, JSON.stringify({ code: version.code, filename: version.filename })))
    }
    const shelf: Shelf = { id: `i${++lastIsolate}`, version, runs: new Set(), served: 0, retired: alone, gone: false }
    if (lane.open.size === 0) heard()
    process.send(line('isolate', shelf.id, version.hash, version.settings.memoryMb))
    lane.shelves.add(shelf)
    byId.set(shelf.id, shelf)
    if (!alone) current.set(version.hash, shelf)
    return shelf
  }

  function retire(shelf: Shelf): void {
    shelf.retired = true
    if (current.get(shelf.version.hash) === shelf) current.delete(shelf.version.hash)
    if (shelf.runs.size === 0) drop(shelf)
  }

  function drop(shelf: Shelf): void {
    lane.shelves.delete(shelf)
    byId.delete(shelf.id)
    if (!shelf.gone && !lane.dead) process.send(line('drop', shelf.id))
    shelf.gone = true
  }

  function leave(run: Run): void {
    const shelf = run.place!.shelf
    shelf.runs.delete(run)
    // One that settled has left by itself.
    const settled = run.outcome !== undefined && run.outcome === run.ending
    if (!settled && !shelf.gone && !lane.dead) process.send(line('forget', shelf.id, run.event.id))
    if (shelf.retired && shelf.runs.size === 0) drop(shelf)
  }

  function readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest> {
    const turn = ++lastTurn
    return new Promise(resolve => {
      if (lane.dead) return resolve({ failure: { message: 'the sandbox has ended', stack: '', ended: true } })
      if (lane.open.size === 0) heard()
      manifests.set(turn, { resolve })
      const body = JSON.stringify({ code: bundle.code, filename: bundle.filename })
      process.send(line('manifest', turn, limits.loadMs, memoryMb, body))
    })
  }

  function take(text: string): void {
    heard()
    const kind = text.slice(0, text.indexOf('\t') === -1 ? undefined : text.indexOf('\t'))
    if (kind === 'done') {
      const [, turn, cpuUs, statements] = fields(text, 4) as [string, string, string, string]
      return turnDone(Number(turn), Number(cpuUs), statements)
    }
    if (kind === 'lost') {
      const [, turn, reason, cpuUs, isolate] = fields(text, 5) as [string, string, LossReason, string, string]
      return turnLost(Number(turn), reason, Number(cpuUs), isolate)
    }
    if (kind === 'heap') {
      const [, isolate, bytes] = fields(text, 3) as [string, string, string]
      const shelf = byId.get(isolate)
      // Well before the isolate's own limit would fail a run for what others have left behind.
      if (shelf !== undefined && Number(bytes) > shelf.version.settings.memoryMb * 2 ** 20 * 0.75) retire(shelf)
      return
    }
    if (kind === 'ready') {
      lane.ready = true
      events.ready(lane)
    }
  }

  function turnDone(turn: number, cpuUs: number, statements: string): void {
    const manifest = manifests.get(turn)
    if (manifest !== undefined) {
      manifests.delete(turn)
      return manifest.resolve(manifestOf(statements))
    }
    const open = lane.open.get(turn)
    lane.open.delete(turn)
    if (open !== undefined && open.life === open.run.life) events.turnDone(open.run, open.index, statements, cpuUs)
  }

  function turnLost(turn: number, reason: LossReason, cpuUs: number, isolate: string): void {
    const manifest = manifests.get(turn)
    if (manifest !== undefined) {
      manifests.delete(turn)
      const message =
        reason === 'memory'
          ? 'the script ran out of memory while it was loaded'
          : `the script took longer than ${limits.loadMs} ms to load`
      return manifest.resolve({ failure: { message, stack: '' } })
    }
    const shelf = byId.get(isolate)
    if (shelf !== undefined) {
      shelf.gone = true
      retire(shelf)
    }
    const open = lane.open.get(turn)
    lane.open.delete(turn)
    if (open !== undefined && open.life === open.run.life)
      events.turnLost(open.run, reason, cpuUs, open.run.place!.shelf)
  }
}

function manifestOf(statements: string): Manifest {
  for (const [kind, value] of JSON.parse(statements) as Array<[string, unknown]>) {
    if (kind === 'manifest') return value as { exports: string[]; fields: unknown; warnings: unknown }
    if (kind === 'fail') return { failure: value as { message: string; stack: string } }
  }
  return { failure: { message: 'the script could not be read', stack: '' } }
}
