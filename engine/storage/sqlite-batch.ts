// Group commit: a FULL commit waits for the disk, so all writes that are
// pending share one (100 together were 30 times as fast as one by one).
//
// A write is a synchronous function. Those that arrive in one turn of the
// event loop, or while the last commit was under way, run in one transaction;
// only after COMMIT are they answered. When one of them throws, all are rolled
// back and run again one by one, so that only the guilty one fails. As a batch
// is one synchronous step, no read ever sees what is not committed.

import { EngineError } from '../errors.ts'
import type { Database } from './sqlite.ts'

export interface Batch {
  /** Runs inside a transaction; resolves with what `run` returned once that is durable. `run` may be called twice. */
  write<T>(run: () => T): Promise<T>
  /** Runs at once; turns SQLite's errors into storage_unavailable. */
  read<T>(run: () => T): T
  stats(): { commits: number; writes: number }
  /** Commits what is pending; everything after is refused. */
  close(): void
}

interface PendingWrite {
  run(): void
  done(): void
  fail(error: unknown): void
}

// At some 15 µs a write, a full batch holds the event loop for under 10 ms.
const largestBatch = 512

export function createBatch(database: Database): Batch {
  let pending: PendingWrite[] = []
  let commits = 0
  let writes = 0
  let closed = false

  return {
    write(run) {
      return new Promise((resolve, reject) => {
        if (closed) {
          reject(
            new EngineError('storage_unavailable', { retryAfter: 1 }, { cause: new Error('the storage is closed') }),
          )
          return
        }
        let answer: { value: ReturnType<typeof run> } | undefined
        pending.push({
          run() {
            answer = { value: run() }
          },
          done() {
            if (answer) resolve(answer.value)
          },
          fail: error => reject(refused(error)),
        })
        if (pending.length === 1) setImmediate(flush)
      })
    },

    read(run) {
      try {
        return run()
      } catch (error) {
        throw refused(error)
      }
    },

    stats: () => ({ commits, writes }),

    close() {
      while (pending.length > 0) commit(take())
      closed = true
    },
  }

  function flush() {
    if (pending.length === 0) return
    commit(take())
    if (pending.length > 0) setImmediate(flush)
  }

  function take(): PendingWrite[] {
    const batch = pending
    pending = batch.splice(largestBatch)
    return batch
  }

  function commit(batch: PendingWrite[]): void {
    let ran = 0
    try {
      database.exec('BEGIN IMMEDIATE')
      for (const write of batch) {
        write.run()
        ran++
      }
      database.exec('COMMIT')
    } catch (error) {
      rollBack()
      // A COMMIT that failed says nothing about any one write: all have failed.
      if (batch.length === 1 || ran === batch.length) for (const write of batch) write.fail(error)
      else for (const write of batch) commit([write])
      return
    }
    commits++
    writes += batch.length
    for (const write of batch) write.done()
  }

  function rollBack() {
    try {
      // Some errors (a full disk) have rolled back already.
      if (database.inTransaction()) database.exec('ROLLBACK')
    } catch {
      // The next BEGIN fails too and tells its own callers why.
    }
  }
}

const constraint = 19
const mismatch = 20

/** What SQLite could not do as storage_unavailable; mistakes of the engine itself stay what they are. */
function refused(error: unknown): unknown {
  const code = primaryCode(error)
  if (code === undefined || code === constraint || code === mismatch) return error
  return new EngineError('storage_unavailable', { retryAfter: 1 }, { cause: error })
}

/** SQLite's primary result code, 0 for a database that was closed, undefined for any other error. */
export function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error) return Number(error.errcode) & 0xff
  return error.code === 'ERR_INVALID_STATE' ? 0 : undefined
}
