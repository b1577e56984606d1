// Node keeps what it made of our TypeScript beside the libraries. A start that
// finds it there needs no TypeScript stripper: 20 MB of memory and 0.2 s less.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'patchcord'))

/** Imports the engine without starting it, so that the cache is full: `npm ci` ends with this. */
if (process.argv[1] === import.meta.filename) {
  await import('./start.ts')
  flushCompileCache()
}
