// Tells when a folder's files have changed.
//
// It looks now and then instead of asking the kernel to call: that also works
// on network drives, with editors that replace files, and for folders that come
// and go, and a few dozen stat calls cost nothing.

import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Calls `onChange` after files came, went or were written; not before the last call of it has ended. Returns how to stop. */
export function watchFolder(folder: string, everyMs: number, onChange: () => Promise<void>): () => void {
  let stopped = false
  let seen: string | undefined
  let timer: NodeJS.Timeout | undefined

  async function look(): Promise<void> {
    const now = await signature(folder)
    if (seen !== undefined && now !== seen) await onChange()
    seen = now
    if (!stopped) timer = setTimeout(() => void look(), everyMs).unref()
  }
  void look()

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

async function signature(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((): Dirent[] => [])
  const parts = await Promise.all(
    entries
      .filter(entry => entry.isFile())
      .map(async entry => {
        const path = join(entry.parentPath, entry.name)
        const info = await stat(path).catch(() => undefined)
        return `${path}:${info?.mtimeMs}:${info?.size}:${info?.ino}`
      }),
  )
  return parts.sort().join('\n')
}
