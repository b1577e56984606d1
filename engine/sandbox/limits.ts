// What one run may use. Breaking one ends the run, and no script can catch that.

import type { Walls } from './walls.ts'

export interface RunLimits {
  /** From start to answer. */
  wallMs: number
  /** CPU time of one turn. */
  cpuMs: number
  /** Calls of primitives. */
  hostCalls: number
  messages: number
  /** Of one value that crosses the sandbox's border, as JSON. */
  valueBytes: number
  /** Of all that was said to the run: what a replay has to feed again. */
  journalBytes: number
  /** Runs of one script at the same time; one more is refused as `overloaded`. */
  runsAtOnce: number
}

/** How the sandbox treats its processes and isolates. */
export interface SandboxLimits extends Walls {
  /** Beyond a turn's limit, before a silent process is killed. */
  graceMs: number
  /** Reading what a new script exports. */
  loadMs: number
  /** Resident memory of one sandbox process. */
  processMemoryMb: number
  /** Runs after which an isolate is replaced. */
  isolateRuns: number
  /** Isolates without runs in one process; beyond, the one that has been so for longest goes. */
  isolates: number
  /** What a turn may take among everybody's, wall ms; one that takes longer is repeated in the slow lane. */
  fastTurnMs: number
  /** Turns that a version answers before it may live among everybody. */
  newcomerTurns: number
  /** How long a slow lane or an own one stays when nobody lives there. */
  laneIdleMs: number
  /** Turns that may be on their way to one process. */
  openTurns: number
  /** Answers of the engine that one run may take for granted. */
  guesses: number
}

export const defaultRunLimits: RunLimits = {
  wallMs: 10_000,
  cpuMs: 250,
  hostCalls: 50,
  messages: 5,
  valueBytes: 65_536,
  journalBytes: 1_048_576,
  runsAtOnce: 256,
}

export const defaultSandboxLimits: SandboxLimits = {
  graceMs: 250,
  loadMs: 1_000,
  processMemoryMb: 1_024,
  isolateRuns: 20_000,
  isolates: 64,
  fastTurnMs: 30,
  // Seven one-time passwords.
  newcomerTurns: 20,
  laneIdleMs: 60_000,
  openTurns: 128,
  // More calls than most handlers make.
  guesses: 16,
}
