// What becomes of a run whose turn was stopped: it goes on elsewhere, from its
// journal, or it fails, when what stopped it was its own work.

import type { Lane, Loss } from './lane.ts'
import type { FastTurn } from './fast-turn.ts'
import { withdrawGuesses } from './guesses.ts'
import { failRun, type Run } from './run.ts'
import type { Standings } from './standing.ts'

export interface Losses {
  /** Takes the run out of its place; its journal is fed to the next one. */
  move(run: Run): void
  /** It lost its place to somebody else's fault, or to one that is not proven. */
  resume(run: Run): void
  turnLost(run: Run, loss: Loss): void
}

export interface LossesParts {
  /** The full time of a turn, ms. */
  turnMs: number
  fastTurn: FastTurn
  standings: Standings
  isMain(lane: Lane): boolean
  wake(run: Run): void
  left(run: Run): void
}

/** Moves without known fault before we stop believing in the innocence of a run. */
const maxMoves = 10
/** Moves before a run gets an isolate of its own: however bad its neighbours are, they cost it no more. */
const movesWithOthers = 3
/** Times its usual time that a turn gets at most on a machine too busy to run it: there the slow lane comes last. */
const maxPatience = 32

export function createLosses({ turnMs, fastTurn, standings, isMain, wake, left }: LossesParts): Losses {
  function move(run: Run): void {
    if (run.place !== undefined) {
      run.place.lane.leave(run)
      run.place = undefined
      left(run)
    }
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

  function timedOut(run: Run, { cpuUs, limitMs, stack }: Loss, guessed: boolean, isFast: boolean): void {
    const { script } = run.event
    // What the clock of a busy machine stopped is no fault: CPU time tells, with a tick's tolerance.
    if (!guessed && cpuUs >= turnMs * 1_000 * 0.8) {
      run.cpuUs += cpuUs
      standings.killed(script)
      return failRun(run, 'script_timeout', `a turn used more than ${turnMs} ms of CPU time`, { limit: 'cpu' }, stack)
    }
    if (isFast) {
      const how = fastTurn.stopped(limitMs, cpuUs)
      // What a guess has led it to may not be its own doing.
      if (how === 'slow' && !guessed && limitMs < turnMs) standings.stopped(script)
      run.slow = how === 'slow'
    } else if (!guessed) {
      if (run.patience >= maxPatience) {
        const detail = `a turn did not end within ${turnMs * run.patience} ms`
        return failRun(run, 'script_timeout', detail, { limit: 'cpu' }, stack)
      }
      // One that the clock stopped gets more time, where it keeps nobody from theirs.
      run.alone = true
      run.patience *= 2
    }
    resume(run)
  }

  function outOfMemory(run: Run, { shelf }: Loss, guessed: boolean): void {
    if (shelf.alone && !guessed) {
      standings.killed(run.event.script)
      const detail = `the isolate used more than ${shelf.version.settings.memoryMb} MB`
      return failRun(run, 'script_out_of_memory', detail, { limit: 'memory' })
    }
    // In an isolate that it shares, a run may only have been the last straw.
    if (!guessed) run.alone = true
    run.slow = true
    resume(run)
  }

  return {
    move,
    resume,
    turnLost(run, loss) {
      const { reason, shelf } = loss
      const others = [...shelf.runs].filter(other => other !== run && other.outcome === undefined)
      const guessed = reason !== 'gone' && withdrawGuesses(run)
      const isFast = run.place !== undefined && isMain(run.place.lane)
      if (reason === 'timeout') timedOut(run, loss, guessed, isFast)
      else if (reason === 'memory') outOfMemory(run, loss, guessed)
      else resume(run)
      // What is slow for one may be for all of them: they are not to stop everybody's lane one after another.
      if (run.slow) for (const other of others) other.slow = true
      // Those with a turn on its way hear "gone" for it by themselves.
      for (const other of others) if (!other.turnOpen) move(other)
    },
  }
}
