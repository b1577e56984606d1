// Group commit: the disk takes its time to keep a commit, so all writes that are
// pending share one (100 together were 30 times as fast as one by one).
//
// A write is a synchronous function. Those that arrive in one turn of the event
// loop, or while the disk is still at the last commit (sqlite-sync.ts), run in one
// transaction; they are answered when the disk has kept it. When one of them
// throws, all are rolled back and run again one by one, so that only the guilty
// one fails.
//
// Ahead of the disk, a write runs at once in the transaction that is open, and
// is answered before it is durable. That transaction is committed with the next
// writes, or when somebody asks for it; a read that could have seen something
// of it is answered after that.

import type { Batch } from './sqlite-access.ts'
import { closedError, refused, translated } from './sqlite-errors.ts'
import type { Database } from './sqlite.ts'
import { createSync } from './sqlite-sync.ts'

interface PendingWrite {
  run(): void
  done(): void
  fail(error: unknown): void
}

/** The transaction that is open, and what was written ahead in it. */
interface Early {
  writes: number
  kept: PromiseWithResolvers<void> | undefined
}

// At some 15 µs a write, a full batch holds the event loop for under 10 ms.
const largestBatch = 512
/** Nobody may be waiting for it, yet it is to be over at some time. */
const longestAheadMs = 10

/** `log` is the path of the write-ahead log. */
export function createBatch(database: Database, log: string): Batch {
  const sync = createSync(log, () => {
    if (!missed) return
    missed = false
    hasten()
  })
  const begin = database.prepare('BEGIN IMMEDIATE')
  const end = database.prepare('COMMIT')
  let pending: PendingWrite[] = []
  let early: Early | undefined
  let lots = 0
  let scheduled = false
  /** There was something to commit while the disk was busy. */
  let missed = false
  let commits = 0
  let writes = 0
  let closed = false
  const listeners: Array<() => void> = []
  let joining: Array<() => Promise<unknown>> = []
  let joinFailure: unknown

  return {
    durable: {
      write(run) {
        return new Promise((resolve, reject) => {
          if (closed) return reject(closedError())
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
          hasten()
        })
      },
      async read(run) {
        const value = translated(run)
        await kept()
        return value
      },
    },

    ahead: {
      write: async run => translated(() => runAhead(run)),
      read: async run => translated(run),
    },

    kept,
    lot: () => lots,
    beforeCommit(write) {
      if (early === undefined) void write().catch(() => {})
      else joining.push(write)
    },
    onLost: listener => void listeners.push(listener),
    stats: () => ({ commits, writes }),

    close() {
      while (pending.length > 0 || early !== undefined) commit(take())
      closed = true
      sync.close()
    },
  }

  function kept(): Promise<void> | undefined {
    if (early === undefined) return sync.settled()?.catch((error: unknown) => Promise.reject(refused(error)))
    hasten()
    early.kept ??= Promise.withResolvers()
    return early.kept.promise
  }

  function runAhead<T>(run: () => T): T {
    if (closed) throw closedError()
    if (early === undefined) {
      begin.run({})
      early = { writes: 0, kept: undefined }
      setTimeout(hasten, longestAheadMs).unref()
    }
    const mine = early
    try {
      const value = run()
      mine.writes++
      return value
    } catch (error) {
      // A statement that fails undoes itself alone; some errors (a full disk) end the whole transaction.
      if (!database.inTransaction()) lose(mine, error)
      joinFailure = error
      throw error
    }
  }

  function hasten(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    // It goes on when the disk has done: by then there is more that shares the next one.
    if (sync.busy()) {
      missed = true
      return
    }
    if (pending.length > 0 || early !== undefined) commit(take())
    if (pending.length > 0) hasten()
  }

  function take(): PendingWrite[] {
    const batch = pending
    pending = batch.splice(largestBatch)
    return batch
  }

  function commit(batch: PendingWrite[]): void {
    const before = early
    let ran = 0
    try {
      if (before !== undefined) join()
      if (before === undefined) begin.run({})
      else if (batch.length > 0) database.exec('SAVEPOINT pending')
      for (const write of batch) {
        write.run()
        ran++
      }
      end.run({})
    } catch (error) {
      if (before !== undefined && ran < batch.length && undoPending()) {
        // What was written ahead was answered already: it cannot run a second time, and has no part in this.
        commit([])
        for (const write of batch) commit([write])
        return
      }
      rollBack()
      if (before !== undefined) lose(before, error)
      // A COMMIT that failed says nothing about any one write: all have failed.
      if (batch.length === 1 || ran === batch.length) for (const write of batch) write.fail(error)
      else for (const write of batch) commit([write])
      return
    }
    if (before !== undefined) lots++
    early = undefined
    commits++
    writes += batch.length + (before?.writes ?? 0)
    sync.after(
      () => {
        before?.kept?.resolve()
        for (const write of batch) write.done()
      },
      error => {
        before?.kept?.reject(refused(error))
        for (const write of batch) write.fail(error)
      },
    )
  }

  // What belongs to the writes of this transaction is written with them, or they are not either.
  function join(): void {
    joinFailure = undefined
    const writes = joining
    joining = []
    // It fails here and now, or not at all: what runs ahead is synchronous.
    for (const write of writes) write().catch(() => {})
    if (joinFailure !== undefined) throw joinFailure
  }

  function lose(lost: Early, error: unknown): void {
    if (early !== lost) return
    early = undefined
    joining = []
    lost.kept?.reject(refused(error))
    if (lost.writes > 0) for (const listener of listeners) listener()
    lots++
  }

  function undoPending(): boolean {
    try {
      database.exec('ROLLBACK TO pending')
      return true
    } catch {
      return false
    }
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
