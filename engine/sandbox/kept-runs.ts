// Runs that outlive the engine: what such a run was told, and what it was
// answered, is stored in the same commit as what it did. Whoever starts next
// leads it to its end by replay; nothing that it did happens again.
//
// Nothing is stored before a run has done something: until then it can begin
// anew. Records hold entropy and answers; the storage seals them.

import type { Storage } from '../storage/storage.ts'
import type { HostCall } from './host-call.ts'
import type { JournalTurn } from './journal.ts'
import type { Library, ScriptVersion } from './library.ts'
import type { Delivery, Run, RunEvent } from './run.ts'

/** What has to be done with the outcome, in the words of whoever began the run. */
export type RunOwner = { kind: 'key'; place: string; bodyHash: string } | { kind: 'timer' | 'sms' | 'report' }

/** A run as it was when its last effect became durable. */
export interface KeptRun {
  /** Whose it is. */
  engine: string
  owner: RunOwner
  event: Omit<RunEvent, 'script' | 'owner'>
  script: { name: string; hash: string }
  turns: JournalTurn[]
  /** Those that were answered. */
  calls: KeptCall[]
  /** Answers that were in no turn yet. */
  deliveries: Delivery[]
  messages: number
  /** Which of its messages a call is, for those that were not answered. */
  reserved: Array<[call: number, message: number]>
  hadEffect: boolean
  changes: Array<[string, { before: string | undefined; after: string | undefined }]>
}

export type KeptCall = Omit<HostCall, 'done' | 'changed' | 'input'>

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
  /** The records of runs for a key that belong to engines which are not `living`, and now to this one. */
  inherit(living: readonly string[]): Promise<KeptRun[]>
  get(id: string): Promise<KeptRun | undefined>
  /** Its outcome is being taken care of: in the same commit, or before. */
  forget(run: Pick<Run, 'recorded'> & { event: Pick<RunEvent, 'id'> }): Promise<void>
  /** The version that the run began with; undefined when it is not known any more. */
  version(kept: KeptRun, library: Library): Promise<ScriptVersion | undefined>
}

const runSpace = 'runs'
const versionSpace = 'versions'
/** Nobody asks for the outcome of a run for longer. */
const ttlMs = 7 * 86_400_000
const mostAtOnce = 100_000

/** `engine` is the name of this one. */
export function createKeptRuns({ ahead, entries }: Storage, engine: string): KeptRuns {
  // Runs whose record waits for the next commit, and versions that are stored.
  const noted = new Set<Run>()
  const stored = new Set<string>()
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
    run.recorded = true
    const { script } = run.event
    const writes = [ahead.entries.set(runSpace, run.event.id, JSON.stringify(recordOf(run, engine)), { ttlMs })]
    if (!stored.has(script.hash)) {
      stored.add(script.hash)
      const version: KeptVersion = { filename: script.filename, code: script.code }
      writes.push(ahead.entries.set(versionSpace, script.hash, JSON.stringify(version), { ttlMs: 2 * ttlMs }))
    }
    await Promise.all(writes)
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
      const done = write(run)
      written.set(run, { progress, done })
      return done
    },
    async inherit(living) {
      const found = await entries.list(runSpace, '', { limit: mostAtOnce })
      const mine: KeptRun[] = []
      for (const { key, value } of found) {
        const kept = JSON.parse(value) as KeptRun
        if (kept.owner.kind !== 'key' || living.includes(kept.engine)) continue
        // Others look too: who writes his name first has it.
        const now = await entries.get(runSpace, key)
        if (now === undefined || now.value !== value) continue
        const inherited = { ...kept, engine }
        const change = { version: now.version, value: JSON.stringify(inherited), ttlMs }
        if (await entries.replace(runSpace, key, change)) mine.push(inherited)
      }
      return mine
    },
    async get(id) {
      const entry = await entries.get(runSpace, id)
      return entry && (JSON.parse(entry.value) as KeptRun)
    },
    async forget(run) {
      if (run.recorded) await entries.delete(runSpace, run.event.id)
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

function recordOf(run: Run, engine: string): KeptRun {
  const { script, owner, ...event } = run.event
  return {
    engine,
    owner: owner!,
    event,
    script: { name: script.name, hash: script.hash },
    turns: run.journal.turns,
    calls: [...run.calls.values()].filter(call => call.endedAt !== undefined).map(keptCall),
    deliveries: run.deliveries,
    messages: run.messages,
    reserved: [...run.calls.values()].flatMap(({ number, message }) =>
      message === undefined ? [] : [[number, message] satisfies [number, number]],
    ),
    hadEffect: run.hadEffect,
    changes: [...(run.changes ?? [])],
  }
}

function keptCall({ done: _done, changed: _changed, input: _input, ...call }: HostCall): KeptCall {
  return call
}
