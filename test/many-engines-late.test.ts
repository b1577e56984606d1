// Engines over one Redis where what was sent arrives after everybody has given
// it up, and engines that stand still over something and go on.

import { expect, onTestFinished, test } from 'vitest'

import { shareRedis, surroundings, token } from './engines-redis.ts'
import { createTestEngine, newFolder, until, type Answer, type TestEngine } from './helpers.ts'
import { furnish, startEngine } from './http/engine-process.ts'
import { openLateRedis } from './late-redis.ts'
import { hashOf, openLossyRedis } from './lossy-redis.ts'

const redis = shareRedis()

const counting = {
  'count.ts': `
export default async ({ n }) => {
  const { value } = await storage.increment('count:' + n)
  const sms = await sendSms({ to: '+12015550123', text: 'number ' + value })
  return { value, sms: sms.id }
}`,
}
const timing = {
  'timer.ts': `
export default () => schedule('go', null, { after: 1 })
export const far = () => schedule('go', null, { after: '1h' })
export const stop = async ({ id }) => [await unschedule(id), await unschedule(id)]
export const onTimer = async () => {
  await storage.set('row:' + Math.random(), 1)
  await storage.increment('rung')
}
export const rung = async () => [await storage.get('rung'), (await storage.list('row')).length]`,
}
/** What only the records of keys, and of runs, have: their lifetimes. */
const keyLifetime = '86401000'
const runLifetime = '604801000'

const ask = (engine: TestEngine, path: string, body: object, key: string): Promise<Answer> =>
  engine.post(path, body, { headers: { 'idempotency-key': key } })
const answered = (again: () => Promise<Answer>): Promise<Answer> =>
  until(async () => {
    const answer = await again()
    return answer.status === 503 || answer.status === 409 ? undefined : answer
  })
const texts = async ({ engine }: TestEngine): Promise<number> =>
  (await engine.outbox.list({ limit: 100 })).messages.length

async function twoEngines(files: Record<string, string>, way: { url: string }): Promise<TestEngine[]> {
  const database = redis.newDatabase()
  return Promise.all(
    [way.url + database, redis.url(database)].map(url => createTestEngine({ files, environment: surroundings(url) })),
  )
}

test('a key whose record arrives late works at another engine', async () => {
  const way = await openLateRedis(redis.port())
  const [one, other] = await twoEngines(counting, way)
  way.keepBack(text => text.includes(keyLifetime))
  expect((await ask(one!, '/count', { n: 1 }, 'k')).status).toBe(503)
  // Its engine has looked by then, and has found nothing to take away.
  await until(async () => (await one!.readLog()).includes('storage_unavailable'))
  await way.deliver()
  expect(await answered(() => ask(other!, '/count', { n: 1 }, 'k'))).toMatchObject({ status: 200, body: { value: 1 } })
  expect(await texts(other!)).toBe(1)
})

test('a run whose record arrives late is not done once its request was done anew', async () => {
  const way = await openLateRedis(redis.port())
  const [one, other] = await twoEngines(counting, way)
  way.keepBack(text => text.includes(runLifetime))
  expect((await ask(one!, '/count', { n: 1 }, 'k')).status).toBe(503)
  expect((await answered(() => ask(one!, '/count', { n: 1 }, 'k'))).status).toBe(200)
  await way.deliver()
  const { entries } = other!.engine.storage
  expect(await entries.list('runs', '')).toHaveLength(1)

  await one!.stop()
  // The other one looks at it, and does nothing but put it away.
  await until(async () => (await entries.list('runs', '')).length === 0)
  expect(await texts(other!)).toBe(1)
})

test('a timer whose schedule lost its reply rings once', async () => {
  const lossy = await openLossyRedis(redis.port())
  const [one, other] = await twoEngines(timing, lossy)
  await one!.post('/timer/far', {})
  lossy.loseReplyTo(text => text.includes(hashOf('work-schedule')))
  const { body } = await answered(() => ask(one!, '/timer', {}, 'k'))
  expect(lossy.lost()).toBe(1)
  const isDone = async () => (await other!.engine.storage.work.get('timers', body.id))?.state === 'done'
  await until(isDone)
  // Asked for once more, as by replay, it is over.
  expect((await ask(one!, '/timer', {}, 'k')).body.id).toBe(body.id)
  expect((await other!.post('/timer/rung', {})).body).toEqual([1, 1])
  expect(await isDone()).toBe(true)
})

test('whether a timer was taken away is told right after a lost reply', async () => {
  const lossy = await openLossyRedis(redis.port())
  const [one] = await twoEngines(timing, lossy)
  const { body: warm } = await one!.post('/timer/far', {})
  expect((await one!.post('/timer/stop', { id: warm.id })).body).toEqual([true, false])
  const { body } = await one!.post('/timer/far', {})
  lossy.loseReplyTo(text => text.includes(hashOf('work-settle')))
  const answer = await answered(() => ask(one!, '/timer/stop', { id: body.id }, 'k'))
  expect(lossy.lost()).toBe(1)
  expect(answer.body).toEqual([true, false])
})

test('timers that did nothing leave nothing but that they are over', async () => {
  const files = {
    'timer.ts': `export default () => schedule('go', null, { after: '0s' })\nexport const onTimer = () => {}`,
  }
  const engine = await createTestEngine({ files, environment: surroundings(redis.url()) })
  for (let n = 0; n < 20; n++) await engine.post('/timer', {})
  const { work, entries } = engine.engine.storage
  await until(async () => (await work.list('timers', { state: 'done', limit: 100 })).items.length === 20)
  expect(await entries.list('runs', '')).toEqual([])
  expect(await entries.list('runs-over', '')).toEqual([])
})

test('a timer of an engine that stood still over it and goes on rings once', async () => {
  const environment = surroundings(redis.url())
  const config = { engine: { scriptWallMs: 60_000, scriptHostCalls: 10_000 } }
  const files = {
    'timer.ts': `
export default () => schedule('go', null, { after: 1 })
export const onTimer = async () => {
  while (!(await storage.get('go')));
  await storage.set('row:' + Math.random(), 1)
  await storage.increment('rung')
}
export const go = () => storage.set('go', true)
export const rung = async () => [await storage.get('rung'), (await storage.list('row')).length]`,
  }
  const folder = await newFolder()
  await furnish(folder, files, config)
  const paused = startEngine(folder, environment)
  const url = await paused.url()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const post = (path: string) => fetch(url + path, { method: 'POST', headers, body: '{}' })
  await post('/timer')
  const runsOf = async (base: string) => {
    const answer = await fetch(`${base}/admin/runs?script=timer&status=running`, { headers })
    return ((await answer.json()) as { runs: object[] }).runs.length
  }
  // It is in the middle of it, and has done nothing yet.
  await until(async () => (await runsOf(url)) === 1)
  paused.kill('SIGSTOP')
  onTestFinished(() => paused.kill('SIGCONT'))
  const other = await createTestEngine({ files, config, environment })
  await other.post('/timer/go', {})
  await until(async () => (await other.post('/timer/rung', {})).body[0] === 1)
  const { storage } = other.engine
  await until(async () => (await storage.work.list('timers', { limit: 10 })).items[0]?.state === 'done')
  await until(async () => (await storage.entries.list('runs-over', '')).length === 1)

  paused.kill('SIGCONT')
  // It ends with what it was refused.
  await until(async () => (await runsOf(url)) === 0)
  expect((await other.post('/timer/rung', {})).body).toEqual([1, 1])
})
