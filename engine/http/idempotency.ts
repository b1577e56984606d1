// Idempotency-Key: the same request again is the same answer, without a second
// effect. A key belongs to (token, path) for 24 hours.
// draft-ietf-httpapi-idempotency-key-header; contract, section 3.

import { setTimeout as wait } from 'node:timers/promises'

import { EngineError } from '../errors.ts'
import type { Heartbeat } from '../outbox/heartbeat.ts'
import type { KeptRuns } from '../sandbox/kept-runs.ts'
import type { KeptRun, RunOwner } from '../sandbox/run-record.ts'
import type { Storage } from '../storage/storage.ts'
import { hashBody, placeOf } from './idempotency-key.ts'
import { createKeyRecords, keySpace, keyTtlMs, type KeyRecord, type StoredAnswer } from './key-records.ts'
import { createPutAway, isAway } from './put-away.ts'

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
  /**
   * Leads a run to its end that an engine before this one began for a key, and
   * takes its answer. What the storage refuses is tried again, with longer and
   * longer pauses: nobody else looks for a run of an engine that lives. Meanwhile
   * its key is in progress. Resolves with true when it is done, with false when
   * nothing can lead it on, when another engine has it, and when this one stops.
   * Rejects when trying again would come to the same.
   */
  takeUp(kept: KeptRun, how: TakeUp): Promise<boolean>
  /** Tries nothing again any more. */
  close(): void
}

export interface TakeUp {
  owner: RunOwner & { kind: 'key' }
  /**
   * Undefined where nothing can lead it on: the same request begins anew. Rejects
   * with storage_unavailable where it may be led on from its record later.
   */
  lead(kept: KeptRun): Promise<HandledRun | undefined>
  /** Called before each pause. */
  refused(error: EngineError): void
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
const longestAgainMs = 30_000
const arrivesLateMs = [5_000, 20_000, 60_000]

export function createIdempotency(
  storage: Storage,
  { engine, living }: Pick<Heartbeat, 'engine' | 'living'>,
  runs: Pick<KeptRuns, 'get' | 'mine' | 'abandon' | 'forget'>,
): Idempotency {
  const underWay = new Set<string>()
  // Runs of an engine that has died, on their way to their end: until the first try is over.
  const takenUp = new Map<string, Set<Promise<unknown>>>()
  // Answers whose run had its effect, while the storage would not take them: told again from here.
  const unstored = new Map<string, { record: KeyRecord; answer: StoredAnswer }>()
  // Until then nobody could begin anew.
  const putAway = createPutAway()
  const { entries, ahead } = storage
  const records = createKeyRecords(entries, engine, !storage.shared)

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
    const isHere = underWay.has(place) || putAway.has(place) || takenUp.has(place)
    if (isHere || (await isElsewhere(earlier))) throw inProgress()
    // Whoever began it has died before it had done anything, or could not keep its answer: it begins anew.
    const value = JSON.stringify(record)
    if (await entries.replace(keySpace, place, { version: entry?.version ?? null, value, ttlMs: keyTtlMs }))
      return undefined
    throw inProgress()
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
      for (const one of takenUp.get(place) ?? []) await one
      const record: KeyRecord = { bodyHash, engine, run: request.runId }
      const waiting = unstored.get(place)
      if (waiting !== undefined) {
        if (waiting.record.bodyHash !== bodyHash) throw new EngineError('idempotency_mismatch')
        await keep(place, waiting.record, waiting.answer)
        return { answer: waiting.answer, replayed: true }
      }
      const away = (): void => {
        if (!storage.shared) return
        const free = (): Promise<unknown> => records.put(place, record, undefined)
        if (!putAway.ifRoom(place, free)) return
        // What was sent before its connection was given up may still be on its way.
        for (const ms of arrivesLateMs) setTimeout(() => putAway.closed || void free().catch(() => {}), ms).unref()
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
          void putAway.until(place, () => finish(place, record, handled))
          return { answer: handled.answer, replayed: false }
        }
        const other = await settle(place, record, handled).catch((error: unknown) => {
          if (storage.shared) void putAway.until(place, () => settle(place, record, handled))
          throw error
        })
        if (other?.answer !== undefined) return { answer: other.answer, replayed: true }
        if (other !== undefined) throw inProgress()
        return { answer: handled.answer, replayed: false }
      } finally {
        underWay.delete(place)
      }
    },

    async takeUp(kept, { owner: { place, bodyHash }, lead, refused }) {
      const { id } = kept.event
      const record: KeyRecord = { bodyHash, engine, run: id }
      const attempt = async (mine: KeptRun | undefined): Promise<boolean> => {
        // Put away already, or another engine's by now.
        if (mine === undefined) return false
        // First the key: from then on nobody else puts an answer there. A record that came
        // late is of a run whose request was done anew, or given up: it does nothing more.
        if (!(await records.inherit(place, record))) {
          await runs.forget({ recorded: true, event: { id } })
          return false
        }
        const handled = await lead(mine)
        if (handled !== undefined) await settle(place, record, handled)
        else await records.put(place, record, undefined).then(() => runs.forget({ recorded: true, event: { id } }))
        return handled?.cutOff === false
      }
      let trying = attempt(kept)
      // Whoever asks waits for the first try, and is told what is then found.
      const tried = trying.catch(() => {})
      // Two runs may have been begun for one key, one after the other.
      const ofPlace = takenUp.get(place) ?? new Set()
      takenUp.set(place, ofPlace.add(tried))
      try {
        for (let pauseMs = againMs; ; pauseMs = Math.min(2 * pauseMs, longestAgainMs)) {
          try {
            return await trying
          } catch (error) {
            if (!isAway(error)) throw error
            refused(error)
          }
          await wait(pauseMs, undefined, { ref: false })
          if (putAway.closed) return false
          // As it is now: it may have got further.
          trying = runs.mine(id).then(attempt)
        }
      } finally {
        ofPlace.delete(tried)
        if (ofPlace.size === 0) takenUp.delete(place)
      }
    },

    close: putAway.close,
  }
}

function inProgress(): EngineError {
  return new EngineError('idempotency_in_progress', { retryAfter: 1 })
}
