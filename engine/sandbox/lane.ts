// One sandbox process as the engine sees it: which isolates it has, which turns
// it owes us, and whether it is still alive.

import type { ScriptBundle } from '../library/build.ts'
import { startSandboxProcess, type SandboxProcess } from './child-process.ts'
import type { Manifest } from '../library/script.ts'
import type { SandboxLimits } from './limits.ts'
import { createManifests } from './manifests.ts'
import { longestLimitMs, putBack, suspectsOf, type OpenTurns } from './open-turns.ts'
import { fields, line, type LossReason } from './protocol.ts'
import type { Run } from './run.ts'
import { createShelves, type Shelf, type Shelves } from './shelves.ts'

/** Where a run lives. */
export interface Place {
  readonly lane: Lane
  readonly shelf: Shelf
}

export interface Lane {
  readonly process: SandboxProcess
  ready: boolean
  dead: boolean
  /** Turns sent and not answered, in the order in which they were sent. */
  readonly open: OpenTurns
  readonly shelves: Shelves
  /** What a turn may take here, ms: less than its full time among everybody's. */
  turnMs: number
  /** When the process last said something, or was last given something while it owed nothing; monotonic ms. */
  heardAt: number
  /** Its CPU time when it was first seen silent, and when it was late; the watchdog's. */
  silence: { cpuMs: number; lateCpuMs: number | undefined } | undefined
  killedFor: 'silence' | 'memory' | undefined
  /** How long it may be silent: what it owes us may take that long, ms; undefined while it owes nothing. */
  owedWithinMs(): number | undefined
  sendTurn(run: Run, index: number): void
  /** Gives the run its place in an isolate of its version. */
  admit(run: Run): Place
  leave(run: Run): void
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  /** Whose turn the process may have been at when it fell silent. */
  suspects(): Set<Run>
  setTexts(texts: string): void
  /** Before anything of a script is sent to it: it tells `codeCache`. */
  makeCodeCache(): void
  setCodeCache(cache: string): void
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
  codeCache(cache: string): void
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
  /** child-code-cache.ts; undefined until one was made, empty where none can be. */
  codeCache: string | undefined
  limits: SandboxLimits
  /** The full time of a turn, ms. */
  turnMs: number
}

/** Making an isolate takes 25 to 70 ms of CPU time, of which a busy machine gives little; no script has a hand in it. */
const isolateMs = 500

let lastTurn = 0

export function startLane({ code, setup, texts, codeCache, limits, turnMs }: LaneSetup, events: LaneEvents): Lane {
  const manifests = createManifests(limits.loadMs)
  const startedAt = performance.now()
  /** Isolates that were asked for and not reported, and words on a heap that the turns answered so far allow. */
  let isolatesOwed = 0
  let heapsAllowed = 0
  let isCacheOwed = false
  let broken = false

  const process = startSandboxProcess(
    code,
    {
      line: take,
      exit(reason) {
        lane.dead = true
        manifests.died(reason)
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
    shelves: createShelves({
      limits,
      send: lines => process.send(lines),
      isDead: () => lane.dead,
      making() {
        if (lane.open.size === 0) heard()
        isolatesOwed++
      },
    }),
    turnMs,
    heardAt: startedAt,
    silence: undefined,
    killedFor: undefined,
    owedWithinMs: () =>
      manifests.count() > 0 ? limits.loadMs : lane.open.size > 0 || isCacheOwed ? longestWorkMs() : undefined,
    sendTurn,
    admit: run => ({ lane, shelf: lane.shelves.admit(run) }),
    leave: run => lane.shelves.leave(run, run.place!.shelf),
    readManifest,
    suspects: () => suspectsOf(lane.open, lane.heardAt),
    setTexts: text => process.send(line('texts', text)),
    makeCodeCache() {
      isCacheOwed = true
      process.send(line('makeCache', ''))
    },
    setCodeCache: cache => process.send(line('cache', cache)),
  }
  if (codeCache) lane.setCodeCache(codeCache)
  process.send(line('texts', texts) + line('setup', setup))
  return lane

  function sendTurn(run: Run, index: number): void {
    const { now, guesses, text } = run.journal.turns[index]!
    const turn = ++lastTurn
    const limitMs = lane.turnMs * run.patience
    if (lane.open.size === 0) heard()
    lane.open.set(turn, { run, life: run.life, sentAt: performance.now(), index, limitMs })
    process.send(`turn\t${turn}\t${run.place!.shelf.id}\t${run.event.id}\t${limitMs}\t${now}\t${guesses}\t${text}\n`)
  }

  // An isolate takes longer to make than most turns take.
  function longestWorkMs(): number {
    return Math.max(isolatesOwed > 0 || isCacheOwed ? isolateMs : 0, longestLimitMs(lane.open))
  }

  function heard(): void {
    lane.heardAt = performance.now()
    lane.silence = undefined
  }

  function readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest> {
    const turn = ++lastTurn
    const manifest = manifests.open(turn)
    if (lane.dead) manifests.died('the sandbox has ended')
    else {
      if (lane.open.size === 0) heard()
      const body = JSON.stringify({ code: bundle.code, filename: bundle.filename })
      process.send(line('manifest', turn, limits.loadMs, memoryMb, body))
    }
    return manifest
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
      const shelf = lane.shelves.of(isolate ?? '')
      if (shelf !== undefined) lane.shelves.told(shelf, Number(bytes))
      return heapsAllowed-- > 0
    }
    if (kind === 'alive') return isolatesOwed-- > 0
    if (kind === 'cache' && isCacheOwed) {
      isCacheOwed = false
      events.codeCache(text.slice(tab + 1))
      return true
    }
    if (kind !== 'ready' || lane.ready) return false
    lane.ready = true
    events.ready(lane)
    return true
  }

  function turnDone(turn: number, cpuUs: number, statements: string): boolean {
    if (manifests.done(turn, statements)) return true
    const open = lane.open.get(turn)
    if (open === undefined) return false
    if (open.life !== open.run.life) return lane.open.delete(turn)
    lane.open.delete(turn)
    try {
      events.turnDone(open.run, open.index, statements, cpuUs)
    } catch (error) {
      // Unanswered after all: its run is a suspect.
      putBack(lane.open, turn, open)
      throw error
    }
    return true
  }

  function turnLost(turn: number, reason: LossReason, cpuUs: number, isolate: string, stack: string): boolean {
    if (manifests.lost(turn, reason)) return true
    const open = lane.open.get(turn)
    if (open === undefined) return false
    const shelf = lane.shelves.of(isolate)
    if (shelf !== undefined) lane.shelves.ended(shelf)
    lane.open.delete(turn)
    if (open.life === open.run.life)
      events.turnLost(open.run, { reason, cpuUs, limitMs: open.limitMs, shelf: open.run.place!.shelf, stack })
    return true
  }
}
