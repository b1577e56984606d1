// Hands the turns of runs to the processes where they live, as far as those have room.

import { createCrowd } from './crowd.ts'
import type { FastTurn } from './fast-turn.ts'
import type { Lane } from './lane.ts'
import { openTurn, type Run } from './run.ts'
import type { Station, Stations } from './stations.ts'

export interface Dispatch {
  /** Takes a run whose first turn is open, or one that has something to be told. */
  wake(run: Run): void
  /** A process has room again: those that wait are looked at soon. */
  goOn(): void
  /** Looks at them now. */
  pump(): void
  /** Feeds what the run's place has not heard yet: one turn as a rule, the whole journal after a move. */
  send(run: Run, lane: Lane): void
  /** The run has its outcome. */
  forget(run: Run): void
  /** The run has left its isolate: where that was its own, another run may have one. */
  left(run: Run): void
  /** Runs whose journal was fed again. */
  replays(): number
  stop(): void
}

export interface DispatchParts {
  stations: Stations
  fastTurn: FastTurn
  /** Its trial (trials.ts) decides what it is told. */
  isOnTrial(run: Run): boolean
}

/** As many turns as take longer than what the event loop has to do in between. */
const enoughTurns = 8

export function createDispatch({ stations, fastTurn, isOnTrial }: DispatchParts): Dispatch {
  const { main } = stations
  const queued = new Set<Run>()
  const crowd = createCrowd()
  let scheduled: 'tick' | 'immediate' | undefined
  let replays = 0
  let stopped = false

  function wake(run: Run): void {
    if (queued.has(run)) return
    queued.add(run)
    stations.of(run).waiting.add(run)
    schedule(run.sent === 0 && (main.lane?.open.size ?? 0) >= enoughTurns ? 'immediate' : 'tick')
  }

  // Answers that came together make one turn, and turns of many runs one write.
  // Requests come one socket after another: their first turns wait for the rest
  // of them while the sandbox has enough to do. Else they go at once, before a
  // commit holds this process: the sandbox works meanwhile.
  function schedule(when: 'tick' | 'immediate'): void {
    if (queued.size === 0 || scheduled === 'tick' || scheduled === when) return
    scheduled = when
    if (when === 'tick') process.nextTick(pump)
    else setImmediate(pump)
  }

  function pump(): void {
    scheduled = undefined
    if (!stopped) for (const station of stations.all()) pumpStation(station)
  }

  function pumpStation(station: Station): void {
    const { waiting } = station
    if (waiting.versions() === 0) return
    const lane = stations.laneOf(station)
    if (!lane.ready) return
    if (station === main) lane.turnMs = fastTurn.limitMs()
    while (lane.open.size < station.openTurns) {
      const run = waiting.take()
      if (run === undefined) return
      if (!queued.delete(run)) continue
      // Its version may have moved while it waited.
      if (stations.of(run) === station) advance(run, lane)
      else wake(run)
    }
  }

  function advance(run: Run, lane: Lane): void {
    if (run.outcome !== undefined || run.untaken !== undefined || isOnTrial(run)) return
    if (run.place === undefined && !lane.shelves.hasRoom(run.event.script)) return crowd.add(run)
    const fresh = openTurn(run)
    // What there is to tell may have been the last straw.
    if (run.outcome !== undefined) return
    if (fresh || run.sent < run.journal.turns.length) send(run, run.place?.lane ?? lane)
  }

  function send(run: Run, lane: Lane): void {
    if (run.place === undefined) {
      run.place = lane.admit(run)
      run.sent = 0
      if (run.journal.turns[0]!.calls !== undefined) replays++
    }
    while (run.sent < run.journal.turns.length) lane.sendTurn(run, run.sent++)
  }

  return {
    wake,
    goOn: () => schedule('immediate'),
    pump,
    send,
    forget: run => void queued.delete(run),
    left({ event }) {
      const next = crowd.next(event.script.hash)
      if (next !== undefined) wake(next)
    },
    replays: () => replays,
    stop() {
      stopped = true
    },
  }
}
