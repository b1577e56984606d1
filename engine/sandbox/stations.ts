// Which sandbox processes there are, and who lives in which.
//
//   main   where runs live
//   slow   where those live that take longer, are new or are not trusted; at nice 5
//   own    the same, for one version that has ended its process or isolates; at nice 10
//   spare  warm; it holds no script's isolate until it is one of the others
//
// Slow and own processes are made of the spare when they are first needed, and
// ended when nobody has lived there for a while.

import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

import type { Lane } from './lane.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { SandboxLimits } from './limits.ts'
import type { Newcomers } from './newcomers.ts'
import type { Run } from './run.ts'
import type { Standings } from './standing.ts'
import { createWaitingRuns, type WaitingRuns } from './waiting.ts'

export interface Station {
  readonly role: 'main' | 'slow' | 'own'
  /** Whose own it is. */
  readonly script: string | undefined
  readonly waiting: WaitingRuns
  /** Turns that may be on their way to it. */
  readonly openTurns: number
  lane: Lane | undefined
  /** When somebody was last seen there; monotonic ms. */
  usedAt: number
}

export interface Stations {
  readonly main: Station
  /** Where the run's next turn is taken. */
  of(run: Run): Station
  all(): Iterable<Station>
  spare(): Lane | undefined
  /** Starts main and spare. */
  start(): void
  /** The process of a station that somebody needs now. */
  laneOf(station: Station): Lane
  /** A process is ready: the spare is made once there is a main one. */
  ready(lane: Lane): void
  /** False for a process that is none of these. */
  lost(lane: Lane): boolean
  stop(): void
}

export interface StationsParts {
  startLane(): Lane
  limits: SandboxLimits
  standings: Standings
  newcomers: Newcomers
}

/** Those beyond share the slow one. */
const mostOwn = 8
// At nice 19 a loop beside a full load got 48 ms of CPU time in no 5 s: no verdict
// could fall on it, and an innocent would have waited as long. At 5 it has a third
// of what a neighbour gets; those that are known for their harm have to wait.
const niceness = { slow: 5, own: constants.priority.PRIORITY_BELOW_NORMAL, main: 0 }
/** Enough to keep it busy; more would be more suspects when it dies, and a longer line for others. */
const slowOpenTurns = 4

export function createStations({ startLane, limits, standings, newcomers }: StationsParts): Stations {
  const main = createStation('main')
  const slow = createStation('slow')
  // By hash of the version.
  const own = new Map<string, Station>()
  let spare: Lane | undefined
  let stopped = false
  const sweep = setInterval(endIdle, Math.min(1_000, limits.laneIdleMs / 2)).unref()

  function createStation(role: Station['role'], script?: string): Station {
    const openTurns = role === 'main' ? limits.openTurns : Math.min(limits.openTurns, slowOpenTurns)
    return { role, script, openTurns, waiting: createWaitingRuns(), lane: undefined, usedAt: performance.now() }
  }

  function* all(): Iterable<Station> {
    yield main
    yield slow
    yield* own.values()
  }

  function ofOwn({ name, hash }: { name: string; hash: string }): Station {
    let station = own.get(hash)
    if (station === undefined) {
      if (own.size >= mostOwn) return slow
      own.set(hash, (station = createStation('own', name)))
    }
    return station
  }

  function belongsToSlow(version: ScriptVersion): boolean {
    if (newcomers.has(version) && main.lane?.shelves.hostsOther(version) === true) return true
    // One joins those of its version that are slow just now, rather than to be stopped as they were.
    return slow.lane?.shelves.hostsSlow(version) === true
  }

  function takeSpare(): Lane {
    const lane = spare?.dead === false ? spare : startLane()
    spare = startLane()
    return lane
  }

  function endIdle(): void {
    const now = performance.now()
    for (const station of all()) {
      if (station === main) continue
      const inUse =
        station.waiting.versions() > 0 || [...(station.lane?.shelves.all ?? [])].some(({ runs }) => runs.size > 0)
      if (inUse) station.usedAt = now
      if (now - station.usedAt < limits.laneIdleMs) continue
      station.lane?.process.kill()
      station.lane = undefined
      for (const [hash, one] of own) if (one === station) own.delete(hash)
    }
  }

  return {
    main,
    of(run) {
      const { place, slow: isSlow, event } = run
      if (place !== undefined) {
        if (place.lane === main.lane) return main
        for (const station of all()) if (station.lane === place.lane) return station
      }
      const standing = standings.of(event.script.hash)
      if (standing === 'fast') return isSlow || belongsToSlow(event.script) ? slow : main
      // The runs that a suspended version has under way end where they were.
      return standing === 'slow' ? slow : ofOwn(event.script)
    },
    all,
    spare: () => spare,
    start() {
      main.lane = startLane()
      spare = startLane()
    },
    laneOf(station) {
      if (station.lane?.dead !== false) {
        station.lane = takeSpare()
        station.usedAt = performance.now()
        if (station !== main) yieldToOthers(station.lane, niceness[station.role])
      }
      return station.lane
    },
    ready(lane) {
      if (lane === main.lane && spare === undefined) spare = startLane()
    },
    lost(lane) {
      if (lane === spare) {
        spare = undefined
        // Not at once: one that cannot start would be started without end.
        setTimeout(() => (stopped || spare !== undefined ? undefined : (spare = startLane())), 100).unref()
        return true
      }
      for (const station of all()) {
        if (station.lane !== lane) continue
        station.lane = undefined
        return true
      }
      return false
    },
    stop() {
      stopped = true
      clearInterval(sweep)
      for (const { lane } of all()) lane?.process.kill()
      spare?.process.kill()
    },
  }
}

// Each thread has a priority of its own; those to come take that of the one that makes them.
function yieldToOthers({ process: { pid } }: Lane, nice: number): void {
  // 0 would be ourselves.
  if (pid === 0) return
  try {
    setPriority(pid, nice)
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), nice)
  } catch {
    // It has just died, or this is no Linux: it is slow by its limits alone.
  }
}
