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
  /** As it told last. */
  heapBytes: number | undefined
  /** It is made for one run, and for nobody else. */
  readonly alone: boolean
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
  /** What a turn may take here, ms: less than its full time among everybody's. */
  turnMs: number
  /** When the process last said something, or was last given something while it owed nothing; monotonic ms. */
  heardAt: number
  /** Its CPU time when its silence was first noticed; -1 while there was none. */
  heardCpuMs: number
  killedFor: 'silence' | 'memory' | undefined
  /** How long it may be silent: what it owes us may take that long, ms; undefined while it owes nothing. */
  owedWithinMs(): number | undefined
  sendTurn(run: Run, index: number): void
  /** Gives the run its place in an isolate of its version. */
  admit(run: Run): Place
  leave(run: Run): void
  /** Whether one more run of the version may live here. */
  hasRoom(version: ScriptVersion): boolean
  /** Whether runs of the version live here now. */
  hosts(version: ScriptVersion): boolean
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  setTexts(texts: string): void
}

/** How a turn was stopped, in which isolate, and what it had. */
export interface Loss {
  reason: LossReason
  cpuUs: number
  limitMs: number
  shelf: Shelf
  /** Of the guest when its time was over; empty where it cannot be had. */
  stack: string
}

export interface LaneEvents {
  ready(lane: Lane): void
  turnDone(run: Run, index: number, statements: string, cpuUs: number): void
  /** The turn was stopped, and its isolate is gone. */
  turnLost(run: Run, loss: Loss): void
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
  /** The full time of a turn, ms. */
  turnMs: number
}

/** Making an isolate takes 40 to 70 ms of CPU time, of which a busy machine gives little; no script has a hand in it. */
const isolateMs = 500
/** Less silence than this says nothing of a process, however short its turns are. */
const leastSilenceMs = 100

let lastTurn = 0
let lastIsolate = 0

export function startLane({ code, setup, texts, limits, turnMs }: LaneSetup, events: LaneEvents): Lane {
  const scripts = new Set<string>()
  const current = new Map<string, Shelf>()
  const byId = new Map<string, Shelf>()
  /** Isolates without runs, the one that has been so for longest first. */
  const idle = new Set<Shelf>()
  /** Isolates of single runs, by version. */
  const single = new Map<string, number>()
  const manifests = new Map<number, OpenManifest>()
  const startedAt = performance.now()
  /** Isolates that were asked for and not reported, and words on a heap that the turns answered so far allow. */
  let isolatesOwed = 0
  let heapsAllowed = 0
  let broken = false

  const process = startSandboxProcess(
    code,
    {
      line: take,
      exit(reason) {
        lane.dead = true
        for (const { resolve } of manifests.values())
          resolve({ failure: { message: `the script ended its sandbox: ${reason}`, stack: '', ended: true } })
        events.exit(lane, reason)
      },
      complaint: events.complaint,
    },
    limits,
  )
  const lane: Lane = {
    process,
    ready: false,
    dead: false,
    open: new Map(),
    shelves: new Set(),
    turnMs,
    heardAt: startedAt,
    heardCpuMs: -1,
    killedFor: undefined,
    owedWithinMs: () => (manifests.size > 0 ? limits.loadMs : lane.open.size > 0 ? longestWorkMs() : undefined),
    sendTurn,
    admit,
    leave,
    hasRoom: version => !isSingle(version) || (single.get(version.hash) ?? 0) < mostSingle(version),
    hosts: version => [...lane.shelves].some(shelf => shelf.version.hash === version.hash && shelf.runs.size > 0),
    readManifest,
    setTexts: text => process.send(line('texts', text)),
  }
  process.send(line('texts', texts) + line('setup', setup))
  return lane

  function sendTurn(run: Run, index: number): void {
    const { now, guesses, text } = run.journal.turns[index]!
    const turn = ++lastTurn
    const limitMs = lane.turnMs * run.patience
    if (lane.open.size === 0) heard()
    lane.open.set(turn, { run, life: run.life, index, limitMs })
    process.send(`turn\t${turn}\t${run.place!.shelf.id}\t${run.event.id}\t${limitMs}\t${now}\t${guesses}\t${text}\n`)
  }

  function longestWorkMs(): number {
    // An isolate takes longer to make than most turns take.
    let longest = isolatesOwed > 0 ? isolateMs : Math.min(turnMs, leastSilenceMs)
    for (const { limitMs } of lane.open.values()) longest = Math.max(longest, limitMs)
    return longest
  }

  function heard(): void {
    lane.heardAt = performance.now()
    lane.heardCpuMs = -1
  }

  function isSingle({ settings }: ScriptVersion): boolean {
    return settings.isolation === 'run'
  }

  // Half of the process, if all of them swell at once: what is beyond waits, and nobody else pays for it.
  function mostSingle({ settings }: ScriptVersion): number {
    return Math.max(1, Math.floor(limits.processMemoryMb / 2 / settings.memoryMb))
  }

  function admit(run: Run): Place {
    const version = run.event.script
    // One made ahead of need was measured: it was in the way of the next turn for as long as it spared it.
    const shelf = shelfFor(version, run.alone || isSingle(version))
    idle.delete(shelf)
    if (isSingle(version)) single.set(version.hash, (single.get(version.hash) ?? 0) + 1)
    shelf.runs.add(run)
    shelf.served++
    return { lane, shelf }
  }

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
    if (!scripts.has(version.hash)) {
      scripts.add(version.hash)
      process.send(line('script', version.hash, JSON.stringify({ code: version.code, filename: version.filename })))
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
    if (lane.open.size === 0) heard()
    isolatesOwed++
    process.send(line('isolate', shelf.id, version.hash, version.settings.memoryMb, version.settings.isolation))
    lane.shelves.add(shelf)
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
    lane.shelves.delete(shelf)
    idle.delete(shelf)
    byId.delete(shelf.id)
    if (!shelf.gone && !lane.dead) process.send(line('drop', shelf.id))
    shelf.gone = true
  }

  function leave(run: Run): void {
    const shelf = run.place!.shelf
    shelf.runs.delete(run)
    run.heapBytes = shelf.heapBytes
    // One that settled has left by itself.
    const settled = run.outcome !== undefined && run.outcome === run.ending
    if (!settled && !shelf.gone && !lane.dead) process.send(line('forget', shelf.id, run.event.id))
    const { version } = shelf
    if (isSingle(version)) single.set(version.hash, single.get(version.hash)! - 1)
    if (shelf.runs.size > 0) return
    if (shelf.retired) drop(shelf)
    else rest(shelf)
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

  // What nobody asked for comes from a script that has broken out: it ends the
  // process before it can keep us busy, look alive, or speak for others.
  function take(text: string): void {
    if (broken) return
    try {
      if (answers(text)) return heard()
    } catch (error) {
      // No statements, or none that the sandbox makes. Not for the log: the words may be the script's.
      events.complaint(String(error))
    }
    broken = true
    process.kill('it broke the protocol')
  }

  function answers(text: string): boolean {
    const tab = text.indexOf('\t')
    const kind = tab === -1 ? text : text.slice(0, tab)
    if (kind === 'done') {
      const [, turn, cpuUs, statements] = fields(text, 4)
      heapsAllowed = 1
      return statements !== undefined && turnDone(Number(turn), Number(cpuUs) || 0, statements)
    }
    if (kind === 'lost') {
      const [, turn, reason, cpuUs, isolate, stack] = fields(text, 6)
      if (stack === undefined || (reason !== 'timeout' && reason !== 'memory' && reason !== 'gone')) return false
      return turnLost(Number(turn), reason, Number(cpuUs) || 0, isolate!, String(JSON.parse(stack)))
    }
    if (kind === 'heap') {
      const [, isolate, bytes] = fields(text, 3)
      const shelf = byId.get(isolate ?? '')
      // Well before the isolate's own limit would fail a run for what others have left behind.
      if (shelf !== undefined) shelf.heapBytes = Number(bytes)
      if (shelf !== undefined && Number(bytes) > shelf.version.settings.memoryMb * 2 ** 20 * 0.75) retire(shelf)
      return heapsAllowed-- > 0
    }
    if (kind === 'alive') return isolatesOwed-- > 0
    if (kind !== 'ready' || lane.ready) return false
    lane.ready = true
    events.ready(lane)
    return true
  }

  function turnDone(turn: number, cpuUs: number, statements: string): boolean {
    const manifest = manifests.get(turn)
    if (manifest !== undefined) {
      const found = manifestOf(statements)
      manifests.delete(turn)
      manifest.resolve(found)
      return true
    }
    const open = lane.open.get(turn)
    if (open === undefined) return false
    if (open.life !== open.run.life) return lane.open.delete(turn)
    lane.open.delete(turn)
    try {
      events.turnDone(open.run, open.index, statements, cpuUs)
    } catch (error) {
      // Unanswered after all: its run is a suspect.
      lane.open.set(turn, open)
      throw error
    }
    return true
  }

  function turnLost(turn: number, reason: LossReason, cpuUs: number, isolate: string, stack: string): boolean {
    const manifest = manifests.get(turn)
    if (manifest !== undefined) {
      manifests.delete(turn)
      const message =
        reason === 'memory'
          ? 'the script ran out of memory while it was loaded'
          : `the script took longer than ${limits.loadMs} ms to load`
      manifest.resolve({ failure: { message, stack: '' } })
      return true
    }
    const open = lane.open.get(turn)
    if (open === undefined) return false
    const shelf = byId.get(isolate)
    if (shelf !== undefined) {
      shelf.gone = true
      retire(shelf)
    }
    lane.open.delete(turn)
    if (open.life === open.run.life)
      events.turnLost(open.run, { reason, cpuUs, limitMs: open.limitMs, shelf: open.run.place!.shelf, stack })
    return true
  }
}

// Throws for what the sandbox never says by itself.
function manifestOf(statements: string): Manifest {
  for (const [kind, value] of JSON.parse(statements) as Array<[string, Record<string, unknown>]>) {
    if (kind === 'manifest') {
      const { exports: names, fields, warnings } = value
      if (Array.isArray(names) && names.every(name => typeof name === 'string'))
        return { exports: names, fields, warnings }
      throw new Error('a manifest without exports')
    }
    if (kind === 'fail') return { failure: { message: String(value.message), stack: String(value.stack) } }
  }
  return { failure: { message: 'the script could not be read', stack: '' } }
}
