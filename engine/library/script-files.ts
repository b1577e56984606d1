// The files of a folder that are scripts.

import { readdir } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'

import { StartError } from '../errors.ts'
import type { ScriptProblem } from './script.ts'

/** Absolute paths, in order. */
export async function scriptFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(`the folder of scripts cannot be read: ${folder} (${error.code})`)
  })
  return names
    .filter(name => isScriptName(nameOf(name)) && /\.(ts|js)$/.test(name))
    .sort()
    .map(name => join(folder, name))
}

export function isScriptName(name: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(name)
}

export function nameOf(path: string): string {
  return basename(path).replace(/\.(ts|js)$/, '')
}

/** Where the file of a script would be. */
export function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.ts`)
}

/** At the beginning of a file. */
export function problemOf(path: string, message: string): ScriptProblem {
  return { file: relative(process.cwd(), path), line: 1, column: 1, message }
}
