// The engine's own code that runs in the sandbox, as one file each.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import * as esbuild from 'esbuild'

import { completed } from '../library/build.ts'

/** The code that runs inside every isolate before the script. */
export const buildGuest = once(() => bundleOwn('guest/main.ts', { format: 'iife', globalName: 'guest' }))

/** The code of the sandbox processes, libraries included: they read no files. */
export const buildChild = once(() => bundleOwn('child.ts', { format: 'cjs', platform: 'node' }))

/** Our own code is the same for every engine of a process. What failed is tried again. */
function once(build: () => Promise<string>): () => Promise<string> {
  let built: Promise<string> | undefined
  return () =>
    (built ??= build().catch((error: unknown) => {
      built = undefined
      throw error
    }))
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
