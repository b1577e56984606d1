// The sign that this engine lives: claims belong to it, not to a timer each.
//
// An entry in space `engines` is renewed every second and is gone five seconds
// after the last one; then others may take over what this engine had claimed.
// So before a message goes out, the engine asks itself, by a clock that nobody
// can set, whether it could have been taken for dead.

import { performance } from 'node:perf_hooks'

import type { Log } from '../log.ts'
import type { Entries } from '../storage/storage.ts'

export const heartbeatSpace = 'engines'

export interface HeartbeatParts {
  entries: Pick<Entries, 'set' | 'delete'>
  engine: string
  log: Pick<Log, 'warn'>
  /** Called after a beat that ended a silence. */
  onRevived: () => void
  everyMs?: number
  deadAfterMs?: number
  /** Monotonic, ms. */
  monotonic?: () => number
}

export interface Heartbeat {
  /** Resolves after the first beat. */
  start(): Promise<void>
  /** False from one interval before others may think that this engine is dead. */
  alive: () => boolean
  /** Stops beating and takes the sign away. */
  stop(): Promise<void>
}

export function createHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { entries, engine, everyMs = 1_000, deadAfterMs = 5_000, monotonic = () => performance.now() } = parts
  let lastBeat = -Infinity
  let timer: NodeJS.Timeout | undefined
  let beating: Promise<void> | undefined

  function alive(): boolean {
    return monotonic() - lastBeat < deadAfterMs - everyMs
  }

  async function beat() {
    // The lifetime counts from the write, which is later: this errs on the safe side.
    const begun = monotonic()
    await entries.set(heartbeatSpace, engine, 'alive', { ttlMs: deadAfterMs })
    const wasAlive = alive()
    lastBeat = begun
    if (!wasAlive) parts.onRevived()
  }

  function beatAgain() {
    // A storage that hangs holds one beat, not one more each second.
    beating ??= beat()
      .catch((error: unknown) => parts.log.warn({ err: error }, 'heartbeat failed'))
      .finally(() => {
        beating = undefined
      })
  }

  return {
    async start() {
      await beat()
      timer = setInterval(beatAgain, everyMs)
      timer.unref()
    },
    alive,
    async stop() {
      clearInterval(timer)
      await beating
      lastBeat = -Infinity
      await entries.delete(heartbeatSpace, engine).catch(() => false)
    },
  }
}
