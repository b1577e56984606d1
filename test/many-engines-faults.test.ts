// Engines over one Redis that lose replies, or are taken for dead and live.

import { expect, onTestFinished, test } from 'vitest'

import { createLog } from '../engine/log.ts'
import { createHeartbeat } from '../engine/outbox/heartbeat.ts'
import { openStorage } from '../engine/storage/list.ts'
import type { ScriptName } from '../engine/storage/redis/scripts.ts'
import { secret, shareRedis, surroundings, token } from './engines-redis.ts'
import { createTestEngine, newFolder, until, type Answer, type TestEngine } from './helpers.ts'
import { furnish, startEngine } from './http/engine-process.ts'
import { config as workConfig, post, work } from './http/work.ts'
import { hashOf, openLossyRedis } from './lossy-redis.ts'

const redis = shareRedis()

const script = `
export default async ({ n }) => {
  const { value } = await storage.increment('count:' + n)
  const sms = await sendSms({ to: '+12015550123', text: 'number ' + value })
  return { value, sms: sms.id }
}
export const slow = async ({ n }) => {
  await storage.set('begun', true)
  while (!(await storage.get('go')));
  const { value } = await storage.increment('count:' + n)
  const sms = await sendSms({ to: '+12015550123', text: 'number ' + value })
  return { value, sms: sms.id }
}
export const begun = () => storage.get('begun')
export const go = () => storage.set('go', true)
export const count = ({ n }) => storage.get('count:' + n)`
const files = { 'count.ts': script }
const config = { engine: { scriptWallMs: 60_000, scriptHostCalls: 10_000 } }

const asked = (engine: TestEngine, path = '/count') =>
  engine.post(path, { n: 1 }, { headers: { 'idempotency-key': 'the-key' } })

/** The first answer that says how it ended. */
const answerOf = (ask: () => Promise<Answer>): Promise<Answer> =>
  until(async () => {
    const answer = await ask()
    return answer.status === 503 || answer.status === 409 ? undefined : answer
  })

test('a retry with the same key does nothing twice when Redis had done it and its reply was lost', async () => {
  const lossy = await openLossyRedis(redis.port())
  const engine = await createTestEngine({ files, environment: surroundings(lossy.url + redis.newDatabase()) })
  // By then each script of Redis goes by its hash.
  await engine.post('/count', { n: 0 })
  lossy.loseReplyTo(text => text.includes(hashOf('entry-increment')))

  expect(await asked(engine)).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
  expect(lossy.lost()).toBe(1)
  expect(await answerOf(() => asked(engine))).toMatchObject({ status: 200, body: { value: 1 } })
  expect((await engine.post('/count/count', { n: 1 })).body).toBe(1)
  const { messages } = await engine.engine.outbox.list({ limit: 10 })
  expect(messages).toHaveLength(2)
})

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
/** Which of its steps loses its reply, for each script of Redis that the run uses. */
const losses: Array<[ScriptName, number[]]> = [
  ['entry-increment', isLong ? Array.from({ length: 13 }, (_, at) => at + 1) : [7, 13]],
  ['entry-replace', isLong ? [1, 2, 3, 4, 5, 6] : [3]],
  ['entry-set', isLong ? [1, 2] : [2]],
  ['work-schedule', [1]],
]

test(
  'wherever a reply is lost, a run with a key has done in the end what it does, once',
  { timeout: 300_000 },
  async () => {
    const lossy = await openLossyRedis(redis.port())
    const environment = surroundings(lossy.url + redis.newDatabase())
    const engine = await createTestEngine({ files: { 'work.ts': work }, config: workConfig, environment })
    let n = 2_000_000
    for (const [name, steps] of losses) {
      for (const step of steps) {
        const number = String(++n)
        const ask = () => engine.post('/work', { n: number }, { headers: { 'idempotency-key': `key-${number}` } })
        let seen = 0
        lossy.loseReplyTo(text => (seen += text.split(hashOf(name)).length - 1) >= step)
        await ask()
        const { status, body } = await answerOf(ask)
        expect({ status, count: body.count, stored: body.stored, list: body.list }).toEqual({
          status: 200,
          count: 13,
          stored: body.code,
          list: [body.code],
        })
      }
    }
    // By then each script of Redis went by its hash, but for the first run of it.
    expect(lossy.lost()).toBeGreaterThan(3)
    const { messages } = await engine.engine.outbox.list({ limit: 100 })
    expect(messages).toHaveLength(n - 2_000_000)
  },
)

test('a key whose first request lost a reply works at another engine', async () => {
  const lossy = await openLossyRedis(redis.port())
  const database = redis.newDatabase()
  const one = await createTestEngine({ files, environment: surroundings(lossy.url + database) })
  const other = await createTestEngine({ files, environment: surroundings(redis.url(database)) })
  // The lifetime that only the record of a key has.
  lossy.loseReplyTo(text => text.includes('86401000'))

  expect(await asked(one)).toMatchObject({ status: 503 })
  expect(lossy.lost()).toBe(1)
  expect(await answerOf(() => asked(other))).toMatchObject({ status: 200, body: { value: 1 } })
})

test('an engine that was paused and goes on neither repeats nor takes away what another one did', async () => {
  const environment = surroundings(redis.url())
  const folder = await newFolder()
  await furnish(folder, files, config)
  const paused = startEngine(folder, environment)
  const url = await paused.url()
  const other = await createTestEngine({ files, config, environment })
  const there = post(url, token, '/count/slow', { n: 1 }, 'the-key').catch(() => undefined)
  await until(async () => (await other.post('/count/begun', {})).body === true || undefined)
  paused.kill('SIGSTOP')
  onTestFinished(() => paused.kill('SIGCONT'))
  await other.post('/count/go', {})
  const here = await answerOf(() => asked(other, '/count/slow'))
  paused.kill('SIGCONT')
  await there

  expect(here).toMatchObject({ status: 200, body: { value: 1 } })
  const again = await asked(other, '/count/slow')
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.body).toEqual(here.body)
  expect((await other.post('/count/count', { n: 1 })).body).toBe(1)
  expect((await other.engine.outbox.list({ limit: 10 })).messages).toHaveLength(1)
})

const takeOvers: Array<[what: string, sent: (text: string) => boolean]> = [
  ['the key’s record was asked for', text => text.includes('86401000')],
  ['the run was under way', text => text.includes(hashOf('entry-increment'))],
]

const takeOver = 'a run of a dead engine is ended although the storage was away while %s'
test.each(takeOvers)(takeOver, { timeout: 60_000 }, async (_what, sent) => {
  const lossy = await openLossyRedis(redis.port())
  const database = redis.newDatabase()
  const folder = await newFolder()
  await furnish(folder, files, config)
  const doomed = startEngine(folder, surroundings(redis.url(database)))
  const url = await doomed.url()
  const heir = await createTestEngine({ files, config, environment: surroundings(lossy.url + database) })
  await heir.post('/count', { n: 0 })
  const there = post(url, token, '/count/slow', { n: 1 }, 'the-key').catch(() => undefined)
  await until(async () => (await heir.post('/count/begun', {})).body === true || undefined)
  doomed.kill('SIGKILL')
  await there
  lossy.loseReplyTo(sent)
  await until(async () => (await heir.post('/count/go', {})).status === 200 || undefined)
  await until(() => lossy.lost() === 1 || undefined)

  expect(await answerOf(() => asked(heir, '/count/slow'))).toMatchObject({ status: 200, body: { value: 1 } })
  expect((await heir.post('/count/count', { n: 1 })).body).toBe(1)
  expect((await heir.engine.outbox.list({ limit: 10 })).messages).toHaveLength(2)
  // Nothing is left for the next engine.
  await until(async () => (await heir.engine.storage.entries.list('runs', '')).length === 0 || undefined)
  const log = await heir.readLog()
  expect(log).toContain('a run of a dead engine is tried again')
  expect(log.split('run of a dead engine was ended')).toHaveLength(2)
})

test('an engine whose sign changes no more is dead, and nobody is while the storage was away', async () => {
  const storage = await openStorage(redis.url(), { secret, clock: Date.now })
  onTestFinished(() => storage.close())
  let now = 0
  const parts = { storage, log: createLog('silent'), everyMs: 10, deadAfterMs: 5_000, monotonic: () => now }
  const one = createHeartbeat({ ...parts, engine: 'one' })
  const other = createHeartbeat({ ...parts, engine: 'other' })
  for (const heart of [one, other]) {
    await heart.start()
    onTestFinished(() => heart.stop())
  }
  await storage.entries.set('engines', 'ghost', 'its last word')
  const signs = async (): Promise<string> =>
    JSON.stringify(await Promise.all(['one', 'other'].map(name => storage.entries.get('engines', name))))
  /** A second passes, and all hearts beat. */
  const second = async (): Promise<void> => {
    now += 1_000
    for (const _ of [1, 2]) {
      const before = JSON.parse(await signs()) as Array<{ version: number }>
      await until(async () => {
        const after = JSON.parse(await signs()) as Array<{ version: number }>
        return after.every(({ version }, at) => version > before[at]!.version) || undefined
      })
    }
  }
  const living = async (): Promise<string[]> => [...(await one.living())].sort()
  expect(await living()).toEqual(['ghost', 'one', 'other'])
  for (let seconds = 0; seconds < 7; seconds++) {
    await second()
    await living()
  }
  expect(await living()).toEqual(['one', 'other'])

  // Nothing got through for so long.
  now += 60_000
  expect(await living()).toContain('other')
  await second()
  expect(await living()).toContain('other')
})
