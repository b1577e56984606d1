// From a file, a text or the storage to a version that can run: it is built,
// and its exports are looked at in a sandbox.

import { join, relative } from 'node:path'

import { buildScript, type ScriptBundle } from './build.ts'
import { readFields, type Fields } from './fields.ts'
import {
  ScriptProblems,
  type Manifest,
  type ManifestFailure,
  type ScriptProblem,
  type ScriptSettings,
  type ScriptVersion,
} from './script.ts'
import { fileOf, nameOf, problemOf } from './script-files.ts'
import { createPositions, type SourcePositions } from './source-position.ts'

export interface LoaderParts {
  /** Where scripts and what they share are. */
  folder: string
  settingsOf(name: string): ScriptSettings
  readManifest(bundle: ScriptBundle, memoryMb: number): Promise<Manifest>
  clock: () => number
}

/** All throw ScriptProblems for what cannot be used. */
export interface Loader {
  file(path: string): Promise<ScriptVersion>
  /** As if it were the script's file. */
  source(name: string, source: string): Promise<ScriptVersion>
  /** What was built before, here or on another engine. */
  built(name: string, bundle: ScriptBundle): Promise<ScriptVersion>
}

/** Each has its place in the API reference. */
const mostExports = 100

const reserved = new Set(
  'admin callbacks console docs healthz readyz metrics verify twilio labsmobile camara hooks'.split(' '),
)

export function createLoader(parts: LoaderParts): Loader {
  const { folder } = parts

  async function load(path: string, build: () => Promise<ScriptBundle>): Promise<ScriptVersion> {
    const name = nameOf(path)
    if (reserved.has(name)) throw new ScriptProblems([problemOf(path, `the name "${name}" is reserved`)])
    return versionOf(name, path, await build())
  }

  async function versionOf(name: string, path: string, bundle: ScriptBundle): Promise<ScriptVersion> {
    const fail = (message: string): never => {
      throw new ScriptProblems([problemOf(path, message)])
    }
    const settings = parts.settingsOf(name)
    const { hash, filename, code, map, source } = bundle
    const positions = createPositions(filename, map, file => relative(process.cwd(), join(folder, file)))
    const manifest = await parts.readManifest(bundle, settings.memoryMb)
    if ('failure' in manifest) throw new ScriptProblems([failureProblem(manifest.failure, positions, path)])
    if (manifest.exports.length > mostExports) fail(`exports more than ${mostExports} functions`)
    let fields: Fields = {}
    try {
      fields = readFields(manifest.fields)
    } catch (error) {
      fail((error as Error).message)
    }
    const exports = new Set(manifest.exports)
    const warnings = Array.isArray(manifest.warnings)
      ? manifest.warnings.slice(0, 10).map(warning => String(warning).slice(0, 200))
      : []
    const loadedAt = parts.clock()
    return { name, hash, filename, code, map, source, exports, fields, warnings, positions, settings, loadedAt }
  }

  const pathOf = (name: string): string => fileOf(folder, name)
  return {
    file: path => load(path, () => buildScript(folder, path)),
    source: (name, source) => load(pathOf(name), () => buildScript(folder, pathOf(name), source)),
    built: (name, bundle) => load(pathOf(name), async () => bundle),
  }
}

function failureProblem(failure: ManifestFailure, positions: SourcePositions, path: string): ScriptProblem {
  const place = /^(.*):(\d+):(\d+)$/.exec(positions.first(failure.stack) ?? '')
  if (place === null) return problemOf(path, failure.message)
  return { file: place[1]!, line: Number(place[2]), column: Number(place[3]), message: failure.message }
}
