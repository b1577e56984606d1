// Idempotency-Key: the same request again is the same answer, without a second
// effect. A key belongs to (token, path) for 24 hours.
// draft-ietf-httpapi-idempotency-key-header; contract, section 3.

import { createHash } from 'node:crypto'

import { EngineError } from '../errors.ts'
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
  answer?: StoredAnswer
}

export interface Idempotency {
  /**
   * Answers from the first request with this key, or lets `handle` make the
   * answer. It is kept, before it is sent, when its run had an effect.
   * Throws idempotency_mismatch, idempotency_in_progress.
   */
  once(
    request: { tokenId: string; path: string; key: string; body: unknown },
    handle: () => Promise<{ answer: StoredAnswer; hadEffect: boolean }>,
  ): Promise<{ answer: StoredAnswer; replayed: boolean }>
}

const space = 'idempotency'
const ttlMs = 86_400_000

export function createIdempotency(storage: Storage, engine: string): Idempotency {
  const underWay = new Set<string>()
  // Answers whose run had its effect, while the storage would not take them: told again from here.
  const unstored = new Map<string, { record: KeyRecord; answer: StoredAnswer }>()
  const { entries } = storage

  async function keep(place: string, record: KeyRecord, answer: StoredAnswer): Promise<void> {
    unstored.set(place, { record, answer })
    await entries.set(space, place, JSON.stringify({ ...record, answer }), { ttlMs })
    unstored.delete(place)
  }

  return {
    async once({ tokenId, path, key, body }, handle) {
      const bodyHash = hash(canonical(body))
      const place = hash(`${tokenId}\n${path}\n${key}`)
      const record: KeyRecord = { bodyHash, engine }
      const first = await entries.set(space, place, JSON.stringify(record), { ttlMs, ifAbsent: true })
      if (!first) {
        const entry = await entries.get(space, place)
        const earlier = entry === undefined ? record : (JSON.parse(entry.value) as KeyRecord)
        if (earlier.bodyHash !== bodyHash) throw new EngineError('idempotency_mismatch')
        if (earlier.answer !== undefined) return { answer: earlier.answer, replayed: true }
        const waiting = unstored.get(place)
        if (waiting !== undefined) {
          await keep(place, waiting.record, waiting.answer)
          return { answer: waiting.answer, replayed: true }
        }
        if (underWay.has(place)) throw new EngineError('idempotency_in_progress', { retryAfter: 1 })
        // Whoever began it has died, or could not keep its answer: it begins anew.
        const taken = await entries.replace(space, place, {
          version: entry?.version ?? null,
          value: JSON.stringify(record),
          ttlMs,
        })
        if (!taken) throw new EngineError('idempotency_in_progress', { retryAfter: 1 })
      }
      underWay.add(place)
      try {
        const { answer, hadEffect } = await handle().catch(async (error: unknown) => {
          await entries.delete(space, place).catch(() => false)
          throw error
        })
        if (hadEffect) await keep(place, record, answer)
        else await entries.delete(space, place)
        return { answer, replayed: false }
      } finally {
        underWay.delete(place)
      }
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
