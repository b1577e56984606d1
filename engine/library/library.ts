// The operator's scripts: which there are, and which version of each is active.
//
// A file whose content changed, or a text that is put, becomes the active
// version within a second, on all engines of a storage or on none; one that
// cannot be used leaves the old version serving and is reported. A run keeps the
// version that it began with.

import { EngineError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Storage } from '../storage/storage.ts'
import { createAgreement } from './agreement.ts'
import { stopBuilding } from './build.ts'
import { followFolder, readFolder } from './folder.ts'
import { createLoader, type LoaderParts } from './load.ts'
import { createRecords, type ActiveVersion } from './records.ts'
import { fileOf, problemOf } from './script-files.ts'
import { ScriptProblems, type ScriptProblem, type ScriptVersion } from './script.ts'
import { createServing } from './serving.ts'

export interface Library {
  /** The active version of a script. */
  get(name: string): ScriptVersion | undefined
  /**
   * The active version where it has that export; the storage is asked before
   * there is none, as another engine may just have put it.
   */
  find(name: string, action: string): Promise<ScriptVersion | undefined>
  /** By name. */
  list(): ScriptVersion[]
  /** A version that is not active any more, as far as it is kept: enough to end a run with it. */
  earlier(name: string, kept: Pick<ScriptVersion, 'hash' | 'filename' | 'code'>): ScriptVersion
  /** What keeps the newest file of a script, or its active version, from being used here. */
  problems(name: string): ScriptProblem[]
  /** Makes a text a script's active version, on all engines. Throws ScriptProblems: then nothing has changed. */
  put(name: string, source: string, note: string | null): Promise<ScriptVersion>
  /** The last twenty versions, newest first. */
  versions(name: string): Promise<ActiveVersion[]>
  /** Makes one of those active again; undefined when it is none. Throws ScriptProblems. */
  activate(name: string, hash: string): Promise<ScriptVersion | undefined>
  /** False when there is none. Its versions stay known. */
  remove(name: string): Promise<boolean>
  /** Looks no more at the files. */
  close(): void
  /** Looks no more at what other engines do. */
  leave(): void
}

export interface LibraryParts extends LoaderParts {
  storage: Pick<Storage, 'entries' | 'shared'>
  /** Of this one. */
  engine: string
  /** The engines that live, this one among them. */
  living: () => Promise<readonly string[]>
  /** Tells this folder from those of other engines: what its files held is remembered under it. */
  place: string
  log: Log
}

/** Loads the scripts of the storage and of the folder, or throws a StartError that names file, line and column. */
export async function openLibrary(parts: LibraryParts): Promise<Library> {
  const { folder } = parts
  const loader = createLoader(parts)
  const records = createRecords(parts.storage, parts.place)
  const inFile = (name: string, message: string): ScriptProblem => problemOf(fileOf(folder, name), message)
  const agreement = createAgreement({ ...parts, records, problemOf: inFile })
  const serving = createServing({ ...parts, loader, records, agreement, problemOf: inFile })
  const found = await readFolder(folder, loader)
  for (const version of found.files.values()) serving.prepare(version)
  // Before anything is put: engines that start at the same time wait for each other's word.
  const leave = await records.follow(serving.follow)
  const broken = new Map<string, ScriptProblem[]>()
  let close: () => void
  try {
    await serving.idle()
    // What could not be read is not gone.
    for (const [name, { active }] of await records.list())
      if (active !== null && !serving.active.has(name) && !serving.unusable.has(name))
        throw new EngineError('storage_unavailable', { retryAfter: 1 })
    close = await followFolder({ found, loader, records, serving, broken, log: parts.log })
    serving.started()
  } catch (error) {
    leave()
    throw error
  }

  return {
    get: name => serving.active.get(name),
    async find(name, action) {
      const having = (): ScriptVersion | undefined => {
        const version = serving.active.get(name)
        return version?.exports.has(action) === true ? version : undefined
      }
      if (having() !== undefined || !parts.storage.shared) return having()
      await serving.follow(await records.list())
      await serving.idle()
      return having()
    },
    list: () => [...serving.active.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    earlier: (name, kept) => ({
      ...kept,
      name,
      map: '',
      source: '',
      exports: new Set(),
      fields: {},
      warnings: [],
      // Its source map is not kept.
      positions: { stack: stack => stack, first: () => undefined },
      settings: parts.settingsOf(name),
      loadedAt: parts.clock(),
    }),
    problems: name => serving.unusable.get(name) ?? broken.get(name) ?? [],
    async put(name, source, note) {
      const version = await loader.source(name, source).finally(() => void stopBuilding())
      if (version.exports.size === 0) throw new ScriptProblems([inFile(name, 'exports no function')])
      await serving.put(version, note)
      broken.delete(name)
      return version
    },
    versions: records.versions,
    async activate(name, hash) {
      const version = await serving.activate(name, hash)
      if (version !== undefined) broken.delete(name)
      return version
    },
    async remove(name) {
      const isRemoved = await serving.remove(name)
      if (isRemoved) broken.delete(name)
      return isRemoved
    },
    close,
    leave,
  }
}
