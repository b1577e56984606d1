// Scripts of several engines when one of them dies, is too busy, or Redis forgets.

import { expect, test } from 'vitest'

import { shareRedis, surroundings } from '../engines-redis.ts'
import { createTestEngine, until, type TestEngine, type TestEngineOptions } from '../helpers.ts'

const redis = shareRedis()
const says = (word: string): string => `export default () => '${word}'`
const old = { 'say.ts': says('old') }
/** Some engines have no time for it. */
const long = (word: string): string => `for (let n = 0; n < 1e9; n++); export default () => '${word}'`
const patient = { sandboxLimits: { loadMs: 20_000 } }
const hasty = { sandboxLimits: { loadMs: 300 } }

const open = (url: string, options: TestEngineOptions = {}): Promise<TestEngine> =>
  createTestEngine({ files: old, ...options, environment: surroundings(url) })
const said = async (engine: TestEngine): Promise<unknown> => (await engine.post('/say', {})).body
const put = (engine: TestEngine, source: string) =>
  engine.call('PUT', '/admin/scripts/say', { body: JSON.stringify({ source }) })
const shown = async (engine: TestEngine) => (await engine.get('/admin/scripts/say')).body
const activate = (engine: TestEngine, version: string) => engine.post('/admin/scripts/say/activate', { version })
const all = (of: TestEngine[], word: string) =>
  until(async () => (await Promise.all(of.map(said))).every(text => text === word))

test('engines that know a version which Redis has forgotten go by what it says', async () => {
  const url = redis.url()
  const [one, other] = await Promise.all([open(url), open(url)])
  const { entries } = one.engine.storage
  await put(one, says('one'))
  const before = (await entries.get('scripts', 'say'))!.value
  await put(one, says('two'))
  await all([one, other], 'two')
  // As after a failover to a replica that had not got the last second.
  const { version } = (await entries.get('scripts', 'say'))!
  await entries.replace('scripts', 'say', { version, value: before })

  const late = await open(url)
  await all([one, other, late], 'one')
  expect((await put(late, says('three'))).status).toBe(201)
  await all([one, other, late], 'three')
})

test('what nobody could use pushes no version out, and what was active again is among the last', async () => {
  const url = redis.url()
  const [one] = [await open(url, patient), await open(url, hasty)]
  const { version: first } = await shown(one)
  for (let n = 0; n < 3; n++) expect((await put(one, long(`no ${n}`))).status).toBe(422)
  const good: string[] = []
  for (let n = 0; n < 19; n++) good.push((await put(one, says(`v${n}`))).body.version)
  expect((await activate(one, first)).status).toBe(200)
  for (let n = 19; n < 22; n++) await put(one, says(`v${n}`))
  expect((await activate(one, first)).status).toBe(200)
  expect((await activate(one, good[0]!)).status).toBe(404)
  expect((await activate(one, good[3]!)).status).toBe(200)
})

test('a new folder whose first engine was refused is new for the next one', async () => {
  const url = redis.url()
  const busy = await open(url, hasty)
  const files = { 'say.ts': long('new') }
  const first = await open(url, { files, ...patient })
  expect(await said(first)).toBe('old')
  expect((await shown(first)).state).toBe('stale')
  await first.stop()
  await busy.stop()
  // To run it takes too long as well: what counts is which one is active.
  const second = await open(url, { files, ...patient })
  expect(await shown(second)).toMatchObject({ state: 'active', source: long('new') })
})

test('an offer that a dead engine left takes nobody back', async () => {
  const url = redis.url()
  const [one, other] = await Promise.all([open(url), open(url)])
  const { version: first } = await shown(one)
  await put(one, says('new'))
  await all([one, other], 'new')
  const { entries } = one.engine.storage
  const { version, value } = (await entries.get('scripts', 'say'))!
  const offer = { id: 'off_of_the_dead', hash: first, by: 'eng_that_is_dead' }
  await entries.replace('scripts', 'say', { version, value: JSON.stringify({ ...JSON.parse(value), offer }) })

  await other.stop()
  const back = await open(url, { folder: other.folder })
  expect(await said(back)).toBe('new')
  expect(await said(one)).toBe('new')
  expect((await put(one, says('newer'))).status).toBe(201)
  await all([one, back], 'newer')
})

test('an engine that cannot load the active version says so until it follows', async () => {
  const url = redis.url()
  const one = await open(url, patient)
  expect((await put(one, long('long'))).status).toBe(201)
  const busy = await open(url, hasty)
  expect(await said(busy)).toBe('old')
  expect((await shown(busy)).problems).toMatchObject([{ message: expect.stringContaining('longer than 300 ms') }])

  await busy.writeScript('other.ts', says('other'))
  await until(async () => (await busy.post('/other', {})).status === 200)
  expect((await shown(busy)).state).toBe('stale')
  expect((await put(one, says('short'))).status).toBe(201)
  await all([one, busy], 'short')
  expect((await shown(busy)).state).toBe('active')
})
