// Claims that Redis did and whose answer was lost on the way: what they took is
// not sent by anybody, so it has to wait again; what is in hand stays in hand.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { openStorage } from '../../engine/storage/list.ts'
import { readScripts, type ScriptName } from '../../engine/storage/redis/scripts.ts'
import type { NewWork, Storage, WorkItem } from '../../engine/storage/storage.ts'
import { until } from '../helpers.ts'
import { startRedis } from '../redis.ts'

const owner = 'the-engine'
/** Enough to lie in every shard. */
const many = 40
const names = (prefix: string): string[] => Array.from({ length: many }, (_, at) => `${prefix}-${at}`)
const order = { owner, now: Number.MAX_SAFE_INTEGER, limit: many }

function work(id: string): NewWork {
  const place = { lane: 'main', state: 'queued', dueAt: 1, expiresAt: null } as const
  return { queue: 'messages', id, ...place, priority: 0, tags: {}, body: id }
}

const idsOf = (items: WorkItem[]): string[] => items.map(({ id }) => id).sort()

async function settle({ work: queue }: Storage, items: WorkItem[]): Promise<boolean[]> {
  return Promise.all(items.map(({ id, version }) => queue.settle('messages', id, { dueAt: null }, { version })))
}

/** All that comes, until it is so many; each is settled. */
async function claimAll(storage: Storage, count: number): Promise<string[]> {
  const found: string[] = []
  await until(async () => {
    const items = await storage.work.claim('messages', 'main', order).catch(() => [])
    await settle(storage, items)
    found.push(...idsOf(items))
    return found.length >= count || undefined
  })
  return found.sort()
}

test('what a claim took whose answer was lost waits again, what is in hand does not', async () => {
  const { storage, loseAnswersTo } = await openBehindWire()
  for (const id of names('held')) await storage.work.schedule(work(id))
  const inHand = await storage.work.claim('messages', 'main', order)
  expect(inHand).toHaveLength(many)
  for (const id of names('lost')) await storage.work.schedule(work(id))

  loseAnswersTo('work-claim')
  await expect(storage.work.claim('messages', 'main', order)).rejects.toMatchObject({ code: 'storage_unavailable' })

  expect(await claimAll(storage, many)).toEqual(names('lost').sort())
  expect(await settle(storage, inHand)).toEqual(inHand.map(() => true))
})

test('what was stored as claimed while its answer was lost waits like any other', async () => {
  const { storage, loseAnswersTo } = await openBehindWire()
  expect(await storage.work.scheduleClaimed(work('before'), owner)).toBeDefined()

  loseAnswersTo('work-schedule')
  const storing = storage.work.scheduleClaimed(work('lost'), owner)
  await expect(storing).rejects.toMatchObject({ code: 'storage_unavailable' })

  expect(await claimAll(storage, 1)).toEqual(['lost'])
  expect((await storage.work.get('messages', 'before'))?.owner).toBe(owner)
})

async function openBehindWire(): Promise<{ storage: Storage; loseAnswersTo: (script: ScriptName) => void }> {
  const redis = await startRedis()
  const wire = await startWire(redis.port)
  const secret = 'a secret for tests, long enough to be one'
  const storage = await openStorage(`redis://127.0.0.1:${wire.port}/0`, { secret, clock: Date.now })
  onTestFinished(() => storage.close())
  return { storage, loseAnswersTo: wire.loseAnswersTo }
}

/** A wire to Redis that can break after Redis has done something, and before it could say so. */
async function startWire(to: number): Promise<{ port: number; loseAnswersTo: (script: ScriptName) => void }> {
  let sought: string | undefined
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(to, '127.0.0.1')
    let isCut = false
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (near.destroy(), far.destroy()))
    }
    near.on('data', (chunk: Buffer) => {
      if (sought !== undefined && chunk.includes(sought)) {
        isCut = true
        sought = undefined
      }
      far.write(chunk)
    })
    far.on('data', (chunk: Buffer) => (isCut ? near.destroy() : near.write(chunk)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswersTo(script) {
      const { lua } = readScripts().find(({ name }) => name === script)!
      sought = createHash('sha1').update(lua).digest('hex')
    },
  }
}
