// Turns a script and what it imports into the one function that an isolate runs.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'

import * as esbuild from 'esbuild'

import { letters } from '../ids.ts'
import { ScriptProblems, type ScriptProblem } from './script.ts'

export interface ScriptBundle {
  /** `(function (module, exports) { … })`. */
  code: string
  filename: string
  map: string
  /** What the operator wrote. */
  source: string
  /** Letters of the SHA-256 of the code: one version, one hash. */
  hash: string
}

/** `path` is a file directly in `folder`; with `source` it is built as if it held that. Throws ScriptProblems. */
export async function buildScript(folder: string, path: string, source?: string): Promise<ScriptBundle> {
  const shown = (file: string): string => join(relative(process.cwd(), folder) || '.', relative(folder, file))
  const filename = `${shown(path)}.js`
  try {
    const result = await completed(
      esbuild.build({
        absWorkingDir: folder,
        ...(source === undefined ? { entryPoints: [path] } : { stdin: stdinOf(source, path) }),
        outdir: folder,
        bundle: true,
        write: false,
        format: 'cjs',
        platform: 'neutral',
        target: 'es2024',
        sourcemap: 'external',
        sourcesContent: false,
        legalComments: 'none',
        charset: 'utf8',
        logLevel: 'silent',
        tsconfigRaw: {},
        banner: { js: '(function(module,exports){"use strict";' },
        footer: { js: '})' },
        plugins: [onlyLib(folder)],
      }),
    )
    const code = withoutCopy(result.outputFiles.find(file => file.path.endsWith('.js'))!.text)
    const map = result.outputFiles.find(file => file.path.endsWith('.map'))!.text
    const hash = letters(createHash('sha256').update(code).digest().subarray(0, 8))
    return { code, filename, map, source: source ?? (await readFile(path, 'utf8')), hash }
  } catch (error) {
    throw new ScriptProblems(problemsOf(error, shown, path))
  }
}

function stdinOf(contents: string, path: string): esbuild.StdinOptions {
  return { contents, sourcefile: path, resolveDir: dirname(path), loader: path.endsWith('.js') ? 'js' : 'ts' }
}

// esbuild copies the exports once more, for loaders that tell its modules from
// others; every run would pay for it, and nothing of ours looks.
function withoutCopy(code: string): string {
  return code.replace(/^module\.exports = __toCommonJS\((\w+)\);$/m, 'module.exports = $1;')
}

let underWay = 0
let isStopWanted = false

/** For all that esbuild is asked: it is stopped when nothing is under way. */
export async function completed<Result>(building: Promise<Result>): Promise<Result> {
  underWay++
  try {
    return await building
  } finally {
    underWay--
    if (isStopWanted) await stopBuilding()
  }
}

/** esbuild keeps a process of its own: it is let go once the scripts are loaded. What it is asked just then would never be answered. */
export async function stopBuilding(): Promise<void> {
  isStopWanted = underWay > 0
  if (!isStopWanted) await esbuild.stop()
}

// A script may import files of its folder's lib/, which may import each other; nothing else.
function onlyLib(folder: string): esbuild.Plugin {
  const lib = join(folder, 'lib') + sep
  return {
    name: 'only-lib',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, kind, resolveDir }) => {
        if (kind === 'entry-point') return undefined
        const target = resolve(resolveDir, path)
        if (/^\.\.?\//.test(path) && target.startsWith(lib)) return undefined
        return { errors: [{ text: `"${path}" cannot be imported: scripts import only files of their lib folder` }] }
      })
    },
  }
}

function problemsOf(error: unknown, shown: (file: string) => string, path: string): ScriptProblem[] {
  const messages = (error as Partial<esbuild.BuildFailure>).errors
  if (messages === undefined || messages.length === 0) {
    return [{ file: shown(path), line: 1, column: 1, message: (error as Error).message }]
  }
  return messages.map(({ text, location }) => ({
    file: location === null ? shown(path) : shown(resolve(dirname(path), location.file)),
    line: location?.line ?? 1,
    column: (location?.column ?? 0) + 1,
    message: text,
  }))
}
