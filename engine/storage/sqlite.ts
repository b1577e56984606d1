// Storage in one SQLite file, for one engine.
//
// What was answered survives a power cut too (sqlite-sync.ts). The exclusive
// lock is taken when the file is opened and falls with the process, however it
// dies. It works on the main thread: a worker thread was not faster.

import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { StartError } from '../errors.ts'
import { createSeal, type Seal } from './seal.ts'
import { createBatch } from './sqlite-batch.ts'
import { createSqliteEntries } from './sqlite-entries.ts'
import { primaryCode } from './sqlite-errors.ts'
import { applicationId, migrations, schema, schemaVersion } from './sqlite-schema.ts'
import { createSqliteWork } from './sqlite-work.ts'
import type { Storage } from './storage.ts'

/** What the parts of this driver need of the database, with the type of a statement's rows said once. */
export interface Database {
  exec(sql: string): void
  prepare<Row = never>(sql: string): Statement<Row>
  inTransaction(): boolean
}

export interface Statement<Row> {
  get(values: Values): Row | undefined
  all(values: Values): Row[]
  /** The number of rows that it changed. */
  run(values: Values): number
}

type Values = Record<string, SQLInputValue>

export interface SqliteStorage extends Storage {
  /** Removes what is past its time; resolves with how many rows went. Runs every 5 s by itself. */
  sweep(): Promise<number>
  /** Transactions and writes since it was opened. */
  stats(): { commits: number; writes: number }
}

// Primary result codes: https://sqlite.org/rescode.html
const busy = 5
const corrupt = 11
const notADatabase = 26

// A new row lies next to none: pages of three indexes are to be at hand (32 MB),
// and to be written often before the log of them is taken over into the file,
// which holds the event loop for some 10 ms (16 MB; with a quarter of it twice
// the time in all).
const sizes = 'PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4096'

const sweepEveryMs = 5_000
// A few milliseconds of the event loop.
const sweepRows = 200

/** Opens or creates the file `path`; `clock` gives milliseconds since 1970. Throws StartError when it cannot be used. */
export function openSqlite(options: { path: string; secret: string; clock: () => number }): SqliteStorage {
  const { path, clock } = options
  const seal = createSeal(options.secret)
  const file = openFile(path, seal)
  const database = typed(file)
  const batch = createBatch(database, `${path}-wal`)
  const parts = { seal, clock, nextVersion: createVersions(clock) }

  const expired = ['entries', 'work'].map(table => {
    const key = table === 'entries' ? 'key' : 'seq'
    return database.prepare(
      `DELETE FROM ${table} WHERE ${key} IN
         (SELECT ${key} FROM ${table} WHERE expires_at <= $now LIMIT ${sweepRows})`,
    )
  })
  const touch = database.prepare(`INSERT OR REPLACE INTO meta VALUES ('ready', NULL)`)
  const timer = setInterval(() => {
    // What could not be swept now is swept later.
    sweep().catch(() => undefined)
  }, sweepEveryMs).unref()

  return {
    shared: false,
    entries: createSqliteEntries(database, batch.durable, parts),
    work: createSqliteWork(database, batch.durable, parts),
    ahead: {
      together: true,
      entries: createSqliteEntries(database, batch.ahead, parts),
      work: createSqliteWork(database, batch.ahead, parts),
      kept: batch.kept,
      beforeCommit: batch.beforeCommit,
      lot: batch.lot,
      onLost: batch.onLost,
    },
    sweep,
    stats: () => batch.stats(),
    advice: async () => [],
    async ready() {
      // A disk that is full still reads, so only a write can tell.
      await batch.durable.write(() => touch.run({}))
    },
    async close() {
      if (!file.isOpen) return
      clearInterval(timer)
      batch.close()
      file.close()
    },
  }

  async function sweep(): Promise<number> {
    let removed = 0
    for (const statement of expired) {
      let went = 0
      do {
        went = await batch.durable.write(() => statement.run({ now: clock() }))
        removed += went
      } while (went === sweepRows)
    }
    return removed
  }
}

/**
 * Numbers that only grow, over restarts too: the clock in 1/1024 ms, or one
 * more than the last. They stay exact in a double until the year 2248.
 */
function createVersions(clock: () => number): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor(clock()) * 1024)
    return last
  }
}

function typed(database: DatabaseSync): Database {
  return {
    exec: sql => database.exec(sql),
    inTransaction: () => database.isTransaction,
    prepare<Row>(sql: string): Statement<Row> {
      // By place, not by name: Node looks a name up anew with every call, 6 µs for a row of work.
      const names: string[] = []
      const statement = database.prepare(
        sql.replaceAll(/\$(\w+)/g, (_, name: string) => {
          names.push(name)
          return '?'
        }),
      )
      const places = (values: Values): SQLInputValue[] => names.map(name => values[name]!)
      /* oxlint-disable typescript/no-unsafe-type-assertion -- nothing can check what a text of SQL returns */
      return {
        get: values => statement.get(...places(values)) as Row | undefined,
        all: values => statement.all(...places(values)) as Row[],
        run: values => Number(statement.run(...places(values)).changes),
      }
      /* oxlint-enable typescript/no-unsafe-type-assertion */
    },
  }
}

function openFile(path: string, seal: Seal): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    createPrivately(path)
    database = new DatabaseSync(path, { timeout: 0 })
    // First of all: with it no other process ever shares the file, so WAL needs no shared memory beside it.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    prepareFile(database, path, seal)
    // The log is there, and in its folder for good: from here on we sync it ourselves.
    database.exec(`INSERT OR REPLACE INTO meta VALUES ('ready', NULL); PRAGMA synchronous = NORMAL; ${sizes}`)
    return database
  } catch (cause) {
    if (database?.isOpen) database.close()
    if (cause instanceof StartError) throw cause
    throw new StartError(`PATCHCORD_STORAGE: ${reason(cause, path)}`, { cause })
  }
}

function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    // Only a file that is not there may be opened here: closing one that
    // SQLite holds would drop its locks (POSIX: they belong to the process).
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    if (statSync(path).isDirectory()) throw new StartError(`PATCHCORD_STORAGE: ${path} is a directory, not a file`)
    chmodSync(path, 0o600)
  }
}

function prepareFile(database: DatabaseSync, path: string, seal: Seal): void {
  const found = {
    application: pragma(database, 'application_id'),
    version: pragma(database, 'user_version'),
    isEmpty: database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined,
  }
  if (!found.isEmpty && found.application !== applicationId)
    throw new StartError(`PATCHCORD_STORAGE: ${path} is the database of another program`)
  if (found.version > schemaVersion) throw new StartError(`PATCHCORD_STORAGE: ${path} was written by a newer Patchcord`)

  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY')
  // Also takes the lock, which a read alone does not.
  database.exec('BEGIN EXCLUSIVE')
  if (found.isEmpty) {
    database.exec(schema)
    database.prepare(`INSERT INTO meta VALUES ('canary', ?)`).run(seal.seal('canary', 'canary'))
  } else if (found.version < schemaVersion) {
    for (const step of migrations.slice(found.version - 1)) database.exec(step)
    database.exec(`PRAGMA user_version = ${schemaVersion}`)
  }
  database.exec('COMMIT')

  const canary = database.prepare(`SELECT value FROM meta WHERE name = 'canary'`).get()?.['value']
  try {
    seal.open(canary instanceof Uint8Array ? canary : new Uint8Array(), 'canary')
  } catch (cause) {
    throw new StartError(`PATCHCORD_SECRET is not the one that ${path} was written with`, { cause })
  }
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

function reason(error: unknown, path: string): string {
  const code = primaryCode(error)
  if (code === busy) return `${path} is in use by another engine`
  if (code === corrupt || code === notADatabase) return `${path} is damaged or not a database`
  return `${path} cannot be opened for writing (${error instanceof Error ? error.message : String(error)})`
}
