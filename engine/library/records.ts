// What the storage knows of the scripts: which version of each is active on
// all engines, which one is on its way there, and the last twenty of each.
//
//   scripts                  <name>            ScriptRecord
//   scripts-changes          count             grows with every change of those
//   script-versions/<name>   <hash>            KeptVersion
//   script-known/<name>      <hash>            '', of each that was ever kept
//   script-votes/<name>      <offer>:<engine>  what keeps that engine from using what is offered
//   script-files/<place>     <name>            the version that its file had when it was last looked at there

import { createChanges } from '../storage/changes.ts'
import type { Storage } from '../storage/storage.ts'
import type { ScriptBundle } from './build.ts'
import type { ScriptProblem } from './script.ts'

export interface ScriptRecord {
  /** Grows with each version that becomes active. */
  count: number
  /** The active version's hash, null when the script was removed or is not there yet. */
  active: string | null
  /** A version that becomes active when every engine can use it. */
  offer?: Offer
}

export interface Offer {
  id: string
  hash: string
  /** The engine that collects the votes. */
  by: string
}

export interface KeptVersion extends ScriptBundle {
  /** When it was put here first, ms since 1970. */
  at: number
  note: string | null
}

export interface Records {
  list(): Promise<Map<string, ScriptRecord>>
  /** With what `replace` compares. */
  get(name: string): Promise<{ record: ScriptRecord | undefined; version: number | null }>
  /** False when somebody else has changed it since. */
  replace(name: string, version: number | null, record: ScriptRecord): Promise<boolean>
  /** Calls `read` with the records, now and after each change; answers how to stop. */
  follow(read: (records: Map<string, ScriptRecord>) => Promise<void>): Promise<() => void>
  /** Keeps a version, unless it is kept. */
  keep(name: string, version: KeptVersion): Promise<void>
  version(name: string, hash: string): Promise<KeptVersion | undefined>
  /** Newest first. */
  versions(name: string): Promise<KeptVersion[]>
  /** Whether a version was ever kept, also when it is not any more. */
  wasKept(name: string, hash: string): Promise<boolean>
  vote(name: string, offer: string, engine: string, problems: ScriptProblem[]): Promise<void>
  /** By engine. */
  votes(name: string, offer: string): Promise<Map<string, ScriptProblem[]>>
  /** What the files of this place held when they were last looked at, by name. */
  lastFiles(): Promise<Map<string, string>>
  /** Undefined: it is gone. */
  setLastFile(name: string, hash: string | undefined): Promise<void>
}

const told = { lookEveryMs: 200, readAnywayMs: 5_000 }
const mostScripts = 10_000
const keptVersions = 20
const voteMs = 60_000
/** Of a place that is never seen again; one that comes back later is a new one. */
const placeMs = 90 * 86_400_000

/** `place` tells this folder of files from those of other engines. */
export function createRecords(storage: Pick<Storage, 'entries' | 'shared'>, place: string): Records {
  const { entries, shared } = storage
  const versionsOf = (name: string): string => `script-versions/${name}`
  const knownOf = (name: string): string => `script-known/${name}`
  const votesOn = (name: string): string => `script-votes/${name}`
  const files = `script-files/${shared ? place : 'own'}`
  const changes = createChanges(storage, 'scripts-changes', told)

  async function versions(name: string): Promise<KeptVersion[]> {
    const found = await entries.list(versionsOf(name), '', { limit: mostScripts })
    return found.map(({ value }) => JSON.parse(value) as KeptVersion).sort((a, b) => b.at - a.at)
  }

  async function get(name: string): Promise<{ record: ScriptRecord | undefined; version: number | null }> {
    const found = await entries.get('scripts', name)
    if (found === undefined) return { record: undefined, version: null }
    return { record: JSON.parse(found.value) as ScriptRecord, version: found.version }
  }

  async function list(): Promise<Map<string, ScriptRecord>> {
    const found = await entries.list('scripts', '', { limit: mostScripts })
    return new Map(found.map(({ key, value }) => [key, JSON.parse(value) as ScriptRecord]))
  }

  return {
    list,
    follow: read => changes.follow(async () => read(await list())),
    get,
    async replace(name, version, record) {
      const isWritten = await entries.replace('scripts', name, { version, value: JSON.stringify(record) })
      if (isWritten) await changes.tell()
      return isWritten
    },
    async keep(name, version) {
      await Promise.all([
        entries.set(versionsOf(name), version.hash, JSON.stringify(version), { ifAbsent: true }),
        entries.set(knownOf(name), version.hash, ''),
      ])
      const { record } = await get(name)
      const old = (await versions(name)).slice(keptVersions)
      for (const { hash } of old)
        if (![version.hash, record?.active, record?.offer?.hash].includes(hash))
          await entries.delete(versionsOf(name), hash)
    },
    async version(name, hash) {
      const found = await entries.get(versionsOf(name), hash)
      return found && (JSON.parse(found.value) as KeptVersion)
    },
    versions,
    wasKept: async (name, hash) => (await entries.get(knownOf(name), hash)) !== undefined,
    async vote(name, offer, engine, problems) {
      await entries.set(votesOn(name), `${offer}:${engine}`, JSON.stringify(problems), { ttlMs: voteMs })
    },
    async votes(name, offer) {
      const found = await entries.list(votesOn(name), offer)
      return new Map(found.map(({ key, value }) => [key.split(':')[1]!, JSON.parse(value) as ScriptProblem[]]))
    },
    async lastFiles() {
      const found = await entries.list(files, '', { limit: mostScripts })
      return new Map(found.map(({ key, value }) => [key, value]))
    },
    async setLastFile(name, hash) {
      if (hash === undefined) await entries.delete(files, name)
      else await entries.set(files, name, hash, shared ? { ttlMs: placeMs } : {})
    },
  }
}
