// What lies in two places of Redis is written side by side: one half may be there
// without the other, when the node of the other was away. And what is left when
// all of it is over.

import { expect, onTestFinished, test } from 'vitest'

import { openStorage } from '../../engine/storage/list.ts'
import { entryKey, indexOf } from '../../engine/storage/redis/entry-row.ts'
import { createRows } from '../../engine/storage/redis/work-row.ts'
import { createSeal } from '../../engine/storage/seal.ts'
import type { NewWork, Storage } from '../../engine/storage/storage.ts'
import { secret, surroundings } from '../engines-redis.ts'
import { createTestEngine } from '../helpers.ts'
import { startRedis, type RedisServer } from '../redis.ts'

const seal = createSeal(secret)
const rows = createRows(seal)
const queue = 'messages'
const number = '+12015550123'

async function open(): Promise<{ redis: RedisServer; storage: Storage }> {
  const redis = await startRedis()
  const storage = await openStorage(redis.url, { secret, clock: Date.now })
  onTestFinished(() => storage.close())
  return { redis, storage }
}

const work = (id: string, item: Partial<NewWork> = {}): NewWork => ({
  queue,
  id,
  lane: 'main',
  priority: 0,
  dueAt: Date.now(),
  state: 'queued',
  tags: { number },
  body: id,
  expiresAt: null,
  ...item,
})

test('pages by number end where the number was noted at an attempt before the one that stored the item', async () => {
  const { redis, storage } = await open()
  await storage.work.schedule(work('m1'))
  const first = String(Date.now() * 1_024 + 1_023)
  await redis.command('ZADD', rows.nameKey('number', queue, rows.tag(number)), first, 'late')
  for (const id of ['m2', 'm3', 'late', 'm4']) await storage.work.schedule(work(id))
  const found: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < 10; pages++) {
    const page = await storage.work.list(queue, { number, limit: 1, ...(cursor !== undefined && { cursor }) })
    found.push(...page.items.map(({ id }) => id))
    if (page.next === null) break
    cursor = page.next
  }
  expect(found).toEqual(['m4', 'm3', 'm2', 'late', 'm1'])
})

test('an entry whose path was not noted is listed once it is replaced, or asked for by what was done to it', async () => {
  const { redis, storage } = await open()
  const { entries } = storage
  const listed = async () => (await entries.list('s', 'user')).map(({ key }) => key)
  const lose = async (key: string) => {
    const path = seal.hashKey('s', key)
    for (const index of indexOf(path)) await redis.command('ZREM', index, path)
  }
  for (const [key, ttl] of [
    ['user:1', {}],
    ['user:2', { ttlMs: 60_000 }],
  ] as const) {
    expect(await entries.replace('s', key, { version: null, value: '1', once: 'run_a.1', ...ttl })).toBe(true)
    await lose(key)
    const { version } = (await entries.get('s', key))!
    expect(await entries.replace('s', key, { version, value: '2' })).toBe(true)
    expect(await listed()).toEqual([key])
    await lose(key)
    expect(await entries.told('s', key, 'run_a.1')).toEqual({ value: '1' })
    expect(await listed()).toEqual([key])
    // Noted as the entry has it: with its end, and taken out by its stamp.
    const path = seal.hashKey('s', key)
    const stamp = (await redis.command('GET', entryKey(path))).split(':')[3]
    expect(Number(await redis.command('ZSCORE', indexOf(path)[1], path))).toBe(Number(stamp))
    await entries.delete('s', key)
    expect(await listed()).toEqual([])
  }
})

test('an update that makes the same of an entry brings it back into the list', async () => {
  const { redis, storage } = await open()
  const files = {
    'up.ts': `
      export default () => storage.update('user:1', value => value ?? 'new')
      export const all = () => storage.list('user')`,
  }
  const engine = await createTestEngine({ files, environment: surroundings(redis.url) })
  expect((await engine.post('/up', {})).body).toBe('new')
  const path = seal.hashKey('script/up', 'user:1')
  for (const index of indexOf(path)) await redis.command('ZREM', index, path)
  expect((await engine.post('/up/all', {})).body).toEqual([])
  expect((await engine.post('/up', {})).body).toBe('new')
  expect((await engine.post('/up/all', {})).body).toEqual([{ key: 'user:1', value: 'new' }])
  expect(await storage.entries.get('script/up', 'user:1')).toMatchObject({ value: '"new"' })
})

test('the lists of a shard have an end when all that is in them has one', async () => {
  const { redis, storage } = await open()
  const day = 86_400_000
  const [list, ends] = [`${rows.shardOf(queue, 'm1')}:l`, `${rows.shardOf(queue, 'm1')}:e`]
  const left = async (key: string) => Number(await redis.command('PTTL', key)) / day
  await storage.work.schedule(work('m1'))
  expect(await left(list)).toBeLessThan(0)
  await storage.work.settle(queue, 'm1', { state: 'sent', dueAt: null, expiresAt: Date.now() + 30 * day })
  for (const key of [list, ends]) {
    expect(await left(key)).toBeGreaterThan(31)
    expect(await left(key)).toBeLessThan(34)
  }
  const other = Array.from({ length: 100 }, (_, n) => `other${n}`).find(id => `${rows.shardOf(queue, id)}:l` === list)!
  await storage.work.schedule(work(other))
  for (const key of [list, ends]) expect(await left(key)).toBeLessThan(0)
  await storage.work.delete(queue, other)
  for (const key of [list, ends]) expect(await left(key)).toBeGreaterThan(31)
})
