// Idempotency-Key: the same request again is the same answer, without a second
// effect. A key belongs to (token, path) for 24 hours.
// draft-ietf-httpapi-idempotency-key-header; contract, section 3.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'
import type { Heartbeat } from '../outbox/heartbeat.ts'
import type { KeptRuns, RunOwner } from '../sandbox/kept-runs.ts'
import type { Storage } from '../storage/storage.ts'
import { hashBody, placeOf } from './idempotency-key.ts'
import { createKeyRecords, keySpace, keyTtlMs, type KeyRecord, type StoredAnswer } from './key-records.ts'

export interface Idempotency {
  /**
   * Answers from the first request with this key, or lets `handle` make the
   * answer. It is kept, before it is sent, when its run had an effect.
   * Throws idempotency_mismatch, idempotency_in_progress.
   */
  once(
    request: { tokenId: string; path: string; key: string; body: unknown; runId: string },
    handle: (owner: RunOwner) => Promise<HandledRun>,
  ): Promise<{ answer: StoredAnswer; replayed: boolean }>
  /** Takes the answer of a run that an engine before this one began for a key. */
  takeUp(owner: RunOwner & { kind: 'key' }, run: string, ended: Promise<HandledRun>): Promise<void>
  /** Tries nothing again any more. */
  close(): void
}

/** What a run came to. */
export interface HandledRun {
  answer: StoredAnswer
  /** The answer is worth keeping. */
  hadEffect: boolean
  /** The engine stopped before the run had ended: the next one goes on with it. */
  cutOff: boolean
  /** The storage went away, and the run may have done something: its record tells what. */
  unfinished: boolean
  /** Leads an unfinished one on from its record; undefined when it had done nothing. */
  again(): Promise<HandledRun | undefined>
  /** Its record is not needed any more. */
  forget(): Promise<void>
}

const againMs = 1_000
const mostPersisted = 1_000

export function createIdempotency(
  storage: Storage,
  { engine, living }: Pick<Heartbeat, 'engine' | 'living'>,
  runs: Pick<KeptRuns, 'get' | 'abandon'>,
): Idempotency {
  const underWay = new Set<string>()
  // Runs of an engine that has died, on their way to their end.
  const takenUp = new Map<string, Promise<unknown>>()
  // Answers whose run had its effect, while the storage would not take them: told again from here.
  const unstored = new Map<string, { record: KeyRecord; answer: StoredAnswer }>()
  // What could not be put away yet.
  const persisted = new Set<string>()
  const { entries, ahead } = storage
  const records = createKeyRecords(entries, engine, !storage.shared)
  const life = { closed: false }

  async function keep(place: string, record: KeyRecord, answer: StoredAnswer): Promise<KeyRecord | undefined> {
    unstored.set(place, { record, answer })
    const other = await records.put(place, record, answer)
    unstored.delete(place)
    return other
  }

  /** Resolves with what somebody else has there, who took this engine for dead: what became of the run is his. */
  async function settle(place: string, record: KeyRecord, handled: HandledRun): Promise<KeyRecord | undefined> {
    if (handled.cutOff) return undefined
    const put = (): Promise<KeyRecord | undefined> =>
      handled.hadEffect ? keep(place, record, handled.answer) : records.put(place, record, undefined)
    // One commit for the answer and the record of its run: there is always one of both.
    if (ahead.together) return (await Promise.all([put(), handled.forget()]))[0]
    // Whoever finds neither the one nor the other begins anew.
    const other = await put()
    await handled.forget()
    return other
  }

  /** Another engine has it, or has left a run that one of us will lead to its end in a moment. */
  async function isElsewhere({ engine: owner, run }: KeyRecord): Promise<boolean> {
    if (!storage.shared || owner === engine) return false
    if ((await living()).includes(owner) || (await runs.get(run)) !== undefined) return true
    // Should he live all the same: from here on that run cannot do anything.
    return !(await runs.abandon(run))
  }

  async function begin(place: string, record: KeyRecord): Promise<StoredAnswer | undefined> {
    // Ahead of the disk: it becomes durable with the first thing that its run does.
    const first = await ahead.entries.set(keySpace, place, JSON.stringify(record), { ttlMs: keyTtlMs, ifAbsent: true })
    if (first) return undefined
    const entry = await entries.get(keySpace, place)
    const earlier = entry === undefined ? record : (JSON.parse(entry.value) as KeyRecord)
    if (earlier.bodyHash !== record.bodyHash) throw new EngineError('idempotency_mismatch')
    if (earlier.answer !== undefined) return earlier.answer
    if (underWay.has(place) || persisted.has(place) || (await isElsewhere(earlier))) throw inProgress()
    // Whoever began it has died before it had done anything, or could not keep its answer: it begins anew.
    const value = JSON.stringify(record)
    if (await entries.replace(keySpace, place, { version: entry?.version ?? null, value, ttlMs: keyTtlMs }))
      return undefined
    throw inProgress()
  }

  /** What could not be put away is put away once the storage takes it: until then nobody could begin anew. */
  async function persist(place: string, act: () => Promise<unknown>): Promise<void> {
    // The rest is found out by who asks again, or by its time.
    if (persisted.size >= mostPersisted || persisted.has(place)) return
    persisted.add(place)
    while (!life.closed) {
      await wait(againMs, undefined, { ref: false })
      if (await act().then(() => true, isFinal)) break
    }
    persisted.delete(place)
  }

  /** The storage went away over a run that had done something: it is led to its end by replay. */
  async function finish(place: string, record: KeyRecord, { again }: HandledRun): Promise<void> {
    const handled = await again()
    if (handled === undefined) return void (await records.put(place, record, undefined))
    if (handled.unfinished) throw new EngineError('storage_unavailable', { retryAfter: 1 })
    await settle(place, record, handled)
  }

  return {
    async once(request, handle) {
      const bodyHash = hashBody(request.body)
      const place = placeOf(request)
      await takenUp.get(place)
      const record: KeyRecord = { bodyHash, engine, run: request.runId }
      const waiting = unstored.get(place)
      if (waiting !== undefined) {
        if (waiting.record.bodyHash !== bodyHash) throw new EngineError('idempotency_mismatch')
        await keep(place, waiting.record, waiting.answer)
        return { answer: waiting.answer, replayed: true }
      }
      const away = (): void => {
        if (storage.shared) void persist(place, () => records.put(place, record, undefined))
      }
      const earlier = await begin(place, record).catch((error: unknown) => {
        // It may be there all the same, in our name.
        if (isAway(error) && !underWay.has(place)) away()
        throw error
      })
      if (earlier !== undefined) return { answer: earlier, replayed: true }
      underWay.add(place)
      try {
        const handled = await handle({ kind: 'key', place, bodyHash }).catch(async (error: unknown) => {
          await records.put(place, record, undefined).catch(away)
          throw error
        })
        if (handled.unfinished) {
          void persist(place, () => finish(place, record, handled))
          return { answer: handled.answer, replayed: false }
        }
        const other = await settle(place, record, handled).catch((error: unknown) => {
          if (storage.shared) void persist(place, () => settle(place, record, handled))
          throw error
        })
        if (other?.answer !== undefined) return { answer: other.answer, replayed: true }
        if (other !== undefined) throw inProgress()
        return { answer: handled.answer, replayed: false }
      } finally {
        underWay.delete(place)
      }
    },

    takeUp({ place, bodyHash }, run, ended) {
      const record: KeyRecord = { bodyHash, engine, run }
      const settled = records
        .inherit(place, record)
        .then(() => ended)
        .then(handled => settle(place, record, handled))
      // Whoever asks waits for it; that it failed is told by what is then found.
      const done = settled.catch(() => {}).finally(() => takenUp.delete(place))
      takenUp.set(place, done)
      return settled.then(() => undefined)
    },

    close() {
      life.closed = true
    },
  }
}

function inProgress(): EngineError {
  return new EngineError('idempotency_in_progress', { retryAfter: 1 })
}

function isAway(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'storage_unavailable'
}

/** Trying again would come to the same. */
function isFinal(error: unknown): boolean {
  return !isAway(error)
}
