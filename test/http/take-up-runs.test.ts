// Runs for a key that a dead engine left, taken over in unlucky moments.

import { expect, onTestFinished, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { hashBody, placeOf } from '../../engine/http/idempotency-key.ts'
import { createIdempotency, type HandledRun } from '../../engine/http/idempotency.ts'
import { createKeptRuns } from '../../engine/sandbox/kept-runs.ts'
import { openStorage } from '../../engine/storage/list.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { secret, shareRedis } from '../engines-redis.ts'

const redis = shareRedis()

async function open(): Promise<Storage> {
  const storage = await openStorage(redis.url(), { secret, clock: Date.now })
  onTestFinished(() => storage.close())
  return storage
}

const ttlMs = 60_000
const leave = (storage: Storage, run: string, owner: object) =>
  storage.entries.set('runs', run, JSON.stringify({ engine: 'dead', owner, event: { id: run } }), { ttlMs })

test('a change that arrives late, just before it is tried again, has the run led on', async () => {
  const storage = await open()
  const { entries } = storage
  await leave(storage, 'run_a', { kind: 'key', place: 'p', bodyHash: 'h' })
  let tries = 0
  let late: Parameters<typeof entries.replace> | undefined
  const replace: typeof entries.replace = async (...given) => {
    tries++
    if (tries === 1) {
      late = given
      throw new EngineError('storage_unavailable', { retryAfter: 1 })
    }
    if (tries === 2) expect(await entries.replace(...late!)).toBe(true)
    return entries.replace(...given)
  }
  const kept = createKeptRuns({ ...storage, entries: { ...entries, replace } }, 'mine')
  const found: string[] = []
  for (let look = 0; look < 4; look++) found.push(...(await kept.inherit(['mine'], true)).map(({ event }) => event.id))
  expect(found).toEqual(['run_a'])
})

test('of two runs that were begun for one key, one is done, and the request waits for it', async () => {
  const storage = await open()
  const kept = createKeptRuns(storage, 'mine')
  const request = { tokenId: 't', path: '/x', key: 'k', body: {}, runId: 'run_asked' }
  const [place, bodyHash] = [placeOf(request), hashBody({})]
  const owner = { kind: 'key', place, bodyHash } as const
  // The first had let its key go and died before its record was forgotten; the second began anew, and died too.
  for (const run of ['run_first', 'run_second']) await leave(storage, run, owner)
  const record = { bodyHash, engine: 'dead', run: 'run_second' }
  await storage.entries.set('idempotency', place, JSON.stringify(record), { ttlMs })
  const idempotency = createIdempotency(storage, { engine: 'mine', living: async () => ['mine'] }, kept)
  onTestFinished(() => idempotency.close())

  const done: string[] = []
  const handle = async (run: string): Promise<HandledRun> => {
    done.push(run)
    return {
      answer: { status: 200, contentType: 'application/json', body: JSON.stringify(run), runId: run },
      hadEffect: true,
      cutOff: false,
      unfinished: false,
      again: async () => undefined,
      forget: () => kept.forget({ recorded: true, event: { id: run } }),
    }
  }
  const goesOn = Promise.withResolvers<void>()
  const inherited = await kept.inherit(['mine'], true)
  // The one that is over at once comes last.
  inherited.sort((a, b) => (a.event.id < b.event.id ? 1 : -1))
  const taken = inherited.map(one =>
    idempotency.takeUp(one, { owner, refused() {}, lead: ({ event }) => goesOn.promise.then(() => handle(event.id)) }),
  )
  expect(await taken[1]).toBe(false)
  const asked = idempotency.once(request, () => handle('run_asked'))
  goesOn.resolve()
  expect(await asked).toMatchObject({ replayed: true, answer: { runId: 'run_second' } })
  expect(await taken[0]).toBe(true)
  expect(done).toEqual(['run_second'])
  expect(await storage.entries.list('runs', '')).toEqual([])
})
