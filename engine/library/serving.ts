// Which version of each script serves: the one that the storage says is active
// on all engines, loaded here.

import { maskDigits, type Log } from '../log.ts'
import type { Agreement } from './agreement.ts'
import type { Loader } from './load.ts'
import type { Offer, Records, ScriptRecord } from './records.ts'
import { ScriptProblems, type ScriptProblem, type ScriptVersion } from './script.ts'

export interface ServingParts {
  loader: Loader
  records: Records
  agreement: Agreement
  /** Of this one. */
  engine: string
  problemOf(name: string, message: string): ScriptProblem
  clock: () => number
  log: Log
}

export interface Serving {
  readonly active: ReadonlyMap<string, ScriptVersion>
  /** What keeps the active version of a script from being used here. */
  readonly unusable: ReadonlyMap<string, ScriptProblem[]>
  /** Goes by what the storage says, and says what keeps this engine from using what is offered. */
  follow(records: ReadonlyMap<string, ScriptRecord>): Promise<void>
  /** Resolves when nothing that was followed is being loaded any more. */
  idle(): Promise<void>
  /** It need not be loaded once more when it becomes active. */
  prepare(version: ScriptVersion): void
  /** From here on what begins to serve is logged: at the start it is what was there. */
  started(): void
  /** Serves while the active version cannot be used here. */
  standIn(version: ScriptVersion): void
  /** Keeps the version and makes it active everywhere; throws ScriptProblems where that cannot be. */
  put(version: ScriptVersion, note: string | null): Promise<void>
  /** One that was active is so again; undefined when it is not known. */
  activate(name: string, hash: string): Promise<ScriptVersion | undefined>
  /** With `hash`: only while that version is the active one. False when there is nothing to remove. */
  remove(name: string, hash?: string): Promise<boolean>
}

/** An engine that had no time to load a version may find it later. */
const loadAgainMs = 10_000

export function createServing(parts: ServingParts): Serving {
  const { loader, records, agreement, engine, clock, log } = parts
  const active = new Map<string, ScriptVersion>()
  const unusable = new Map<string, ScriptProblem[]>()
  /** By name, the change that was followed last. */
  const followed = new Map<string, string>()
  /** By name, what is loaded and not active yet. */
  const prepared = new Map<string, ScriptVersion>()
  /** By name, the last offer on which this engine has given its word. */
  const judged = new Map<string, string>()
  /** By name, the change that could not be followed, and when that may be tried again. */
  const failed = new Map<string, { change: string; until: number }>()
  const lastTurns = new Map<string, Promise<unknown>>()
  let hasStarted = false

  /** What changes one script goes one after the other. */
  function inTurn<Result>(name: string, change: () => Promise<Result>): Promise<Result> {
    const done = (lastTurns.get(name) ?? Promise.resolve()).then(change)
    const settled: Promise<unknown> = done
      .catch(() => {})
      .then(() => lastTurns.get(name) === settled && lastTurns.delete(name))
    lastTurns.set(name, settled)
    return done
  }

  async function load(name: string, hash: string): Promise<ScriptVersion> {
    const known = [prepared.get(name), active.get(name)].find(version => version?.hash === hash)
    if (known !== undefined) return known
    const kept = await records.version(name, hash)
    if (kept === undefined) throw new ScriptProblems([parts.problemOf(name, `version ${hash} is not kept any more`)])
    return loader.built(name, kept)
  }

  /** In its turn. */
  async function adopt(name: string, { change, active: hash }: ScriptRecord): Promise<void> {
    if (followed.get(name) === change) return
    try {
      const version = hash === null ? undefined : await load(name, hash)
      if (version !== undefined) serve(version)
      else if (active.delete(name)) log.info({ script: name }, 'script removed')
    } catch (error) {
      if (!(error instanceof ScriptProblems)) throw error
      failed.set(name, { change, until: performance.now() + loadAgainMs })
      unusable.set(name, error.problems)
      return logProblems(log, name, active.get(name), error)
    }
    followed.set(name, change)
    failed.delete(name)
    unusable.delete(name)
  }

  function serve(version: ScriptVersion): void {
    const { name, hash, source, map, positions } = version
    if (prepared.get(name)?.hash === hash) prepared.delete(name)
    const before = active.get(name)
    // The same code with other comments.
    if (before?.hash === hash) return void Object.assign(before, { source, map, positions })
    active.set(name, version)
    if (hasStarted) log.info({ script: name, version: hash }, 'script loaded')
    for (const warning of version.warnings) log.warn({ script: name }, maskDigits(warning))
  }

  async function judge(name: string, { id, hash, by }: Offer): Promise<void> {
    if (by === engine || judged.get(name) === id) return
    let problems: ScriptProblem[] = []
    try {
      prepared.set(name, await load(name, hash))
    } catch (error) {
      if (!(error instanceof ScriptProblems)) throw error
      problems = error.problems
    }
    await records.vote(name, id, engine, problems)
    judged.set(name, id)
  }

  function mayFollow(name: string, { change }: ScriptRecord): boolean {
    const failure = failed.get(name)
    return followed.get(name) !== change && (failure?.change !== change || performance.now() >= failure.until)
  }

  async function reach(version: ScriptVersion, note?: string | null): Promise<void> {
    const { name, hash, filename, code, map, source } = version
    prepared.set(name, version)
    const bundle = { hash, filename, code, map, source }
    if (note !== undefined) await records.offer(name, bundle, clock())
    try {
      const record = await agreement.reach(name, hash)
      await records.activated(name, bundle, clock(), note)
      await adopt(name, record)
      if (active.get(name)?.hash === hash) serve(version)
    } catch (error) {
      if (note !== undefined && error instanceof ScriptProblems) await records.refused(name, hash)
      throw error
    }
  }

  return {
    active,
    unusable,
    async follow(all) {
      const judging = [...all].map(async ([name, record]) => {
        // Nobody waits for it: behind a change of our own it may take long, and others wait for our word.
        if (mayFollow(name, record))
          inTurn(name, async () => {
            // As it is by now.
            const { record: now } = await records.get(name)
            if (now !== undefined && mayFollow(name, now)) await adopt(name, now)
          }).catch((error: unknown) => log.warn({ err: error, script: name }, 'script not followed'))
        if (record.offer !== undefined) await judge(name, record.offer)
      })
      for (const result of await Promise.allSettled(judging)) if (result.status === 'rejected') throw result.reason
    },
    async idle() {
      await Promise.all(lastTurns.values())
    },
    prepare: version => void prepared.set(version.name, version),
    started() {
      hasStarted = true
    },
    standIn(version) {
      if (!active.has(version.name)) serve(version)
    },
    put: (version, note) => inTurn(version.name, () => reach(version, note)),
    activate: (name, hash) =>
      inTurn(name, async () => {
        if (!(await records.versions(name)).some(version => version.hash === hash)) return undefined
        const version = await load(name, hash)
        await reach(version)
        return version
      }),
    remove: (name, hash) =>
      inTurn(name, async () => {
        const { record } = await records.get(name)
        const isThere = record !== undefined && record.active !== null
        if (!isThere || (hash !== undefined && record.active !== hash)) return false
        await adopt(name, await agreement.reach(name, null))
        return true
      }),
  }
}

/** What was said quotes the script, which may hold a number. */
export function logProblems(log: Log, name: string, serving: ScriptVersion | undefined, problems: Error): void {
  log.error({ script: name, serving: serving?.hash ?? null }, `script not loaded: ${maskDigits(problems.message)}`)
}
