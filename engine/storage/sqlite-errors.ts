// What SQLite could not do, in the engine's words.
//
// Primary result codes: https://sqlite.org/rescode.html

import { EngineError } from '../errors.ts'

const constraint = 19
const mismatch = 20

/** Every operation after the storage was closed. */
export function closedError(): EngineError {
  return new EngineError('storage_unavailable', { retryAfter: 1 }, { cause: new Error('the storage is closed') })
}

/** Runs it, and throws what it threw as `refused` sees it. */
export function translated<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw refused(error)
  }
}

/** What SQLite could not do as storage_unavailable; mistakes of the engine itself stay what they are. */
export function refused(error: unknown): unknown {
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
