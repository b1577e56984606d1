// A start over a Redis that is there and refuses what is asked of it: it waits,
// and goes on as if nothing had been, or ends with one line.

import { expect, test } from 'vitest'

import { StartError } from '../engine/errors.ts'
import { startPatiently } from '../engine/patience.ts'
import { openStorage } from '../engine/storage/list.ts'
import { secret, surroundings, token } from './engines-redis.ts'
import { newFolder, until, type Answer } from './helpers.ts'
import { furnish, startEngine } from './http/engine-process.ts'
import { post } from './http/work.ts'
import { openLossyRedis } from './lossy-redis.ts'
import { startRedis, type RedisServer } from './redis.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const waits = 'waiting for it'
const never = new Promise<never>(() => {})

async function furnished(): Promise<string> {
  const folder = await newFolder()
  // Undone as well: a carrier that was not started yet.
  await furnish(folder, {}, { carriers: { main: { driver: 'smpp', url: 'smpp://user:secret@127.0.0.1:9' } } })
  return folder
}

async function startRefusing(): Promise<RedisServer> {
  const redis = await startRedis()
  await redis.command('config', 'set', 'min-replicas-to-write', '1')
  return redis
}

const obey = (redis: RedisServer): Promise<string> => redis.command('config', 'set', 'min-replicas-to-write', '0')

test('a start that Redis refuses waits for it, and says so once', async () => {
  const redis = await startRefusing()
  const engine = startEngine(await furnished(), surroundings(redis.url))
  await until(() => engine.stderr().includes(waits) || undefined)
  await obey(redis)
  const url = await engine.url()
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(engine.stderr().split(waits)).toHaveLength(2)
  engine.kill('SIGTERM')
  expect(await engine.ended).toEqual({ code: 0, signal: null })
})

test('a start that waits ends at once when it is told to stop', async () => {
  const redis = await startRefusing()
  const engine = startEngine(await furnished(), surroundings(redis.url))
  await until(() => engine.stderr().includes(waits) || undefined)
  engine.kill('SIGTERM')
  expect(await engine.ended).toEqual({ code: 0, signal: null })
  expect(engine.stdout()).toBe('')
})

test('a start at whose address nobody listens does not wait', async () => {
  const redis = await startRedis()
  await redis.kill()
  const engine = startEngine(await furnished(), surroundings(redis.url))
  expect((await engine.ended).code).toBe(1)
  expect(engine.stderr()).toMatch(/^patchcord: PATCHCORD_STORAGE: Redis cannot be reached[^\n]*\n$/)
})

test('wherever in the start Redis does not answer, the engine is there in the end', { timeout: 600_000 }, async () => {
  const redis = await startRedis()
  const folder = await furnished()
  const lossy = await openLossyRedis(redis.port)
  /** How much was asked of Redis until the engine was there, in pieces, when it never hears the answers to one of them. */
  async function asksOf(lost: number): Promise<{ asks: number; waited: number }> {
    let asks = 0
    lossy.loseReplyTo(text => text.includes('pc:') && ++asks === lost)
    const engine = startEngine(folder, surroundings(`${lossy.url}0`))
    const url = await engine.url()
    const found = { asks, waited: engine.stderr().split(waits).length - 1 }
    // The last of them may still be waited for.
    const sent = (): Promise<Answer> => post(url, token, '/sms', { number: '+12015550123', text: 'Hello' })
    await until(async () => (await sent()).status === 200 || undefined)
    engine.kill('SIGTERM')
    expect(await engine.ended).toEqual({ code: 0, signal: null })
    return found
  }
  const { asks, waited } = await asksOf(0)
  expect({ asks: asks > 10, waited }).toEqual({ asks: true, waited: 0 })
  const all = Array.from({ length: asks }, (_, at) => at + 1)
  const some = [0.3, 0.8].map(part => Math.round(asks * part))
  let times = 0
  for (const lost of isLong ? all : some) times += (await asksOf(lost)).waited
  // Of what is asked beside the start nobody waits for the answer.
  expect(times).toBeGreaterThan(0)
})

test('a storage that refuses for too long ends the start with one line', async () => {
  const redis = await startRefusing()
  const told: string[] = []
  const log = { warn: (line: string) => void told.push(line) } as never
  const start = () => openStorage(redis.url, { secret, clock: Date.now })
  const error = await startPatiently(start, { log, stop: never, withinMs: 1 }).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(StartError)
  expect((error as Error).message).toMatch(/^PATCHCORD_STORAGE: Redis takes no writes \(.*NOREPLICAS.*\)$/)
  expect(told).toEqual([expect.stringMatching(/^PATCHCORD_STORAGE: .*NOREPLICAS/)])
})
