// Who runs where: hands turns to the sandbox processes, watches them from
// outside, and brings runs to a new place when theirs has died.
//
//   main   where runs live
//   spare  warm, holds no script's isolate until it is promoted
//   trial  where runs that may have killed a process are tried again, one at a time

import { maskDigits, type Log } from '../log.ts'
import type { ScriptBundle } from './build.ts'
import { startLane, type Lane, type LaneEvents, type LaneSetup, type Shelf } from './lane.ts'
import type { Manifest } from './library.ts'
import type { LossReason } from './protocol.ts'
import { withdrawGuesses } from './guesses.ts'
import { failRun, openTurn, type Run } from './run.ts'
import { takeStatements } from './statements.ts'
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
  /** Runs that were moved, first turns that were taken again for a wrong guess, processes that were killed. */
  stats(): {
    replays: number
    repeats: number
    kills: number
    lanes: Array<{ role: string; pid: number; memoryMb: number | undefined }>
  }
  stop(): void
}

/** Moves without known fault before we stop believing in the innocence of a run. */
const maxMoves = 10
/** Moves before a run gets an isolate of its own: however bad its neighbours are, they cost it no more. */
const movesWithOthers = 3
/** Times its usual time that a turn gets at most on a machine too busy to run it. */
const maxPatience = 8

export function createPool(setup: LaneSetup, log: Log): Pool {
  let main: Lane | undefined
  let spare: Lane | undefined
  let stopped = false
  let failedStarts = 0
  let replays = 0
  let repeats = 0
  let kills = 0
  let scheduled: 'tick' | 'immediate' | undefined
  // By version, so that a flood on one script does not keep the others waiting.
  const waiting = new Map<string, Run[]>()
  const queued = new Set<Run>()
  const whenReady: Array<{ resolve: () => void; reject: (error: Error) => void }> = []

  const events: LaneEvents = {
    ready(lane) {
      failedStarts = 0
      if (main === undefined || main.dead) promote()
      if (spare === undefined && lane === main) spare = startLane(setup, events)
      if (lane === main || main?.ready === true) for (const { resolve } of whenReady.splice(0)) resolve()
      pump()
      trials.pump()
    },
    turnDone(run, index, statements, cpuUs) {
      takeStatements(run, index, statements, cpuUs)
      if (trials.answered(run)) return
      schedulePump()
    },
    turnLost,
    exit,
    complaint: text => log.debug({ text: maskDigits(text.slice(0, 500)) }, 'sandbox process complains'),
  }

  const trials = createTrials({
    startLane: () => startLane(setup, events),
    send,
    move,
    wake,
    log,
  })
  const stopWatching = watchLanes({
    lanes: () => [main, spare, trials.lane()].filter(lane => lane !== undefined && !lane.dead) as Lane[],
    limits: setup.limits,
    kill(lane, why) {
      kills++
      log.warn({ pid: lane.process.pid, why, openTurns: lane.open.size }, 'sandbox process killed')
      lane.process.kill()
    },
  })

  function promote(): void {
    main = spare?.dead === false ? spare : undefined
    spare = undefined
    if (!stopped) spare = startLane(setup, events)
    if (main === undefined) {
      main = spare
      spare = undefined
    } else if (main.ready) schedulePump()
  }

  function wake(run: Run): void {
    if (queued.has(run)) return
    queued.add(run)
    const { hash } = run.event.script
    const line = waiting.get(hash)
    if (line === undefined) waiting.set(hash, [run])
    else line.push(run)
    schedulePump(run.sent === 0 ? 'immediate' : 'tick')
  }

  // Answers that came together make one turn, and turns of many runs one write.
  // Requests come one socket after another: their first turns wait for the rest
  // of them. What one commit or one write of the sandbox has moved on goes at once.
  function schedulePump(when: 'tick' | 'immediate' = 'immediate'): void {
    if (waiting.size === 0 || scheduled === 'tick' || scheduled === when) return
    scheduled = when
    if (when === 'tick') process.nextTick(pump)
    else setImmediate(pump)
  }

  function pump(): void {
    scheduled = undefined
    const lane = main
    if (lane === undefined || !lane.ready || lane.dead) return
    while (waiting.size > 0 && lane.open.size < setup.limits.openTurns) {
      for (const [hash, line] of waiting) {
        const run = line.shift()!
        if (line.length === 0) waiting.delete(hash)
        queued.delete(run)
        advance(run, lane)
      }
    }
  }

  function advance(run: Run, lane: Lane): void {
    if (run.outcome !== undefined || run.untaken !== undefined || trials.has(run)) return
    const fresh = openTurn(run)
    // What there is to tell may have been the last straw.
    if (run.outcome !== undefined) return
    if (fresh || run.sent < run.journal.turns.length) send(run, run.place?.lane ?? lane)
  }

  // Feeds what the run's place has not heard yet: one turn as a rule, the whole journal after a move.
  function send(run: Run, lane: Lane): void {
    if (run.place === undefined) {
      const shelf = lane.shelfFor(run.event.script, run.alone)
      shelf.runs.add(run)
      shelf.served++
      run.place = { lane, shelf }
      run.sent = 0
      if (run.journal.turns[0]!.calls !== undefined) replays++
    }
    while (run.sent < run.journal.turns.length) lane.sendTurn(run, run.sent++)
  }

  /** Takes the run out of its place; its journal is fed to the next one. */
  function move(run: Run): void {
    if (run.place !== undefined) run.place.lane.leave(run)
    run.place = undefined
    run.sent = 0
    run.life++
  }

  function resume(run: Run): void {
    move(run)
    if (++run.moves > maxMoves) return failRun(run, 'script_crashed', `the run had to be repeated ${run.moves} times`)
    if (run.moves >= movesWithOthers) run.alone = true
    // A run that waits for answers is fed its journal when the next one comes.
    if (run.turnOpen || run.deliveries.length > 0) wake(run)
  }

  function turnLost(run: Run, reason: LossReason, cpuUs: number, shelf: Shelf): void {
    const others = [...shelf.runs].filter(other => other !== run && other.outcome === undefined)
    const guessed = reason !== 'gone' && withdrawGuesses(run)
    // What the clock of a busy machine stopped is no fault: CPU time tells, with a tick's tolerance.
    if (guessed) resume(run)
    else if (reason === 'timeout' && cpuUs >= setup.turnMs * 1_000 * 0.8) {
      run.cpuUs += cpuUs
      failRun(run, 'script_timeout', `a turn used more than ${setup.turnMs} ms of CPU time`, { limit: 'cpu' })
    } else if (reason === 'memory' && run.alone) {
      failRun(run, 'script_out_of_memory', `the isolate used more than ${shelf.version.settings.memoryMb} MB`, {
        limit: 'memory',
      })
    } else if (reason === 'timeout' && run.patience >= maxPatience) {
      failRun(run, 'script_timeout', `a turn did not end within ${setup.turnMs * run.patience} ms`, { limit: 'cpu' })
    } else {
      // In an isolate that it shares, a run may only have been the last straw;
      // one that the clock stopped gets more time, where it keeps nobody from theirs.
      if (reason !== 'gone') run.alone = true
      if (reason === 'timeout') run.patience *= 2
      resume(run)
    }
    // Those with a turn on its way hear "gone" for it by themselves.
    for (const other of others) if (!other.turnOpen) move(other)
    if (!trials.answered(run)) schedulePump()
  }

  function exit(lane: Lane, reason: string): void {
    if (stopped) return
    const suspects = new Set([...lane.open.values()].filter(turn => turn.life === turn.run.life).map(turn => turn.run))
    const residents = [...lane.shelves].flatMap(shelf => [...shelf.runs])
    log.warn(
      { pid: lane.process.pid, reason, suspects: suspects.size, runs: residents.length },
      'sandbox process ended',
    )
    lane.open.clear()
    if (!lane.ready && ++failedStarts > 5)
      for (const { reject } of whenReady.splice(0)) reject(new Error(`the sandbox process does not start: ${reason}`))
    if (lane === spare) setTimeout(() => !stopped && spare === lane && (spare = startLane(setup, events)), 100).unref()
    else if (lane === main) promote()
    else trials.lost(lane, reason)
    for (const run of residents) {
      if (run.outcome !== undefined) continue
      if (suspects.has(run) && lane !== trials.lane()) {
        withdrawGuesses(run)
        move(run)
        trials.add(run)
      } else if (!trials.has(run)) resume(run)
    }
  }

  return {
    async start() {
      main = startLane(setup, events)
      spare = startLane(setup, events)
      await new Promise<void>((resolve, reject) => whenReady.push({ resolve, reject }))
    },
    wake,
    repeat(run) {
      repeats++
      move(run)
      wake(run)
    },
    release(run) {
      queued.delete(run)
      if (run.place !== undefined) run.place.lane.leave(run)
      run.place = undefined
      run.life++
      trials.answered(run)
    },
    async readManifest(bundle, memoryMb) {
      const read = (): Promise<Manifest> => (spare?.ready === true ? spare : main!).readManifest(bundle, memoryMb)
      const manifest = await read()
      // The process may have died of something else; of this script it would die again.
      return 'failure' in manifest && manifest.failure.ended === true ? read() : manifest
    },
    setTexts(texts) {
      setup.texts = texts
      for (const lane of [main, spare, trials.lane()]) lane?.setTexts(texts)
    },
    stats: () => ({
      replays,
      repeats,
      kills,
      lanes: [['main', main] as const, ['spare', spare] as const, ['trial', trials.lane()] as const].flatMap(
        ([role, lane]) =>
          lane === undefined || lane.dead ? [] : [{ role, pid: lane.process.pid, memoryMb: lane.process.memoryMb() }],
      ),
    }),
    stop() {
      stopped = true
      stopWatching()
      for (const lane of [main, spare, trials.lane()]) lane?.process.kill()
    },
  }
}
