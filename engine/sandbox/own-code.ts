// The engine's own code that runs in the sandbox, as one file each.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import * as esbuild from 'esbuild'

import { completed } from '../library/build.ts'

/** The code that runs inside every isolate before the script. */
export function buildGuest(): Promise<string> {
  return bundleOwn('guest/main.ts', { format: 'iife', globalName: 'guest' })
}

/** The code of the sandbox processes, libraries included: they read no files. */
export function buildChild(): Promise<string> {
  return bundleOwn('child.ts', { format: 'cjs', platform: 'node' })
}

async function bundleOwn(file: string, options: esbuild.BuildOptions): Promise<string> {
  const result = await completed(
    esbuild.build({
      ...options,
      entryPoints: [join(dirname(fileURLToPath(import.meta.url)), file)],
      bundle: true,
      write: false,
      target: 'es2024',
      // All processes or isolates hold it: in one byte a character.
      charset: 'ascii',
      tsconfigRaw: {},
      logLevel: 'silent',
    }),
  )
  return result.outputFiles[0]!.text
}
