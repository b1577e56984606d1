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
  /** The records of runs that no engine has ended. */
  list(): Promise<KeptRun[]>
  get(id: string): Promise<KeptRun | undefined>
  /** Its outcome is being taken care of, in the same commit. */
  forget(run: Run): Promise<void>
  /** The version that the run began with; undefined when it is not known any more. */
  version(kept: KeptRun, library: Library): Promise<ScriptVersion | undefined>
}

const runSpace = 'runs'
const versionSpace = 'versions'
/** Nobody asks for the outcome of a run for longer. */
const ttlMs = 7 * 86_400_000
const mostAtOnce = 100_000

export function createKeptRuns({ ahead, entries }: Storage): KeptRuns {
  // Runs whose record waits for the next commit, and versions that are stored.
  const noted = new Set<Run>()
  const stored = new Set<string>()
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
    const writes = [ahead.entries.set(runSpace, run.event.id, JSON.stringify(recordOf(run)), { ttlMs })]
    if (!stored.has(script.hash)) {
      stored.add(script.hash)
      const version: KeptVersion = { filename: script.filename, code: script.code }
      writes.push(ahead.entries.set(versionSpace, script.hash, JSON.stringify(version), { ttlMs: 2 * ttlMs }))
    }
    await Promise.all(writes)
  }

  return {
    note(run) {
      if (run.event.owner === undefined || noted.has(run)) return
      noted.add(run)
      ahead.beforeCommit(() => write(run))
    },
    async list() {
      const found = await entries.list(runSpace, '', { limit: mostAtOnce })
      return found.map(({ value }) => JSON.parse(value) as KeptRun)
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

function recordOf(run: Run): KeptRun {
  const { script, owner, ...event } = run.event
  return {
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
