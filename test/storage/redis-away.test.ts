// Redis that is slow, stopped, dead or alone: what is asked is refused soon, is
// never promised, and goes on as soon as it can.

import { describe, expect, onTestFinished, test } from 'vitest'

import { openStorage } from '../../engine/storage/list.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { until } from '../helpers.ts'
import { startRedisCluster } from '../redis-cluster.ts'
import { startRedis } from '../redis.ts'

const secret = 'a secret for tests, long enough to be one'
/** With `everysec` Redis answers before it has written while the disk is still at the second before. */
const kept = { args: ['--appendfsync', 'always'] }
const refused = { code: 'storage_unavailable', facts: { retryAfter: expect.any(Number) } }

async function open(url: string, replicas = 0): Promise<Storage> {
  const storage = await openStorage(url, { secret, clock: Date.now, replicas })
  onTestFinished(() => storage.close())
  return storage
}

const write = (storage: Storage, key: string): Promise<boolean> => storage.entries.set('s', key, 'value')

/** Resolves with the keys whose writes were promised, of those that were asked for meanwhile. */
async function promisedDuring(storage: Storage, act: () => Promise<unknown>): Promise<string[]> {
  const promised: string[] = []
  const progress = { over: false }
  const asking = (async () => {
    for (let n = 0; !progress.over; n++) {
      const keys = Array.from({ length: 10 }, (_, at) => `during:${n}:${at}`)
      await Promise.all(
        keys.map(key =>
          write(storage, key).then(
            () => promised.push(key),
            () => {},
          ),
        ),
      )
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  await act()
  progress.over = true
  await asking
  return promised
}

describe('one Redis', () => {
  test('that is killed: what is asked is refused, and goes on when it is back', async () => {
    const redis = await startRedis(kept)
    const storage = await open(redis.url)
    await write(storage, 'before')

    await redis.kill()
    await expect(write(storage, 'away')).rejects.toMatchObject(refused)
    await expect(storage.entries.get('s', 'before')).rejects.toMatchObject(refused)
    await expect(storage.ready()).rejects.toMatchObject(refused)
    await redis.restart()

    await until(() =>
      storage.ready().then(
        () => true,
        () => undefined,
      ),
    )
    expect(await storage.entries.get('s', 'before')).toMatchObject({ value: 'value' })
    expect(await storage.entries.get('s', 'away')).toBeUndefined()
  })

  test('that keeps an AOF: what was promised while it was killed again and again is there', async () => {
    const redis = await startRedis(kept)
    const storage = await open(redis.url)
    const promised = await promisedDuring(storage, async () => {
      for (let kills = 0; kills < 3; kills++) {
        await write(storage, `kill:${kills}`).catch(() => {})
        await redis.kill()
        await redis.restart()
        await until(() =>
          storage.ready().then(
            () => true,
            () => undefined,
          ),
        )
      }
    })

    expect(promised.length).toBeGreaterThan(10)
    const missing = await Promise.all(promised.map(async key => ((await storage.entries.get('s', key)) ? [] : [key])))
    expect(missing.flat()).toEqual([])
  })

  test('that is stopped: nothing hangs, nothing piles up, and it goes on', async () => {
    const redis = await startRedis()
    const storage = await open(redis.url)
    await write(storage, 'before')

    redis.pause()
    const hanging = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => write(storage, `hanging:${at}`)))
    for (const { status } of hanging) expect(status).toBe('rejected')
    // By now it is known to be away: this is refused without waiting.
    await until(() =>
      Promise.race([
        write(storage, 'more').then(
          () => undefined,
          () => true,
        ),
        new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), 5)),
      ]),
    )
    redis.resume()

    await until(() =>
      storage.ready().then(
        () => true,
        () => undefined,
      ),
    )
    expect(await write(storage, 'after')).toBe(true)
  })

  test('whose answers come while the engine itself stands still has answered', async () => {
    const redis = await startRedis()
    const storage = await open(redis.url)
    const writing = Promise.all(Array.from({ length: 10 }, (_, at) => write(storage, `still:${at}`)))
    await new Promise(resolve => setImmediate(resolve))
    const wakeAt = performance.now() + 2_000
    while (performance.now() < wakeAt);
    expect(await writing).toEqual(Array.from({ length: 10 }, () => true))
  })

  test('without replicas: nothing is promised that one should have', async () => {
    const redis = await startRedis()
    const storage = await open(redis.url)
    await write(storage, 'before')
    await expect(openStorage(redis.url, { secret, clock: Date.now, replicas: 1 })).rejects.toMatchObject({
      message: expect.stringMatching(/^PATCHCORD_STORAGE: .*replicas/),
    })
  })

  test('with another secret is refused at the start', async () => {
    const redis = await startRedis()
    await open(redis.url)
    const other = openStorage(redis.url, { secret: `another ${secret}`, clock: Date.now })
    await expect(other).rejects.toThrow('PATCHCORD_SECRET is not the one')
  })

  test('by TLS and a user of its own', async () => {
    const redis = await startRedis({ tls: true, users: ['app on >p%40ss:word ~pc:* &* +@all -@dangerous +info'] })
    const url = redis.url.replace('://', '://app:p%2540ss%3Aword@')
    const storage = await open(`${url}?ca=${redis.ca}`)
    expect(await write(storage, 'secret')).toBe(true)
    await expect(open(url)).rejects.toThrow(/^PATCHCORD_STORAGE: Redis cannot be reached/)
    const wrong = open(`${redis.url.replace('://', '://app:hunter2@')}?ca=${redis.ca}`)
    await expect(wrong).rejects.toThrow(/^PATCHCORD_STORAGE: (?!.*hunter2)/)
  })
})

test('an operation under a name is done once, and answered as it was', async () => {
  const { entries } = await open((await startRedis()).url)
  const once = 'run_a.1'
  for (let times = 0; times < 2; times++) {
    expect(await entries.increment('s', 'n', { by: 2, once })).toEqual({ value: 2, expiresAt: null })
    expect(await entries.set('s', 'set', String(times), { ifAbsent: true, once })).toBe(true)
    expect(await entries.replace('s', 'replaced', { version: null, value: String(times), once })).toBe(true)
  }
  expect(await entries.get('s', 'set')).toMatchObject({ value: '0' })
  await entries.set('s', 'replaced', 'another')
  expect(await entries.told('s', 'replaced', once)).toEqual({ value: '0' })
  expect(await entries.told('s', 'replaced', 'run_a.2')).toBeUndefined()
  for (let times = 0; times < 2; times++) expect(await entries.delete('s', 'set', { once: 'run_a.3' })).toBe(true)
  expect(await entries.told('s', 'set', 'run_a.3')).toEqual({ value: undefined })
  // What was not done may be tried again.
  expect(await entries.replace('s', 'n', { version: 1, value: 'x', once: 'run_a.4' })).toBe(false)
  expect(await entries.increment('s', 'n', { once: 'run_a.4' })).toMatchObject({ value: 3 })
})

describe('a cluster', () => {
  test('whose primary is killed loses nothing that was promised', { timeout: 120_000 }, async () => {
    const cluster = await startRedisCluster({ replicas: 1 })
    const storage = await open(cluster.url, 1)
    const promised = await promisedDuring(storage, async () => {
      const [first] = await cluster.primaries()
      await write(storage, 'begun')
      await first!.kill()
      // Started again before that, it would be the primary of what its own AOF has, which may be less than its replica has.
      await until(async () => {
        const primaries = await cluster.primaries()
        // That it is dead is known to nobody at first.
        return (primaries.length === 3 && !primaries.includes(first!)) || undefined
      })
      // Its slots have a new primary, which has no replica yet: now it gets one.
      await first!.restart()
      await until(async () => {
        const keys = Array.from({ length: 20 }, (_, at) => `whole:${at}`)
        const answers = await Promise.allSettled(keys.map(key => write(storage, key)))
        return answers.every(({ status }) => status === 'fulfilled') || undefined
      })
    })

    expect(promised.length).toBeGreaterThan(10)
    const missing = await Promise.all(promised.map(async key => ((await storage.entries.get('s', key)) ? [] : [key])))
    expect(missing.flat()).toEqual([])
  })
})
