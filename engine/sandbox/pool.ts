// Who runs where: watches the sandbox processes (stations.ts) and brings runs to
// a new place when theirs has died; dispatch.ts hands them their turns.

import { maskDigits, type Log } from '../log.ts'
import type { ScriptBundle } from '../library/build.ts'
import { createDispatch } from './dispatch.ts'
import { createFastTurn } from './fast-turn.ts'
import { startLane, type Lane, type LaneEvents, type LaneSetup } from './lane.ts'
import type { Manifest } from '../library/script.ts'
import { createLosses } from './losses.ts'
import { createNewcomers } from './newcomers.ts'
import type { Run } from './run.ts'
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

export function createPool({ setup, standings, log }: PoolParts): Pool {
  let stopped = false
  let failedStarts = 0
  let repeats = 0
  let kills = 0
  const whenReady: Array<{ resolve: () => void; reject: (error: Error) => void }> = []
  const whenSpare: Array<() => void> = []

  const events: LaneEvents = {
    ready(lane) {
      failedStarts = 0
      if (main.lane === undefined || main.lane.dead) stations.laneOf(main)
      stations.ready(lane)
      // Here and now: nothing of a script has been sent to it yet.
      if (lane === stations.spare() && setup.codeCache === undefined) lane.makeCodeCache()
      if (main.lane?.ready === true) for (const { resolve } of whenReady.splice(0)) resolve()
      if (stations.spare()?.ready === true) for (const resolve of whenSpare.splice(0)) resolve()
      dispatch.pump()
      trials.pump()
    },
    codeCache(cache) {
      setup.codeCache = cache
      if (cache !== '') for (const [, lane] of allLanes()) lane.setCodeCache(cache)
    },
    turnDone(run, index, statements, cpuUs) {
      // The limit was raised, or the clock was late: it has kept the others waiting all the same.
      const isLong = cpuUs >= fastTurn.usualMs * 1_000
      if (isLong && isMain(run.place?.lane)) standings.stopped(run.event.script)
      takeStatements(run, index, statements, cpuUs)
      if (!isLong) newcomers.answered(run.event.script)
      if (trials.answered(run)) return
      dispatch.goOn()
    },
    turnLost(run, loss) {
      losses.turnLost(run, loss)
      if (!trials.answered(run)) dispatch.goOn()
    },
    exit,
    complaint: text => log.debug({ text: maskDigits(text.slice(0, 500)) }, 'sandbox process complains'),
  }

  const fastTurn = createFastTurn(setup.limits.fastTurnMs, setup.turnMs, () => performance.now())
  const newcomers = createNewcomers(setup.limits.newcomerTurns)
  const stations = createStations({
    startLane: () => startLane(setup, events),
    limits: setup.limits,
    standings,
    newcomers,
  })
  const { main } = stations
  const dispatch = createDispatch({ stations, fastTurn, isOnTrial: run => trials.has(run) })
  const { wake } = dispatch
  const losses = createLosses({
    turnMs: setup.turnMs,
    fastTurn,
    standings,
    isMain,
    wake,
    left: dispatch.left,
  })
  const trials = createTrials({
    startLane: () => startLane(setup, events),
    standings,
    send: dispatch.send,
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

  function exit(lane: Lane, reason: string): void {
    if (stopped) return
    const isTrial = lane === trials.lane()
    // One that had nothing to do any more was ended by us.
    if (!stations.lost(lane) && !isTrial) return
    const suspects = lane.suspects()
    const residents = [...lane.shelves.all].flatMap(shelf => [...shelf.runs])
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
        losses.move(run)
        trials.add(run)
      } else if (!trials.has(run)) losses.resume(run)
    }
    dispatch.goOn()
  }

  /** Where a script is looked at for the first time: never where others would have to wait. */
  async function laneForManifest(): Promise<Lane> {
    const spare = stations.spare()
    if (spare?.ready === true) return spare
    if (main.lane?.ready === true && main.lane.shelves.all.size === 0) return main.lane
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
      dispatch.forget(run)
      if (run.place !== undefined) run.place.lane.leave(run)
      run.place = undefined
      run.life++
      dispatch.left(run)
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
      replays: dispatch.replays(),
      repeats,
      kills,
      lanes: allLanes().map(([role, lane]) => ({
        ...role,
        pid: lane.process.pid,
        memoryMb: lane.process.memoryMb(),
        isolates: lane.shelves.all.size,
      })),
    }),
    stop() {
      stopped = true
      dispatch.stop()
      stopWatching()
      stations.stop()
      trials.lane()?.process.kill()
    },
  }
}
