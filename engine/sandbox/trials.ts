// When a process dies, every run whose turn it had not answered may be the one
// that killed it. Each is tried alone, one after another, in a process of its
// own: the innocent go on as if nothing had happened, the guilty one fails.
// Those of versions that have done it before come last.

import type { Log } from '../log.ts'
import { withdrawGuesses } from './guesses.ts'
import type { Lane } from './lane.ts'
import { failRun, type Run } from './run.ts'
import type { Standings } from './standing.ts'

export interface Trials {
  add(run: Run): void
  has(run: Run): boolean
  /** Tries the next run, when a process is there and nobody is in it. */
  pump(): void
  /** The run got an answer or its outcome; true while its trial goes on. */
  answered(run: Run): boolean
  lost(lane: Lane, reason: string): void
  lane(): Lane | undefined
}

export interface TrialParts {
  startLane(): Lane
  standings: Standings
  send(run: Run, lane: Lane): void
  move(run: Run): void
  wake(run: Run): void
  log: Log
}

export function createTrials({ startLane, standings, send, move, wake, log }: TrialParts): Trials {
  let lane: Lane | undefined
  let onTrial: Run | undefined
  const suspects: Run[] = []
  /** Each counts once against its version, however often it dies. */
  const blamed = new WeakSet<Run>()

  function pump(): void {
    if (onTrial !== undefined) return
    const next = likelyInnocent()
    if (next === undefined) {
      // Its work is done; the next trial gets a fresh one.
      lane?.process.kill()
      lane = undefined
      return
    }
    if (lane === undefined || lane.dead) lane = startLane()
    if (!lane.ready) return
    suspects.splice(suspects.indexOf(next), 1)
    if (next.outcome !== undefined) return pump()
    onTrial = next
    send(next, lane)
  }

  function likelyInnocent(): Run | undefined {
    let found: Run | undefined
    let fewest = Infinity
    for (const run of suspects) {
      const kills = standings.kills(run.event.script.hash)
      if (kills >= fewest) continue
      found = run
      fewest = kills
    }
    return found
  }

  return {
    add(run) {
      suspects.push(run)
      pump()
    },
    has: run => onTrial === run || suspects.includes(run),
    pump,
    answered(run) {
      if (run !== onTrial) return false
      const owed = [...lane!.open.values()].some(turn => turn.run === run && turn.life === run.life)
      if (owed && run.outcome === undefined) return true
      onTrial = undefined
      if (run.outcome === undefined) {
        if (run.place !== undefined) move(run)
        if (run.turnOpen || run.deliveries.length > 0) wake(run)
      }
      pump()
      return true
    },
    lost(dead, reason) {
      if (dead !== lane) return
      const guilty = onTrial
      lane = undefined
      onTrial = undefined
      if (guilty !== undefined && guilty.outcome === undefined) {
        log.warn({ run: guilty.event.id, script: guilty.event.script.name, reason }, 'run killed its sandbox process')
        if (!blamed.has(guilty)) standings.killed(guilty.event.script)
        blamed.add(guilty)
        // What a guess has led it to is not the end of the run, only on its version's record.
        if (withdrawGuesses(guilty)) {
          move(guilty)
          suspects.push(guilty)
        } else failRun(guilty, killCode(dead), `the run ended its sandbox process twice (${reason})`)
      }
      pump()
    },
    lane: () => lane,
  }
}

function killCode({ killedFor }: Lane): 'script_timeout' | 'script_out_of_memory' | 'script_crashed' {
  if (killedFor === 'silence') return 'script_timeout'
  return killedFor === 'memory' ? 'script_out_of_memory' : 'script_crashed'
}
