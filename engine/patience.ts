// A storage that was reached, and refuses something while the engine starts, may
// take it in a moment: Redis restarts, another primary is being made, replicas
// are on their way. The whole start is done anew then; what was begun of it has
// been undone.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError, StartError } from './errors.ts'
import type { Log } from './log.ts'

export interface Patience {
  log: Pick<Log, 'warn'>
  /** Settles when nobody wants the start any more. */
  stop: Promise<unknown>
  /** How long it is tried, from the first refusal. */
  withinMs?: number
}

const againMs = 500

/**
 * Resolves with what `start` makes, or with undefined after `stop`. Rejects with
 * StartError when the storage has refused for so long, and at once with whatever
 * else `start` rejects with.
 */
export async function startPatiently<Made>(
  start: () => Promise<Made>,
  { log, stop, withinMs = 10_000 }: Patience,
): Promise<Made | undefined> {
  let endsAt: number | undefined
  const stopped = stop.then(() => true)
  for (;;) {
    try {
      return await start()
    } catch (error) {
      // Between a refusal and the next try it may go altogether.
      if (!isRefusal(error) && (endsAt === undefined || !isOfStorage(error))) throw error
      const reason = reasonOf(error)
      if (endsAt === undefined)
        log.warn(`PATCHCORD_STORAGE: it refuses what the start needs, waiting for it (${reason})`)
      endsAt ??= performance.now() + withinMs
      if (performance.now() >= endsAt) {
        if (error instanceof StartError) throw error
        throw new StartError(`PATCHCORD_STORAGE: it refuses what the start needs (${reason})`, { cause: error })
      }
      if (await Promise.race([wait(againMs, false), stopped])) return undefined
    }
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof StartError) return error.mayPass
  return error instanceof EngineError && error.code === 'storage_unavailable'
}

function isOfStorage(error: unknown): boolean {
  return error instanceof StartError && error.message.startsWith('PATCHCORD_STORAGE: ')
}

/** In one line. */
function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/^PATCHCORD_STORAGE: /, '').replaceAll(/\s+/g, ' ')
}
