// Tells when a folder's files have changed.
//
// It looks now and then instead of asking the kernel to call: that also works
// on network drives, with editors that replace files, and for folders that come
// and go, and a few dozen stat calls cost nothing.

import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Calls `onChange` after files came, went or were written since `seen` (what
 * `lookAtFolder` told before they were read); not before the last call of it
 * has ended. It may resolve with the ms after which it wants to be called
 * although nothing has changed. Returns how to stop.
 */
export function watchFolder(
  folder: string,
  everyMs: number,
  seen: string,
  onChange: () => Promise<number | void>,
): () => void {
  let last = seen
  let callAt = Infinity
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function look(): Promise<void> {
    const now = await lookAtFolder(folder)
    if (now !== last || performance.now() >= callAt) callAt = performance.now() + ((await onChange()) ?? Infinity)
    last = now
    if (!stopped) timer = setTimeout(() => void look(), everyMs).unref()
  }
  void look()

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Files, times and sizes: another text when something has changed. */
export async function lookAtFolder(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((): Dirent[] => [])
  const parts = await Promise.all(
    entries
      // A link is as good as its file: so are the folders that orchestrators mount.
      .filter(entry => entry.isFile() || entry.isSymbolicLink())
      .map(async entry => {
        const path = join(entry.parentPath, entry.name)
        const info = await stat(path).catch(() => undefined)
        return `${path}:${info?.mtimeMs}:${info?.size}:${info?.ino}`
      }),
  )
  return parts.sort().join('\n')
}
