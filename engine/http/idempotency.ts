// Idempotency-Key: the same request again is the same answer, without a second
// effect. A key belongs to (token, path) for 24 hours.
// draft-ietf-httpapi-idempotency-key-header; contract, section 3.

import { createHash } from 'node:crypto'

import { EngineError } from '../errors.ts'
import type { Heartbeat } from '../outbox/heartbeat.ts'
import type { KeptRuns, RunOwner } from '../sandbox/kept-runs.ts'
import type { Storage } from '../storage/storage.ts'

export interface StoredAnswer {
  status: number
  contentType: string
  body: string
  runId: string
  retryAfter?: string | undefined
}

interface KeyRecord {
  /** Of the parsed body, keys sorted. */
  bodyHash: string
  /** Whose run it is while there is no answer. */
  engine: string
  run: string
  answer?: StoredAnswer
}

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
}

/** What a run came to. */
export interface HandledRun {
  answer: StoredAnswer
  /** The answer is worth keeping. */
  hadEffect: boolean
  /** The engine stopped before the run had ended: the next one goes on with it. */
  cutOff: boolean
  /** Its record is not needed any more. */
  forget(): Promise<void>
}

const space = 'idempotency'
const ttlMs = 86_400_000

export function createIdempotency(
  storage: Storage,
  { engine, living }: Pick<Heartbeat, 'engine' | 'living'>,
  runs: Pick<KeptRuns, 'get'>,
): Idempotency {
  const underWay = new Set<string>()
  // Runs of an engine that has died, on their way to their end.
  const takenUp = new Map<string, Promise<void>>()
  // Answers whose run had its effect, while the storage would not take them: told again from here.
  const unstored = new Map<string, { record: KeyRecord; answer: StoredAnswer }>()
  const { entries, ahead } = storage

  async function keep(place: string, record: KeyRecord, answer: StoredAnswer): Promise<void> {
    unstored.set(place, { record, answer })
    await entries.set(space, place, JSON.stringify({ ...record, answer }), { ttlMs })
    unstored.delete(place)
  }

  // One commit for the answer and the record of its run: there is always one of both.
  async function settle(place: string, record: KeyRecord, handled: HandledRun): Promise<void> {
    if (handled.cutOff) return
    const kept = handled.hadEffect ? keep(place, record, handled.answer) : entries.delete(space, place)
    if (ahead.together) return void (await Promise.all([kept, handled.forget()]))
    // Whoever finds neither the one nor the other begins anew.
    await kept
    await handled.forget()
  }

  /** Another engine has it, or has left a run that one of us will lead to its end in a moment. */
  async function isElsewhere({ engine: owner, run }: KeyRecord): Promise<boolean> {
    if (!storage.shared || owner === engine) return false
    return (await living()).includes(owner) || (await runs.get(run)) !== undefined
  }

  return {
    async once({ tokenId, path, key, body, runId }, handle) {
      const bodyHash = hash(canonical(body))
      const place = hash(`${tokenId}\n${path}\n${key}`)
      await takenUp.get(place)
      const record: KeyRecord = { bodyHash, engine, run: runId }
      const waiting = unstored.get(place)
      if (waiting !== undefined) {
        if (waiting.record.bodyHash !== bodyHash) throw new EngineError('idempotency_mismatch')
        await keep(place, waiting.record, waiting.answer)
        return { answer: waiting.answer, replayed: true }
      }
      // Ahead of the disk: it becomes durable with the first thing that its run does.
      const first = await ahead.entries.set(space, place, JSON.stringify(record), { ttlMs, ifAbsent: true })
      if (!first) {
        const entry = await entries.get(space, place)
        const earlier = entry === undefined ? record : (JSON.parse(entry.value) as KeyRecord)
        if (earlier.bodyHash !== bodyHash) throw new EngineError('idempotency_mismatch')
        if (earlier.answer !== undefined) return { answer: earlier.answer, replayed: true }
        if (underWay.has(place) || (await isElsewhere(earlier)))
          throw new EngineError('idempotency_in_progress', { retryAfter: 1 })
        // Whoever began it has died before it had done anything, or could not keep its answer: it begins anew.
        const taken = await entries.replace(space, place, {
          version: entry?.version ?? null,
          value: JSON.stringify(record),
          ttlMs,
        })
        if (!taken) throw new EngineError('idempotency_in_progress', { retryAfter: 1 })
      }
      underWay.add(place)
      try {
        const handled = await handle({ kind: 'key', place, bodyHash }).catch(async (error: unknown) => {
          await entries.delete(space, place).catch(() => false)
          throw error
        })
        await settle(place, record, handled)
        return { answer: handled.answer, replayed: false }
      } finally {
        underWay.delete(place)
      }
    },

    takeUp({ place, bodyHash }, run, ended) {
      const settled = ended.then(handled => settle(place, { bodyHash, engine, run }, handled))
      // Whoever asks waits for it; that it failed is told by what is then found.
      const done = settled.catch(() => {}).finally(() => takenUp.delete(place))
      takenUp.set(place, done)
      return settled
    },
  }
}

/** The key of the header: 1 to 255 visible ASCII characters, quoted (RFC 8941, 3.3.3) or bare. Throws invalid_request. */
export function readIdempotencyKey(header: unknown): string | undefined {
  if (header === undefined) return undefined
  const text = typeof header === 'string' ? header.trim() : ''
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(["\\])/g, '$1')
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new EngineError('invalid_request', {
      errors: [{ field: 'Idempotency-Key', problem: 'has to be 1 to 255 visible ASCII characters' }],
    })
  }
  return key
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** JSON with sorted keys: two bodies that mean the same are the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
