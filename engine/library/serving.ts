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
  /** What keeps the newest file of a script, or its active version, from being used here. */
  readonly broken: ReadonlyMap<string, ScriptProblem[]>
  /** Goes by what the storage says, and says what keeps this engine from using what is offered. */
  follow(records: ReadonlyMap<string, ScriptRecord>): Promise<void>
  /** It need not be loaded once more when it becomes active. */
  prepare(version: ScriptVersion): void
  /** From here on what begins to serve is logged: at the start it is what was there. */
  started(): void
  /** Serves while the active version cannot be used here. */
  standIn(version: ScriptVersion): void
  /** Keeps the version and makes it active everywhere; throws ScriptProblems where that cannot be. */
  put(version: ScriptVersion, note: string | null): Promise<void>
  /** One that was kept is active again; undefined when it is not known. */
  activate(name: string, hash: string): Promise<ScriptVersion | undefined>
  remove(name: string): Promise<void>
  report(name: string, problems: ScriptProblem[]): void
  /** The newest file can be used. */
  mended(name: string): void
}

export function createServing(parts: ServingParts): Serving {
  const { loader, records, agreement, engine, log } = parts
  const active = new Map<string, ScriptVersion>()
  const broken = new Map<string, ScriptProblem[]>()
  /** How far the record of a script was followed. */
  const counts = new Map<string, number>()
  /** By name, what is loaded and not active yet. */
  const prepared = new Map<string, ScriptVersion>()
  /** By name, the last offer on which this engine has given its word. */
  const judged = new Map<string, string>()
  let hasStarted = false
  let lastChange: Promise<unknown> = Promise.resolve()

  /** Changes that are asked for here go one after the other. */
  function inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const done = lastChange.then(change)
    lastChange = done.catch(() => {})
    return done
  }

  async function load(name: string, hash: string): Promise<ScriptVersion> {
    const known = [prepared.get(name), active.get(name)].find(version => version?.hash === hash)
    if (known !== undefined) return known
    const kept = await records.version(name, hash)
    if (kept === undefined) throw new ScriptProblems([parts.problemOf(name, `version ${hash} is not kept any more`)])
    return loader.built(name, kept)
  }

  async function adopt(name: string, { count, active: hash }: ScriptRecord): Promise<void> {
    const isKnown = (): boolean => (counts.get(name) ?? 0) >= count
    if (isKnown()) return
    const loading = hash === null ? undefined : load(name, hash)
    const version = await loading?.catch((error: unknown) => {
      if (!(error instanceof ScriptProblems)) throw error
      return error
    })
    // While it was loaded the next one may have come.
    if (isKnown()) return
    counts.set(name, count)
    if (version instanceof ScriptProblems) return report(name, version.problems)
    broken.delete(name)
    if (version !== undefined) serve(version)
    else if (active.delete(name)) log.info({ script: name }, 'script removed')
  }

  function serve(version: ScriptVersion): void {
    const { name, hash } = version
    prepared.delete(name)
    if (active.get(name)?.hash === hash) return
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

  function report(name: string, problems: ScriptProblem[]): void {
    broken.set(name, problems)
    const { message } = new ScriptProblems(problems)
    // It quotes the script, which may hold a number.
    log.error({ script: name, serving: active.get(name)?.hash ?? null }, `script not loaded: ${maskDigits(message)}`)
  }

  async function reach(version: ScriptVersion): Promise<void> {
    const { name, hash } = version
    prepared.set(name, version)
    await adopt(name, await agreement.reach(name, hash))
    broken.delete(name)
  }

  return {
    active,
    broken,
    async follow(all) {
      const results = await Promise.allSettled(
        [...all].map(async ([name, record]) => {
          await adopt(name, record)
          if (record.offer !== undefined) await judge(name, record.offer)
        }),
      )
      for (const result of results) if (result.status === 'rejected') throw result.reason
    },
    prepare: version => void prepared.set(version.name, version),
    started() {
      hasStarted = true
    },
    standIn(version) {
      if (!active.has(version.name)) serve(version)
    },
    put: (version, note) =>
      inTurn(async () => {
        const { name, hash, filename, code, map, source } = version
        await records.keep(name, { hash, filename, code, map, source, at: parts.clock(), note })
        await reach(version)
      }),
    activate: (name, hash) =>
      inTurn(async () => {
        if ((await records.version(name, hash)) === undefined) return undefined
        const version = await load(name, hash)
        await reach(version)
        return version
      }),
    remove: name =>
      inTurn(async () => {
        await adopt(name, await agreement.reach(name, null))
        broken.delete(name)
      }),
    report,
    mended: name => void broken.delete(name),
  }
}
