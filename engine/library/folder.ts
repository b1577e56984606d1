// The folder of scripts beside this engine: what changes there is put.
//
// Only what differs from the last look is a change. So a version that was put
// without a file stays active when an engine comes back, and an engine that
// comes with an old folder takes nobody back to it.

import { StartError } from '../errors.ts'
import { lookAtFolder, watchFolder } from '../folder-watch.ts'
import type { Log } from '../log.ts'
import { stopBuilding } from './build.ts'
import type { Loader } from './load.ts'
import type { Records } from './records.ts'
import { nameOf, problemOf, scriptFiles } from './script-files.ts'
import { ScriptProblems, type ScriptProblem, type ScriptVersion } from './script.ts'
import { logProblems, type Serving } from './serving.ts'

export interface FolderParts {
  /** As it was read. */
  found: ScriptFolder
  loader: Loader
  records: Records
  serving: Serving
  /** What keeps the newest file of a script from being active. */
  broken: Map<string, ScriptProblem[]>
  log: Log
}

/** An edit is to be active within a second; a look costs a stat for each file. */
const lookEveryMs = 400
/** An engine that was too busy to use a version may find the time later. */
const refusedAgainMs = 10_000

export interface ScriptFolder {
  folder: string
  /** What a look at it told before it was read. */
  seen: string
  /** By name. */
  files: ReadonlyMap<string, ScriptVersion>
}

/** Throws a StartError for what cannot be used. */
export async function readFolder(folder: string, loader: Loader): Promise<ScriptFolder> {
  // Before they are read: what is saved meanwhile is not missed.
  const seen = await lookAtFolder(folder)
  return { folder, seen, files: await loadAll(await scriptFiles(folder), loader) }
}

/** Puts what has changed since this folder was last looked at, then what will. Answers how to stop. */
export async function followFolder(parts: FolderParts): Promise<() => void> {
  const { found, loader, records, serving, broken, log } = parts
  const { folder, files } = found
  let isRefused = false
  const unnoted = new Map<string, string | undefined>()
  /** By name, what its file held at the last look. */
  const last = await records.lastFiles()
  await Promise.all([...files.values()].map(begin))
  for (const name of gone(new Set(files.keys()))) await remove(name)
  return watchFolder(folder, lookEveryMs, isRefused || unnoted.size > 0 ? '' : found.seen, look)

  async function begin(version: ScriptVersion): Promise<void> {
    const { name, hash } = version
    const { record } = await records.get(name)
    const before = last.get(name)
    // Where this folder is new, what others have had before is not newer than what they have now.
    const isChanged = before === undefined ? !(await records.wasActive(name, hash)) : before !== hash
    if (record === undefined || isChanged) {
      const problems = await put(version)
      isRefused ||= problems !== undefined
      if (problems !== undefined) report(name, new ScriptProblems(problems))
    } else {
      await note(name, hash)
      if (record.active !== hash)
        log.warn({ script: name, file: hash, serving: record.active }, 'the file holds an earlier version')
    }
    if (record !== undefined && record.active !== null) serving.standIn(version)
  }

  /** Resolves with what keeps another engine from using it. */
  async function put(version: ScriptVersion): Promise<ScriptProblem[] | undefined> {
    try {
      await serving.put(version, null)
    } catch (error) {
      if (error instanceof ScriptProblems) return error.problems
      throw error
    }
    await note(version.name, version.hash)
    return undefined
  }

  /** What had a file at the last look. A folder that has lost all of several is taken for one that is away. */
  function gone(present: ReadonlySet<string>): string[] {
    if (present.size > 0 || last.size < 2) return [...last.keys()].filter(name => !present.has(name))
    log.error(`the folder of scripts is empty: nothing is removed: ${folder}`)
    return []
  }

  /** What was put in its place stays. */
  async function remove(name: string): Promise<void> {
    await serving.remove(name, last.get(name))
    await note(name, undefined)
  }

  async function note(name: string, hash: string | undefined): Promise<void> {
    if (hash === undefined) last.delete(name)
    else last.set(name, hash)
    unnoted.set(name, hash)
    await writeNotes()
  }

  /** What cannot be noted now does not make a file new: others may have put something since. */
  async function writeNotes(): Promise<void> {
    for (const [name, hash] of unnoted)
      try {
        await records.setLastFile(name, hash)
        unnoted.delete(name)
      } catch (error) {
        log.warn({ err: error, script: name }, 'what the file holds is not noted yet')
      }
  }

  function report(name: string, problems: ScriptProblems): void {
    broken.set(name, problems.problems)
    logProblems(log, name, serving.active.get(name), problems)
  }

  async function look(): Promise<number | undefined> {
    const paths = await scriptFiles(folder).catch((error: Error) => log.error(error.message))
    if (paths === undefined) return undefined
    const present = new Set<string>()
    let againMs = Infinity
    const putting: Array<Promise<void>> = []
    const attempt = async (name: string, path: string, change: () => Promise<unknown>): Promise<void> => {
      try {
        await change()
        broken.delete(name)
      } catch (error) {
        // What is not the script's fault, the storage above all, is tried again.
        if (!(error instanceof ScriptProblems)) againMs = 0
        report(name, error instanceof ScriptProblems ? error : new ScriptProblems([problemOf(path, String(error))]))
      }
    }
    for (const path of paths) {
      const name = nameOf(path)
      await attempt(name, path, async () => {
        if (present.has(name)) throw new ScriptProblems([nameIsTaken(path)])
        present.add(name)
        const version = await loader.file(path)
        // A file that is being written is empty for a moment.
        if (version.exports.size === 0 && serving.active.has(name))
          throw new ScriptProblems([problemOf(path, 'exports no function any more')])
        if (last.get(name) === version.hash) return
        // Its votes take their time: side by side with those of the next ones.
        const isPut = async (): Promise<void> => {
          const problems = await put(version)
          if (problems === undefined) return
          againMs = Math.min(againMs, refusedAgainMs)
          throw new ScriptProblems(problems)
        }
        putting.push(attempt(name, path, isPut))
      })
    }
    await Promise.all([stopBuilding(), ...putting])
    for (const name of broken.keys()) if (!present.has(name)) broken.delete(name)
    for (const name of gone(present))
      await remove(name).catch((error: unknown) => {
        againMs = 0
        log.error({ err: error, script: name }, 'script not removed')
      })
    await writeNotes()
    return unnoted.size > 0 ? 0 : againMs
  }
}

async function loadAll(paths: string[], loader: Loader): Promise<Map<string, ScriptVersion>> {
  const files = new Map<string, ScriptVersion>()
  try {
    for (const path of paths) {
      if (files.has(nameOf(path))) throw new ScriptProblems([nameIsTaken(path)])
      files.set(nameOf(path), await loader.file(path))
    }
    return files
  } catch (error) {
    throw new StartError((error as Error).message, { cause: error })
  } finally {
    await stopBuilding()
  }
}

function nameIsTaken(path: string): ScriptProblem {
  return problemOf(path, 'a script of this name is there already')
}
