import { afterAll, beforeAll, describe } from 'vitest'

import { openStorage } from '../../engine/storage/list.ts'
import { startRedisCluster, type RedisCluster } from '../redis-cluster.ts'
import { startRedis, type RedisServer } from '../redis.ts'
import { storageContract } from './contract.ts'

const secret = 'a secret for tests, long enough to be one'
const ends: Array<() => Promise<void>> = []
const atEnd = (end: () => Promise<void>): void => void ends.push(end)

describe('one Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ atEnd })
  })
  storageContract('redis', async clock => {
    await redis.command('FLUSHALL')
    const storage = await openStorage(redis.url, { secret, clock })
    return { storage, remove: () => storage.close() }
  })
})

describe('a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicas: 1, atEnd })
  }, 60_000)
  storageContract('redis-cluster', async clock => {
    for (const node of await cluster.primaries()) await node.command('FLUSHALL')
    const storage = await openStorage(cluster.url, { secret, clock, replicas: 1 })
    return { storage, remove: () => storage.close() }
  })
})

afterAll(async () => {
  for (const end of ends) await end()
})
