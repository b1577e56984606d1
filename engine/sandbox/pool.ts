// Who runs where: hands turns to the sandbox processes (stations.ts), watches
// them from outside, and brings runs to a new place when theirs has died.

import { maskDigits, type Log } from '../log.ts'
import type { ScriptBundle } from './build.ts'
import { createFastTurn } from './fast-turn.ts'
import { withdrawGuesses } from './guesses.ts'
import { startLane, type Lane, type LaneEvents, type LaneSetup } from './lane.ts'
import type { Manifest } from './library.ts'
import { createLosses } from './losses.ts'
import { openTurn, type Run } from './run.ts'
import type { Standings } from './standing.ts'
import { takeStatements } from './statements.ts'
import { createStations, type Station } from './stations.ts'
import { createTrials } from './trials.ts'
import { watchLanes } from './watchdog.ts'

export interface Pool {
  start(): Promise<void>
  /** Takes a run whose first turn is open, or one that has something to be told. */
  wake(run: Run): void
  /** The last turn of the run is to be taken again, from the beginning of the run on. */
  repeat(run: Run): void
  /** The run has its outcome. */
  release(run: Run): void
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  setTexts(texts: string): void
  stats(): PoolStats
  stop(): void
}

export interface PoolStats {
  /** Runs that were moved, first turns that were taken again for a wrong guess, processes that were killed. */
  replays: number
  repeats: number
  kills: number
  lanes: LaneStats[]
}

export interface LaneStats {
  role: Station['role'] | 'spare' | 'trial'
  /** Whose own lane it is. */
  script?: string
  pid: number
  memoryMb: number | undefined
  /** Isolates of scripts. */
  isolates: number
}

export interface PoolParts {
  setup: LaneSetup
  standings: Standings
  log: Log
}

/** As many turns as take longer than what the event loop has to do in between. */
const enoughTurns = 8

export function createPool({ setup, standings, log }: PoolParts): Pool {
  let stopped = false
  let failedStarts = 0
  let replays = 0
  let repeats = 0
  let kills = 0
  let scheduled: 'tick' | 'immediate' | undefined
  const queued = new Set<Run>()
  /** Runs that wait for room in an isolate of their own, by version. */
  const crowded = new Map<string, Run[]>()
  const whenReady: Array<{ resolve: () => void; reject: (error: Error) => void }> = []
  const whenSpare: Array<() => void> = []

  const events: LaneEvents = {
    ready(lane) {
      failedStarts = 0
      if (main.lane === undefined || main.lane.dead) stations.laneOf(main)
      stations.ready(lane)
      if (main.lane?.ready === true) for (const { resolve } of whenReady.splice(0)) resolve()
      if (stations.spare()?.ready === true) for (const resolve of whenSpare.splice(0)) resolve()
      pump()
      trials.pump()
    },
    turnDone(run, index, statements, cpuUs) {
      // The limit was raised, or the clock was late: it has kept the others waiting all the same.
      if (cpuUs >= fastTurn.usualMs * 1_000 && isMain(run.place?.lane)) standings.stopped(run.event.script)
      takeStatements(run, index, statements, cpuUs)
      if (trials.answered(run)) return
      schedulePump()
    },
    turnLost(run, loss) {
      losses.turnLost(run, loss)
      if (!trials.answered(run)) schedulePump()
    },
    exit,
    complaint: text => log.debug({ text: maskDigits(text.slice(0, 500)) }, 'sandbox process complains'),
  }

  const fastTurn = createFastTurn(setup.limits.fastTurnMs, setup.turnMs, () => performance.now())
  const stations = createStations(() => startLane(setup, events), setup.limits, standings)
  const { main } = stations
  const losses = createLosses({
    turnMs: setup.turnMs,
    fastTurn,
    standings,
    isMain,
    wake,
    left: makeRoom,
  })
  const trials = createTrials({
    startLane: () => startLane(setup, events),
    standings,
    send,
    move: losses.move,
    wake,
    log,
  })
  const stopWatching = watchLanes({
    lanes: () => allLanes().map(([, lane]) => lane),
    limits: setup.limits,
    kill(lane, why) {
      kills++
      log.warn({ pid: lane.process.pid, why, openTurns: lane.open.size }, 'sandbox process killed')
      lane.process.kill()
    },
  })

  /** Those that are alive, by what they are for. */
  function allLanes(): Array<[role: Pick<LaneStats, 'role' | 'script'>, lane: Lane]> {
    const lanes: Array<[Pick<LaneStats, 'role' | 'script'>, Lane | undefined]> = [
      ...[...stations.all()].map(
        ({ role, script, lane }) =>
          [{ role, ...(script === undefined ? {} : { script }) }, lane] satisfies [object, unknown],
      ),
      [{ role: 'spare' }, stations.spare()],
      [{ role: 'trial' }, trials.lane()],
    ]
    return lanes.filter((pair): pair is [LaneStats, Lane] => pair[1]?.dead === false)
  }

  function isMain(lane: Lane | undefined): boolean {
    return lane !== undefined && lane === main.lane
  }

  function wake(run: Run): void {
    if (queued.has(run)) return
    queued.add(run)
    stations.of(run).waiting.add(run)
    schedulePump(run.sent === 0 && (main.lane?.open.size ?? 0) >= enoughTurns ? 'immediate' : 'tick')
  }

  // Answers that came together make one turn, and turns of many runs one write.
  // Requests come one socket after another: their first turns wait for the rest
  // of them while the sandbox has enough to do. Else they go at once, before a
  // commit holds this process: the sandbox works meanwhile.
  function schedulePump(when: 'tick' | 'immediate' = 'immediate'): void {
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
    if (run.outcome !== undefined || run.untaken !== undefined || trials.has(run)) return
    if (run.place === undefined && !lane.hasRoom(run.event.script)) {
      const { hash } = run.event.script
      crowded.set(hash, [...(crowded.get(hash) ?? []), run])
      return
    }
    const fresh = openTurn(run)
    // What there is to tell may have been the last straw.
    if (run.outcome !== undefined) return
    if (fresh || run.sent < run.journal.turns.length) send(run, run.place?.lane ?? lane)
  }

  // Feeds what the run's place has not heard yet: one turn as a rule, the whole journal after a move.
  function send(run: Run, lane: Lane): void {
    if (run.place === undefined) {
      run.place = lane.admit(run)
      run.sent = 0
      if (run.journal.turns[0]!.calls !== undefined) replays++
    }
    while (run.sent < run.journal.turns.length) lane.sendTurn(run, run.sent++)
  }

  /** The run has left an isolate that was its own: another one may have one. */
  function makeRoom({ event }: Run): void {
    if (crowded.size === 0) return
    const { hash } = event.script
    const line = crowded.get(hash) ?? []
    while (line.length > 0) {
      const next = line.shift()!
      if (next.outcome !== undefined) continue
      wake(next)
      break
    }
    if (line.length === 0) crowded.delete(hash)
  }

  function exit(lane: Lane, reason: string): void {
    if (stopped) return
    const isTrial = lane === trials.lane()
    // One that had nothing to do any more was ended by us.
    if (!stations.lost(lane) && !isTrial) return
    const suspects = new Set([...lane.open.values()].filter(turn => turn.life === turn.run.life).map(turn => turn.run))
    const residents = [...lane.shelves].flatMap(shelf => [...shelf.runs])
    log.warn(
      { pid: lane.process.pid, reason, suspects: suspects.size, runs: residents.length },
      'sandbox process ended',
    )
    lane.open.clear()
    if (!lane.ready && ++failedStarts > 5)
      for (const { reject } of whenReady.splice(0)) reject(new Error(`the sandbox process does not start: ${reason}`))
    // There is always a main one: what comes next is not to wait for it.
    if (main.lane === undefined) stations.laneOf(main)
    if (isTrial) trials.lost(lane, reason)
    for (const run of residents) {
      if (run.outcome !== undefined) continue
      if (suspects.has(run) && !isTrial) {
        withdrawGuesses(run)
        losses.move(run)
        trials.add(run)
      } else if (!trials.has(run)) losses.resume(run)
    }
    schedulePump()
  }

  /** Where a script is looked at for the first time: never where others would have to wait. */
  async function laneForManifest(): Promise<Lane> {
    const spare = stations.spare()
    if (spare?.ready === true) return spare
    if (main.lane?.ready === true && main.lane.shelves.size === 0) return main.lane
    await new Promise<void>(resolve => whenSpare.push(resolve))
    return laneForManifest()
  }

  return {
    async start() {
      stations.start()
      await new Promise<void>((resolve, reject) => whenReady.push({ resolve, reject }))
    },
    wake,
    repeat(run) {
      repeats++
      run.repeats++
      losses.move(run)
      wake(run)
    },
    release(run) {
      queued.delete(run)
      if (run.place !== undefined) run.place.lane.leave(run)
      run.place = undefined
      run.life++
      makeRoom(run)
      trials.answered(run)
    },
    async readManifest(bundle, memoryMb) {
      const read = async (): Promise<Manifest> => (await laneForManifest()).readManifest(bundle, memoryMb)
      const manifest = await read()
      // The process may have died of something else; of this script it would die again.
      return 'failure' in manifest && manifest.failure.ended === true ? read() : manifest
    },
    setTexts(texts) {
      setup.texts = texts
      for (const [, lane] of allLanes()) lane.setTexts(texts)
    },
    stats: () => ({
      replays,
      repeats,
      kills,
      lanes: allLanes().map(([role, lane]) => ({
        ...role,
        pid: lane.process.pid,
        memoryMb: lane.process.memoryMb(),
        isolates: lane.shelves.size,
      })),
    }),
    stop() {
      stopped = true
      stopWatching()
      stations.stop()
      trials.lane()?.process.kill()
    },
  }
}
