// The operator's scripts: which there are, and which version of each is active.
//
// A file whose content changed becomes the active version within a second; one
// that cannot be used leaves the old version serving and is reported. A run
// keeps the version that it began with.

import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'

import { StartError } from '../errors.ts'
import { lookAtFolder, watchFolder } from '../folder-watch.ts'
import { maskDigits, type Log } from '../log.ts'
import { buildScript, ScriptProblems, stopBuilding, type ScriptBundle, type ScriptProblem } from './build.ts'
import { readFields, type Fields } from './fields.ts'
import { createPositions, type SourcePositions } from './source-position.ts'

/** What the configuration says of one script. */
export interface ScriptSettings {
  countries: string[]
  memoryMb: number
  /** `run`: each run has an isolate of its own, made for it and gone with it. */
  isolation: 'shared' | 'run'
}

export interface ScriptVersion {
  name: string
  /** Which version: letters of the code's hash. */
  hash: string
  filename: string
  code: string
  /** What the operator wrote. */
  source: string
  exports: ReadonlySet<string>
  fields: Fields
  /** What its author wants the operator to be told when it is loaded. */
  warnings: string[]
  positions: SourcePositions
  settings: ScriptSettings
  loadedAt: number
}

export interface ManifestFailure {
  message: string
  stack: string
  /** The process that looked has ended. */
  ended?: boolean
}

/** What a look at a script's exports found. */
export type Manifest = { exports: string[]; fields: unknown; warnings: unknown } | { failure: ManifestFailure }

export interface Library {
  /** The active version of a script. */
  get(name: string): ScriptVersion | undefined
  list(): ScriptVersion[]
  /** A version that is not active any more, as far as it is kept: enough to end a run with it. */
  earlier(name: string, kept: Pick<ScriptVersion, 'hash' | 'filename' | 'code'>): ScriptVersion
  /** What keeps the newest file of a script from being active. */
  problems(name: string): ScriptProblem[]
  close(): void
}

export interface LibraryParts {
  folder: string
  settingsOf(name: string): ScriptSettings
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  log: Log
  clock: () => number
}

/** An edit is to be active within a second; a look costs a stat for each file. */
const lookEveryMs = 400

/** Each has its place in the API reference. */
const mostExports = 100

const reserved = new Set(
  'admin callbacks console docs healthz readyz metrics verify twilio labsmobile camara hooks'.split(' '),
)

/** Loads every script of the folder, or throws a StartError that names file, line and column. */
export async function openLibrary(parts: LibraryParts): Promise<Library> {
  const { folder, log } = parts
  const active = new Map<string, ScriptVersion>()
  const broken = new Map<string, ScriptProblem[]>()

  // Before they are read: what is saved meanwhile is not missed.
  const seen = await lookAtFolder(folder)
  for (const path of await scriptFiles(folder)) {
    try {
      const version = await load(path, parts)
      if (active.has(version.name))
        throw new ScriptProblems([problemOf(path, 'a script of this name is there already')])
      active.set(version.name, version)
      warn(version, log)
    } catch (error) {
      await stopBuilding()
      throw new StartError((error as Error).message, { cause: error })
    }
  }
  await stopBuilding()
  const stopWatching = watchFolder(folder, lookEveryMs, seen, reload)

  async function reload(): Promise<void> {
    const paths = await scriptFiles(folder).catch((error: Error) => log.error(error.message))
    if (paths === undefined) return
    const present = new Set<string>()
    for (const path of paths) {
      const name = nameOf(path)
      try {
        if (present.has(name)) throw new ScriptProblems([problemOf(path, 'a script of this name is there already')])
        present.add(name)
        const version = await load(path, parts)
        // A file that is being written is empty for a moment.
        if (version.exports.size === 0 && active.has(name))
          throw new ScriptProblems([problemOf(path, 'exports no function any more')])
        broken.delete(name)
        if (active.get(name)?.hash === version.hash) continue
        active.set(name, version)
        log.info({ script: name, version: version.hash }, 'script loaded')
        warn(version, log)
      } catch (error) {
        const { message } = error as Error
        broken.set(name, error instanceof ScriptProblems ? error.problems : [problemOf(path, message)])
        // The message quotes the script, which may hold a number.
        log.error(
          { script: name, serving: active.get(name)?.hash ?? null },
          `script not loaded: ${maskDigits(message)}`,
        )
      }
    }
    await stopBuilding()
    for (const name of broken.keys()) if (!present.has(name)) broken.delete(name)
    for (const name of active.keys()) {
      if (present.has(name)) continue
      active.delete(name)
      log.info({ script: name }, 'script removed')
    }
  }

  return {
    get: name => active.get(name),
    list: () => [...active.values()],
    earlier: (name, kept) => ({
      ...kept,
      name,
      source: '',
      exports: new Set(),
      fields: {},
      warnings: [],
      // Its source map is not kept.
      positions: { stack: stack => stack, first: () => undefined },
      settings: parts.settingsOf(name),
      loadedAt: parts.clock(),
    }),
    problems: name => broken.get(name) ?? [],
    close: stopWatching,
  }
}

async function scriptFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(`the folder of scripts cannot be read: ${folder} (${error.code})`)
  })
  return names
    .filter(name => /^[a-z][a-z0-9-]*\.(ts|js)$/.test(name))
    .sort()
    .map(name => join(folder, name))
}

function nameOf(path: string): string {
  return basename(path).replace(/\.(ts|js)$/, '')
}

function problemOf(path: string, message: string): ScriptProblem {
  return { file: relative(process.cwd(), path), line: 1, column: 1, message }
}

async function load(path: string, parts: LibraryParts): Promise<ScriptVersion> {
  const name = nameOf(path)
  const fail = (message: string): never => {
    throw new ScriptProblems([problemOf(path, message)])
  }
  if (reserved.has(name)) fail(`the name "${name}" is reserved`)
  const settings = parts.settingsOf(name)
  const bundle = await buildScript(parts.folder, path)
  const positions = createPositions(bundle.filename, bundle.map, source =>
    relative(process.cwd(), join(parts.folder, source)),
  )
  const manifest = await parts.readManifest(bundle, settings.memoryMb)
  if ('failure' in manifest) throw new ScriptProblems([failureProblem(manifest.failure, positions, path)])
  if (manifest.exports.length > mostExports) fail(`exports more than ${mostExports} functions`)
  let fields: Fields = {}
  try {
    fields = readFields(manifest.fields)
  } catch (error) {
    fail((error as Error).message)
  }
  return {
    name,
    hash: bundle.hash,
    filename: bundle.filename,
    code: bundle.code,
    source: await readFile(path, 'utf8'),
    exports: new Set(manifest.exports),
    fields,
    warnings: Array.isArray(manifest.warnings)
      ? manifest.warnings.slice(0, 10).map(warning => String(warning).slice(0, 200))
      : [],
    positions,
    settings,
    loadedAt: parts.clock(),
  }
}

function warn({ name, warnings }: ScriptVersion, log: Log): void {
  for (const warning of warnings) log.warn({ script: name }, maskDigits(warning))
}

function failureProblem(
  failure: { message: string; stack: string },
  positions: SourcePositions,
  path: string,
): ScriptProblem {
  const place = /^(.*):(\d+):(\d+)$/.exec(positions.first(failure.stack) ?? '')
  if (place === null) return problemOf(path, failure.message)
  return { file: place[1]!, line: Number(place[2]), column: Number(place[3]), message: failure.message }
}
