// Runs that outlive the engine: what such a run was told, and what it was
// answered, is stored in the same commit as what it did. Whoever starts next
// leads it to its end by replay; nothing that it did happens again.
//
// Nothing is stored before a run has done something: until then it can begin
// anew. Records hold entropy and answers; the storage seals them.

import { EngineError } from '../errors.ts'
import type { Storage } from '../storage/storage.ts'
import type { Library } from '../library/library.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { Run, RunEvent } from './run.ts'
import { recordOf, type KeptRun } from './run-record.ts'

/** In the place of a record: somebody else has begun the same anew. */
interface Abandoned {
  abandoned: true
}

/** What is left of a version whose file has changed since. */
type KeptVersion = Pick<ScriptVersion, 'filename' | 'code'>

export interface KeptRuns {
  /** The run was answered something: its record follows in the commit that makes it durable. */
  note(run: Run): void
  /**
   * Where not all is kept together: resolves when the record is stored as it is
   * now, without the results that are still to come. So nothing is done of which
   * nobody would know what led to it; what was done since is named (`once`).
   */
  before(run: Run): Promise<void> | undefined
  /**
   * The records of runs for a key that belong to engines which are not `living`,
   * and now to this one. It reads all records: where nobody `hasDied`, only when
   * the last look could not be ended, or is a minute ago; else there are none.
   */
  inherit(living: readonly string[], hasDied: boolean): Promise<KeptRun[]>
  get(id: string): Promise<KeptRun | undefined>
  /** The record, where it is this engine's. */
  mine(id: string): Promise<KeptRun | undefined>
  /** From here on it is this engine's. Throws storage_unavailable when somebody else was faster. */
  own(kept: KeptRun): Promise<void>
  /** Where it has no record: it can do nothing any more. False when it has one. */
  abandon(id: string): Promise<boolean>
  /** Its outcome is being taken care of: in the same commit, or before. */
  forget(run: Pick<Run, 'recorded'> & { event: Pick<RunEvent, 'id'> }): Promise<void>
  /** The same of a run that no key guards: an engine that stood still over it can do nothing for it any more. */
  over(run: Pick<Run, 'recorded'> & { event: Pick<RunEvent, 'id'> }): Promise<void>
  /** The version that the run began with; undefined when it is not known any more. */
  version(kept: KeptRun, library: Library): Promise<ScriptVersion | undefined>
}

const runSpace = 'runs'
const versionSpace = 'versions'
/** Words about runs that are over and that no key guards: apart from the records, which are all read at times. */
const overSpace = 'runs-over'
/** Nobody asks for the outcome of a run for longer. */
const ttlMs = 7 * 86_400_000
const mostAtOnce = 100_000
const abandoned = JSON.stringify({ abandoned: true } satisfies Abandoned)
/** How long an engine may stand still over a run that another one ends. */
const overMs = 86_400_000
/** For runs of engines that nobody has seen live. */
const lookAnywayMs = 60_000

/** `engine` is the name of this one. */
export function createKeptRuns({ ahead, entries }: Storage, engine: string): KeptRuns {
  // Runs whose record waits for the next commit, and versions that are stored.
  const noted = new Set<Run>()
  const stored = new Set<string>()
  /** Records that may be ours since a change of them had no answer. */
  const doubtful = new Set<string>()
  /** When all records were looked at; monotonic, ms. */
  let lookedAt = -Infinity
  /** Of those that are written before: the last record, and how far the run was. */
  const written = new WeakMap<Run, { progress: string; done: Promise<void> }>()
  ahead.onLost(() => {
    stored.clear()
    noted.clear()
  })

  async function write(run: Run): Promise<void> {
    noted.delete(run)
    // A run that has ended is taken care of by its owner.
    if (run.endedAt !== undefined) return
    // Where another engine has begun the same anew, it has left its word that this run may do nothing.
    const isFirst = !ahead.together && !run.recorded
    run.recorded = true
    const { script } = run.event
    const record = JSON.stringify(recordOf(run, engine))
    const recording =
      ahead.together || isFirst
        ? ahead.entries.set(runSpace, run.event.id, record, { ttlMs, ifAbsent: isFirst })
        : rewrite(run.event.id, record)
    const writes: Array<Promise<unknown>> = [recording]
    if (!stored.has(script.hash)) {
      const version: KeptVersion = { filename: script.filename, code: script.code }
      writes.push(ahead.entries.set(versionSpace, script.hash, JSON.stringify(version), { ttlMs: 2 * ttlMs }))
    }
    // Together they are kept or lost: then it is as if this had never been said.
    if (ahead.together) stored.add(script.hash)
    await Promise.all(writes)
    const isOver =
      isFirst && run.event.owner?.kind !== 'key' && (await entries.get(overSpace, run.event.id)) !== undefined
    if (isOver) await entries.delete(runSpace, run.event.id)
    if (isOver || (!ahead.together && !(await recording))) {
      if (isFirst) run.recorded = false
      throw new EngineError('storage_unavailable', { retryAfter: 1 })
    }
    // Written anew once the other one's time is half over.
    if (!stored.has(script.hash)) setTimeout(() => stored.delete(script.hash), ttlMs).unref()
    stored.add(script.hash)
  }

  /** False when it is another engine's by now, which took this one for dead. */
  async function rewrite(
    id: string,
    record: string,
    isMine = (kept: KeptRun) => kept.engine === engine,
  ): Promise<boolean> {
    const entry = await entries.get(runSpace, id)
    const kept = entry && (JSON.parse(entry.value) as KeptRun | Abandoned)
    if (kept === undefined || 'abandoned' in kept || !isMine(kept)) return false
    return entries.replace(runSpace, id, { version: entry!.version, value: record, ttlMs })
  }

  return {
    note(run) {
      if (run.event.owner === undefined || !ahead.together || noted.has(run)) return
      noted.add(run)
      ahead.beforeCommit(() => write(run))
    },
    before(run) {
      if (run.event.owner === undefined || ahead.together) return undefined
      const answered = [...run.calls.values()].filter(call => call.endedAt !== undefined).length
      const progress = `${run.journal.turns.length}:${answered}`
      const last = written.get(run)
      if (last?.progress === progress) return last.done
      // One after the other: each is written over the one before.
      const done = last === undefined ? write(run) : last.done.then(() => write(run))
      written.set(run, { progress, done })
      return done
    },
    async inherit(living, hasDied) {
      const begun = performance.now()
      if (!hasDied && begun - lookedAt < lookAnywayMs) return []
      lookedAt = -Infinity
      const found = await entries.list(runSpace, '', { limit: mostAtOnce })
      const mine: KeptRun[] = []
      let isWhole = true
      for (const { key, value } of found) {
        const kept = JSON.parse(value) as KeptRun | Abandoned
        if ('abandoned' in kept || kept.owner.kind !== 'key') continue
        const isDoubtful = doubtful.has(key)
        if (living.includes(kept.engine) && !(kept.engine === engine && isDoubtful)) continue
        // Others look too: who writes his name first has it.
        const now = await entries.get(runSpace, key)
        if (now === undefined || (now.value !== value && !isDoubtful)) continue
        const inherited = { ...kept, engine }
        const change = { version: now.version, value: JSON.stringify(inherited), ttlMs }
        doubtful.add(key)
        try {
          // What was doubtful may have been written just now, too late for its answer.
          const isWritten = await entries.replace(runSpace, key, change)
          if (isWritten || (isDoubtful && (await this.mine(key)) !== undefined)) mine.push(inherited)
        } catch {
          // Perhaps it is ours by now: the next look tells. What is ours is led on all the same.
          isWhole = false
          break
        }
        doubtful.delete(key)
      }
      if (isWhole) lookedAt = begun
      return mine
    },
    async get(id) {
      const entry = await entries.get(runSpace, id)
      const kept = entry && (JSON.parse(entry.value) as KeptRun | Abandoned)
      return kept === undefined || 'abandoned' in kept ? undefined : kept
    },
    async mine(id) {
      const kept = await this.get(id)
      return kept?.engine === engine ? kept : undefined
    },
    async own(kept) {
      if (ahead.together || kept.engine === engine) return
      const record = JSON.stringify({ ...kept, engine })
      if (!(await rewrite(kept.event.id, record, now => now.engine === kept.engine)))
        throw new EngineError('storage_unavailable', { retryAfter: 1 })
    },
    async abandon(id) {
      return entries.set(runSpace, id, abandoned, { ttlMs, ifAbsent: true })
    },
    async forget(run) {
      if (run.recorded) await entries.delete(runSpace, run.event.id)
    },
    async over(run) {
      // First the word: whoever writes a record looks for it afterwards.
      if (!ahead.together && run.recorded) await entries.set(overSpace, run.event.id, '', { ttlMs: overMs })
      await this.forget(run)
    },
    async version({ script: { name, hash } }, library) {
      const active = library.get(name)
      if (active?.hash === hash) return active
      const entry = await entries.get(versionSpace, hash)
      if (entry === undefined) return undefined
      const kept = JSON.parse(entry.value) as KeptVersion
      return library.earlier(name, { hash, ...kept })
    },
  }
}
