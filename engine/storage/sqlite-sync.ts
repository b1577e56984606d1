// When a commit is on the disk. In WAL mode with `synchronous=NORMAL` a commit
// leaves its frames with the system, in order: after a power cut a part of the
// newest may be missing, never one before another. So one fdatasync of the log
// makes all of them durable that were made before it. It runs on a thread:
// meanwhile the event loop goes on.

import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'

export interface Sync {
  /** A commit was made. One of both is called, when it is durable or when nobody can tell any more. */
  after(done: () => void, fail: (error: unknown) => void): void
  /** Resolves when every commit until now is durable; undefined when they are. */
  settled(): Promise<void> | undefined
  busy(): boolean
  /** Makes every commit durable at once, and lets go of the log. */
  close(): void
}

interface Waiting {
  done(): void
  fail(error: unknown): void
}

/** `path` is the write-ahead log; `idle` is called each time when a sync has ended, after those who waited for it. */
export function createSync(path: string, idle: () => void): Sync {
  // Closing it drops no lock of SQLite's: none is on the log.
  const file = openSync(path, 'r+')
  let waiting: Waiting[] = []
  let syncing: Waiting[] | undefined
  /** A disk that has failed once may have thrown away what it was to keep: from then on nothing is believed. */
  let broken: unknown
  let closed = false

  function sync(): void {
    syncing = waiting
    waiting = []
    fdatasync(file, error => {
      if (closed) return
      const over = syncing!
      syncing = undefined
      broken ??= error ?? undefined
      end(over)
      if (waiting.length > 0) sync()
      idle()
    })
  }

  function end(over: Waiting[]): void {
    for (const one of over) {
      if (broken === undefined) one.done()
      else one.fail(broken)
    }
  }

  return {
    after(done, fail) {
      waiting.push({ done, fail })
      if (syncing === undefined) sync()
    },
    settled() {
      if (syncing === undefined && broken === undefined) return undefined
      return new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken)
        // Of those that wait for the next one a commit may be newer than the present one.
        const latest = waiting.length > 0 ? waiting : syncing!
        latest.push({ done: resolve, fail: reject })
      })
    },
    busy: () => syncing !== undefined,
    close() {
      closed = true
      const over = [...(syncing ?? []), ...waiting]
      syncing = undefined
      waiting = []
      try {
        fdatasyncSync(file)
      } catch (error) {
        broken ??= error
      }
      end(over)
      closeSync(file)
    },
  }
}
