// The sign that this engine lives: claims belong to it, not to a timer each.
//
// An entry in space `engines` is renewed every second and is gone five seconds
// after the last one; then others take over what this engine had claimed. So
// before a message goes out, the engine asks itself, by a clock that nobody can
// set, whether it could have been taken for dead.

import { performance } from 'node:perf_hooks'

import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'

export const heartbeatSpace = 'engines'

export interface HeartbeatParts {
  storage: Pick<Storage, 'shared'> & { entries: Pick<Storage['entries'], 'set' | 'delete' | 'list'> }
  engine: string
  log: Pick<Log, 'warn'>
  everyMs?: number
  deadAfterMs?: number
  /** Monotonic, ms. */
  monotonic?: () => number
}

/** Takes over what is owned by engines that are not among the living. */
export type TakeOver = (living: readonly string[]) => Promise<unknown>

export interface Heartbeat {
  /** The name under which this engine claims. */
  readonly engine: string
  /** Resolves after the first beat. */
  start(): Promise<void>
  /** False from one interval before others may think that this engine is dead. */
  alive: () => boolean
  /** The engines that live, this one among them. */
  living(): Promise<readonly string[]>
  /** Calls `listener` after each beat that ends a silence. */
  onRevived(listener: () => void): void
  /** Calls `take` now, and again within a second after an engine has died; resolves when the first call has ended. */
  onDeaths(take: TakeOver): Promise<void>
  /** Stops beating and takes the sign away. */
  stop(): Promise<void>
}

/** Of engines elsewhere that nobody has seen die: they came and went between two looks, or a look failed. */
const lookAnywayMs = 10_000
const mostEngines = 10_000

export function createHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { storage, engine, log, everyMs = 1_000, deadAfterMs = 5_000, monotonic = () => performance.now() } = parts
  const { entries, shared } = storage
  const takers: TakeOver[] = []
  const revived: Array<() => void> = []
  let lastBeat = -Infinity
  let timer: NodeJS.Timeout | undefined
  let beating: Promise<void> | undefined
  let seen = new Set<string>()
  let lookedAt = -Infinity

  function alive(): boolean {
    return monotonic() - lastBeat < deadAfterMs - everyMs
  }

  async function beat() {
    // The lifetime counts from the write, which is later: this errs on the safe side.
    const begun = monotonic()
    await entries.set(heartbeatSpace, engine, 'alive', { ttlMs: deadAfterMs })
    const wasAlive = alive()
    lastBeat = begun
    if (!wasAlive) for (const listener of revived) listener()
  }

  async function living(): Promise<readonly string[]> {
    // A storage of our own was another's before at most, and that one is dead.
    if (!shared) return [engine]
    const found = await entries.list(heartbeatSpace, '', { limit: mostEngines })
    return [...new Set([engine, ...found.map(({ key }) => key)])]
  }

  async function look() {
    const now = await living()
    const hasDied = [...seen].some(name => !now.includes(name))
    seen = new Set(now)
    if (!hasDied && monotonic() - lookedAt < lookAnywayMs) return
    lookedAt = monotonic()
    for (const take of takers) await take(now).catch((error: unknown) => log.warn({ err: error }, 'cannot take over'))
  }

  function beatAgain() {
    // A storage that hangs holds one beat, not one more each second.
    beating ??= beat()
      .then(() => (shared ? look() : undefined))
      .catch((error: unknown) => log.warn({ err: error }, 'heartbeat failed'))
      .finally(() => {
        beating = undefined
      })
  }

  return {
    engine,
    async start() {
      await beat()
      timer = setInterval(beatAgain, everyMs)
      timer.unref()
    },
    alive,
    living,
    onRevived: listener => void revived.push(listener),
    async onDeaths(take) {
      const now = await living()
      for (const name of now) seen.add(name)
      takers.push(take)
      await take(now)
    },
    async stop() {
      clearInterval(timer)
      takers.length = 0
      await beating
      lastBeat = -Infinity
      await entries.delete(heartbeatSpace, engine).catch(() => false)
    },
  }
}
