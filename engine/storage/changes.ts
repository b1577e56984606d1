// How engines tell each other that something in their storage has changed: a
// counter that each of them looks at, which costs less than to read it all.

import type { Storage } from './storage.ts'

export interface Changes {
  /** After a change: the others read within one look, or, where the storage refuses to count it now, when it does. */
  tell(): Promise<void>
  /**
   * Calls `read` once, rejecting as it does, then after each change that others
   * tell of; what it rejects with then is tried again. Answers how to stop.
   */
  follow(read: () => Promise<void>): Promise<() => void>
}

export interface ChangesSettings {
  lookEveryMs: number
  /** Somebody may have died between a change and telling of it. */
  readAnywayMs: number
}

const key = 'count'

/** `space` holds the counter. A storage of one engine alone has nobody to tell. */
export function createChanges(
  { entries, shared }: Pick<Storage, 'entries' | 'shared'>,
  space: string,
  { lookEveryMs, readAnywayMs }: ChangesSettings,
): Changes {
  let isUntold = false

  async function tell(): Promise<void> {
    if (!shared) return
    isUntold = true
    await entries.increment(space, key)
    isUntold = false
  }

  return {
    tell: () => tell().catch(() => {}),
    async follow(read) {
      if (!shared) {
        await read()
        return () => {}
      }
      const count = async (): Promise<string | undefined> => (await entries.get(space, key))?.value
      // Counted before it is read: what comes meanwhile is read the next time.
      let seen = await count()
      await read()
      let readAt = performance.now()
      let isLooking = false
      const look = async (): Promise<void> => {
        if (isUntold) await tell()
        const now = await count()
        if (now === seen && performance.now() - readAt < readAnywayMs) return
        await read()
        readAt = performance.now()
        seen = now
      }
      const timer = setInterval(() => {
        if (isLooking) return
        isLooking = true
        // The next look tells; until then what is known stays.
        void look()
          .catch(() => {})
          .finally(() => (isLooking = false))
      }, lookEveryMs).unref()
      return () => clearInterval(timer)
    },
  }
}
