// What the storage knows of the scripts: which version of each is active on
// all engines, which one is on its way there, and the last twenty of each.
//
//   scripts                  <name>            ScriptRecord
//   scripts-changes          count             grows with every change of those
//   script-versions/<name>   <hash>            KeptVersion
//   script-known/<name>      <hash>            '', of each that was ever active
//   script-votes/<name>      <offer>:<engine>  what keeps that engine from using what is offered
//   script-files/<place>     <name>            the version that its file had when it was last looked at there

import { createChanges } from '../storage/changes.ts'
import type { Storage } from '../storage/storage.ts'
import type { ScriptBundle } from './build.ts'
import type { ScriptProblem } from './script.ts'

export interface ScriptRecord {
  /** A name of the change that made it what it is. */
  change: string
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
  /** When it was offered last, ms since 1970. */
  offeredAt: number
  /** When it became active last; null: it never did. */
  at: number | null
  note: string | null
}

export type ActiveVersion = KeptVersion & { at: number }

export interface Records {
  list(): Promise<Map<string, ScriptRecord>>
  /** With what `replace` compares. */
  get(name: string): Promise<{ record: ScriptRecord | undefined; version: number | null }>
  /** False when somebody else has changed it since. */
  replace(name: string, version: number | null, record: ScriptRecord): Promise<boolean>
  /** Calls `read` with the records, now and after each change; answers how to stop. */
  follow(read: (records: Map<string, ScriptRecord>) => Promise<void>): Promise<() => void>
  /** Keeps a version that is about to be offered. */
  offer(name: string, bundle: ScriptBundle, now: number): Promise<void>
  /** It is active: with the twenty that were so last it stays kept. Without `note` it keeps the one that it has. */
  activated(name: string, bundle: ScriptBundle, now: number, note?: string | null): Promise<void>
  /** It is not kept for that. */
  refused(name: string, hash: string): Promise<void>
  version(name: string, hash: string): Promise<KeptVersion | undefined>
  /** Those that were active, the last one first. */
  versions(name: string): Promise<ActiveVersion[]>
  /** Whether a version was ever active, also when it is not kept any more. */
  wasActive(name: string, hash: string): Promise<boolean>
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
const offeredForMs = 60_000
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

  async function all(name: string): Promise<KeptVersion[]> {
    const found = await entries.list(versionsOf(name), '', { limit: mostScripts })
    return found.map(({ value }) => JSON.parse(value) as KeptVersion)
  }

  async function versions(name: string): Promise<ActiveVersion[]> {
    const active = (await all(name)).filter((version): version is ActiveVersion => version.at !== null)
    return active.sort((a, b) => b.at - a.at).slice(0, keptVersions)
  }

  async function version(name: string, hash: string): Promise<KeptVersion | undefined> {
    const found = await entries.get(versionsOf(name), hash)
    return found && (JSON.parse(found.value) as KeptVersion)
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
    async offer(name, bundle, now) {
      const { at = null, note = null } = (await version(name, bundle.hash)) ?? {}
      const kept: KeptVersion = { ...bundle, offeredAt: now, at, note }
      await entries.set(versionsOf(name), bundle.hash, JSON.stringify(kept))
    },
    async activated(name, bundle, now, note) {
      const before = note === undefined ? await version(name, bundle.hash) : undefined
      const kept: KeptVersion = { ...bundle, offeredAt: now, at: now, note: note ?? before?.note ?? null }
      await Promise.all([
        entries.set(versionsOf(name), bundle.hash, JSON.stringify(kept)),
        entries.set(knownOf(name), bundle.hash, ''),
      ])
      const stay = new Set((await versions(name)).map(({ hash }) => hash))
      const { record } = await get(name)
      for (const { hash, offeredAt } of await all(name))
        // Others may be about to offer theirs.
        if (!stay.has(hash) && hash !== record?.active && offeredAt < now - offeredForMs)
          await entries.delete(versionsOf(name), hash)
    },
    async refused(name, hash) {
      if ((await version(name, hash))?.at === null) await entries.delete(versionsOf(name), hash)
    },
    version,
    versions,
    wasActive: async (name, hash) => (await entries.get(knownOf(name), hash)) !== undefined,
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
