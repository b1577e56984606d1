// The sign that this engine lives: claims belong to it, not to a timer each.
//
// An entry in space `engines` changes every second. Whoever has not seen it
// change for five seconds takes over what this engine had claimed: seconds of
// his own, by a clock that nobody can set, and only while his own beats get
// through, since a storage that was away has stopped the hearts of all. So
// before a message goes out, the engine asks itself, by the same clock, whether
// it could have been taken for dead.

import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'

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

/**
 * Takes over what is owned by engines that are not among the living. `hasDied`:
 * one that lived is gone, or this is the first call; else it is a look now and
 * then, for what nobody saw, and for what could not be taken the last time.
 */
export type TakeOver = (living: readonly string[], hasDied: boolean) => Promise<unknown>

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
  /** Calls `take` now, within a second after an engine has died, and every ten seconds; resolves when the first call has ended. */
  onDeaths(take: TakeOver): Promise<void>
  /** Stops beating and takes the sign away. */
  stop(): Promise<void>
}

/** Of engines elsewhere that nobody has seen die: they came and went between two looks, or a look failed. */
const lookAnywayMs = 10_000
const mostEngines = 10_000
const takeOverEndsWithinMs = 500
/** Of the entry, by wall clocks, which may differ: long after everybody has noticed. */
const signMs = 60_000

export function createHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { storage, engine, log, everyMs = 1_000, deadAfterMs = 5_000, monotonic = () => performance.now() } = parts
  const { entries, shared } = storage
  const takers: TakeOver[] = []
  const revived: Array<() => void> = []
  let lastBeat = -Infinity
  let timer: NodeJS.Timeout | undefined
  let beating: Promise<void> | undefined
  let looking: Promise<void> | undefined
  let seen = new Set<string>()
  let lookedAt = -Infinity
  let beats = 0
  /** Since when our own beats have got through without a gap. */
  let steadySince = Infinity
  /** What others' signs say, and since when. */
  const signs = new Map<string, { beat: string; since: number }>()

  function alive(): boolean {
    return monotonic() - lastBeat < deadAfterMs - everyMs
  }

  async function beat() {
    // The lifetime counts from the write, which is later: this errs on the safe side.
    const begun = monotonic()
    await entries.set(heartbeatSpace, engine, String(++beats), { ttlMs: signMs })
    const wasAlive = alive()
    if (!wasAlive) steadySince = monotonic()
    lastBeat = begun
    if (!wasAlive) for (const listener of revived) listener()
  }

  async function living(): Promise<readonly string[]> {
    // A storage of our own was another's before at most, and that one is dead.
    if (!shared) return [engine]
    const found = await entries.list(heartbeatSpace, '', { limit: mostEngines })
    const now = monotonic()
    const mayJudge = alive() && now - steadySince >= deadAfterMs
    for (const name of signs.keys()) if (!found.some(({ key }) => key === name)) signs.delete(name)
    for (const { key, value } of found) if (signs.get(key)?.beat !== value) signs.set(key, { beat: value, since: now })
    const dead = (name: string): boolean => mayJudge && now - signs.get(name)!.since >= deadAfterMs
    return [...new Set([engine, ...found.map(({ key }) => key).filter(name => !dead(name))])]
  }

  async function look() {
    const now = await living()
    const hasDied = [...seen].some(name => !now.includes(name))
    seen = new Set(now)
    if (!hasDied && monotonic() - lookedAt < lookAnywayMs) return
    lookedAt = monotonic()
    for (const take of takers)
      await take(now, hasDied).catch((error: unknown) => log.warn({ err: error }, 'cannot take over'))
  }

  function beatAgain() {
    // A storage that hangs holds one beat, not one more each second.
    beating ??= beat()
      .then(() => (shared ? lookAside() : undefined))
      .catch((error: unknown) => log.warn({ err: error }, 'heartbeat failed'))
      .finally(() => {
        beating = undefined
      })
  }

  /** What a dead engine left may be much: the heart does not wait for it. */
  function lookAside() {
    looking ??= look()
      .catch((error: unknown) => log.warn({ err: error }, 'cannot see which engines live'))
      .finally(() => {
        looking = undefined
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
      await take(now, true)
    },
    async stop() {
      clearInterval(timer)
      takers.length = 0
      await beating
      // What it takes over stays claimed, for the next one.
      await Promise.race([looking, wait(takeOverEndsWithinMs, undefined, { ref: false })])
      lastBeat = -Infinity
      await entries.delete(heartbeatSpace, engine).catch(() => false)
    },
  }
}
