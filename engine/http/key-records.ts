// What is kept for an Idempotency-Key: whose run it is, then the answer. Only
// that run changes it: an engine that was taken for dead, and lives, finds that
// it is another's by now.

import type { Entries } from '../storage/storage.ts'

export interface StoredAnswer {
  status: number
  contentType: string
  body: string
  runId: string
  retryAfter?: string | undefined
}

export interface KeyRecord {
  /** Of the parsed body, keys sorted. */
  bodyHash: string
  /** Whose run it is while there is no answer. */
  engine: string
  run: string
  answer?: StoredAnswer
}

export const keySpace = 'idempotency'
export const keyTtlMs = 86_400_000

export interface KeyRecords {
  /**
   * Puts away what became of a run: its answer, or nothing, which lets the next
   * request begin anew. Resolves with what is there when that is not of this run
   * and engine any more; nothing is changed then.
   */
  put(place: string, record: KeyRecord, answer: StoredAnswer | undefined): Promise<KeyRecord | undefined>
  /** The same run goes on here; false where the key is not waiting for it any more. */
  inherit(place: string, record: KeyRecord): Promise<boolean>
}

/** `alone`: no other engine can have taken anything over; then each change is one write, at once. */
export function createKeyRecords(entries: Entries, engine: string, alone: boolean): KeyRecords {
  async function change(
    place: string,
    make: (now: KeyRecord | undefined) => KeyRecord | undefined | 'leave',
  ): Promise<KeyRecord | undefined> {
    for (;;) {
      const entry = await entries.get(keySpace, place)
      const now = entry && (JSON.parse(entry.value) as KeyRecord)
      const next = make(now)
      if (next === 'leave') return now
      const value = next && JSON.stringify(next)
      const version = entry?.version ?? null
      if (await entries.replace(keySpace, place, { version, value, ttlMs: keyTtlMs })) return undefined
    }
  }

  return {
    async put(place, record, answer) {
      if (!alone) return putOwn(place, record, answer)
      if (answer === undefined) await entries.delete(keySpace, place)
      else await entries.set(keySpace, place, JSON.stringify({ ...record, answer }), { ttlMs: keyTtlMs })
      return undefined
    },
    async inherit(place, record) {
      if (alone) return true
      let isWaiting = false
      await change(place, now => {
        isWaiting = now?.run === record.run && now.answer === undefined
        return isWaiting ? record : 'leave'
      })
      return isWaiting
    },
  }

  function putOwn(place: string, record: KeyRecord, answer: StoredAnswer | undefined): Promise<KeyRecord | undefined> {
    return change(place, now => {
      if (now === undefined) return answer === undefined ? 'leave' : { ...record, answer }
      if (now.run !== record.run || now.engine !== engine) return 'leave'
      if (answer !== undefined) return { ...record, answer }
      return now.answer === undefined ? undefined : 'leave'
    })
  }
}
