// Scripts of several engines over one Redis: a version that is put on one of
// them is active on all, or on none.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import type { ScriptRecord } from '../../engine/library/records.ts'
import type { ScriptName } from '../../engine/storage/redis/scripts.ts'
import { shareRedis, surroundings } from '../engines-redis.ts'
import { createTestEngine, newFolder, until, type TestEngine, type TestEngineOptions } from '../helpers.ts'
import { furnish, startEngine } from '../http/engine-process.ts'
import { hashOf, openLossyRedis } from '../lossy-redis.ts'

const redis = shareRedis()
const says = (word: string): string => `export default () => '${word}'`
const old = { 'say.ts': says('old') }

/** Over one database, each with a folder of its own. */
function engines(all: TestEngineOptions[], url = redis.url()): Promise<TestEngine[]> {
  return Promise.all(
    all.map(options => createTestEngine({ ...options, environment: { ...surroundings(url), ...options.environment } })),
  )
}

const said = async (engine: TestEngine): Promise<unknown> => (await engine.post('/say', {})).body
const put = (engine: TestEngine, source: string, note?: string) =>
  engine.call('PUT', '/admin/scripts/say', { body: JSON.stringify({ source, note }) })
const shown = async (engine: TestEngine) => (await engine.get('/admin/scripts/say')).body
const versions = async (engine: TestEngine) => (await engine.get('/admin/scripts/say/versions')).body.versions
const recordOf = async ({ engine }: TestEngine): Promise<ScriptRecord> =>
  JSON.parse((await engine.storage.entries.get('scripts', 'say'))!.value)
const all = (of: TestEngine[], word: string) =>
  until(async () => (await Promise.all(of.map(said))).every(text => text === word))

test('a file that changes beside one engine is what all of them run, and stays it when the others come back', async () => {
  const url = redis.url()
  const three = await engines([{ files: old }, { files: old }, { files: old }], url)
  await all(three, 'old')

  await three[1]!.writeScript('say.ts', says('new'))
  await all(three, 'new')

  const [first] = three
  await first!.stop()
  const [back] = await engines([{ folder: first!.folder }], url)
  expect(await said(back!)).toBe('new')
  expect(await back!.readLog()).toContain('the file holds an earlier version')
  // An old folder in a new place takes nobody back either.
  const [late] = await engines([{ files: old }], url)
  expect(await said(late!)).toBe('new')
  await all([...three.slice(1), back!, late!], 'new')
})

test('a text that is put is active on all, is listed with its note, and the one before can be active again', async () => {
  const two = await engines([{ files: old }, { files: old }])
  const before = (await shown(two[0]!)).version

  const answer = await put(two[0]!, says('put'), 'a better word')
  expect(answer).toMatchObject({ status: 201, body: { version: expect.stringMatching(/^[a-p]{16}$/), problems: [] } })
  await all(two, 'put')
  for (const engine of two)
    expect(await versions(engine)).toMatchObject([
      { version: answer.body.version, active: true, note: 'a better word' },
      { version: before, active: false, note: null },
    ])

  const again = await two[1]!.post('/admin/scripts/say/activate', { version: before })
  expect(again).toMatchObject({ status: 200, body: { version: before, state: 'active' } })
  await all(two, 'old')
  expect((await two[1]!.post('/admin/scripts/say/activate', { version: 'none' })).status).toBe(404)
})

test('a version that one engine cannot use is active on none', async () => {
  const two = await engines([
    { files: old, sandboxLimits: { loadMs: 20_000 } },
    { files: old, sandboxLimits: { loadMs: 300 } },
  ])
  const long = `for (let n = 0; n < 1e9; n++); export default () => 'long'`

  const answer = await put(two[0]!, long)
  expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_script' } })
  const [, other] = two.map(({ engine }) => engine.sandbox.library)
  expect(other!.problems('say')).toEqual([])
  expect(answer.body.problems).toEqual([
    {
      file: expect.stringContaining('say.ts'),
      line: 1,
      column: 1,
      message: expect.stringMatching(/longer than 300 ms.*\(on eng_/),
    },
  ])
  for (const engine of two) expect(await said(engine)).toBe('old')

  // So it is with a file, which is then shown as what it is.
  await two[0]!.writeScript('say.ts', long)
  await until(async () => (await shown(two[0]!)).state === 'stale')
  expect((await shown(two[0]!)).problems).toEqual(answer.body.problems)
  for (const engine of two) expect(await said(engine)).toBe('old')
  expect((await versions(two[0]!)).map(({ active }: { active: boolean }) => active).filter(Boolean)).toHaveLength(1)
})

test('an engine that cannot answer any more holds nobody up for longer than it takes to be dead', async () => {
  const url = redis.url()
  const folder = await newFolder()
  await furnish(folder, old)
  const process = startEngine(folder, surroundings(url))
  await process.url()
  const [engine] = await engines([{ files: old }], url)
  process.kill('SIGSTOP')
  const answer = put(engine!, says('new'))
  // It is asked, and its silence is no word.
  await until(async () => (await recordOf(engine!)).offer !== undefined)
  expect(await said(engine!)).toBe('old')
  expect((await answer).status).toBe(201)
  expect(await said(engine!)).toBe('new')

  process.kill('SIGCONT')
  const base = await process.url()
  const headers = { authorization: `Bearer ${engine!.token}`, 'content-type': 'application/json' }
  await until(async () => {
    const response = await fetch(`${base}/say`, { method: 'POST', headers, body: '{}' })
    return (await response.text()) === '"new"'
  })
})

test('a run keeps its version, whoever has put another one meanwhile', async () => {
  const waits = (word: string): string => `
    export const go = () => storage.set('go', 1)
    export const begun = () => storage.get('begun')
    export default async () => {
      const before = word()
      await storage.set('begun', 1)
      while ((await storage.get('go')) === undefined);
      return before + word()
    }
    const word = () => '${word}'`
  const config = { engine: { scriptHostCalls: 10_000, scriptWallMs: 60_000 } }
  const two = await engines([
    { files: { 'say.ts': waits('old') }, config },
    { files: { 'say.ts': waits('old') }, config },
  ])
  const running = said(two[1]!)
  await until(async () => (await two[1]!.post('/say/begun', {})).body === 1)
  const { body } = await put(two[0]!, waits('new'))
  await until(async () => (await shown(two[1]!)).version === body.version)
  await two[0]!.post('/say/go', {})
  expect(await running).toBe('oldold')
  expect(await said(two[1]!)).toBe('newnew')
})

test('what happens to a script that was put this moment is heard, whichever engine hears of it', async () => {
  const config = { inbound: [{ to: '+15005550006', script: 'fresh' }] }
  const two = await engines([
    { files: old, config },
    { files: old, config },
  ])
  const source = `
    export const onSms = sms => storage.set('heard', sms.text)
    export const onTimer = () => storage.increment('rung')
    export const begin = () => schedule('go', null, { after: '0s' })
    export const heard = () => storage.get('heard')
    export const rung = () => storage.get('rung')`
  const [one, other] = two
  // The other one follows only in a moment, and is asked at once.
  await one!.call('PUT', '/admin/scripts/fresh', { body: JSON.stringify({ source }) })
  const sms = { from: '+12125551212', to: '+15005550006', text: 'hello' }
  expect((await other!.post('/admin/loopback/inbound', sms)).status).toBe(202)
  await until(async () => (await one!.post('/fresh/heard', {})).body === 'hello')
  for (let n = 0; n < 5; n++) await one!.post('/fresh/begin', {})
  await until(async () => (await other!.post('/fresh/rung', {})).body === 5)
})

test('two texts that are put at once leave all engines with one of them', async () => {
  const two = await engines([{ files: old }, { files: old }])
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(two.map((engine, at) => put(engine, says(`${round} at ${at}`))))
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    const { active } = await recordOf(two[0]!)
    expect(answers.map(answer => answer.body.version)).toContain(active)
    await until(async () => (await Promise.all(two.map(shown))).every(({ version }) => version === active))
  }
})

test('a script that is removed is gone from all, by its file or by a call', async () => {
  const files = { ...old, 'stay.ts': says('here') }
  const two = await engines([{ files }, { files }])
  await rm(join(two[0]!.folder, 'scripts', 'say.ts'))
  await until(async () => (await said(two[1]!)) instanceof Object && (await two[1]!.post('/say', {})).status === 404)
  expect((await two[0]!.post('/say', {})).status).toBe(404)

  expect((await two[0]!.call('DELETE', '/admin/scripts/stay')).status).toBe(204)
  await until(async () => (await two[1]!.post('/stay', {})).status === 404)
  expect((await two[1]!.call('DELETE', '/admin/scripts/stay')).status).toBe(404)
})

test('wherever a reply of Redis is lost, a file that changed becomes active on both', async () => {
  const database = redis.newDatabase()
  const lossy = await openLossyRedis(redis.port())
  const [one] = await engines([{ files: old }], lossy.url + database)
  const [other] = await engines([{ files: old }], redis.url(database))
  const losses: Array<[ScriptName, number[]]> = [
    ['entry-replace', [1, 2]],
    ['entry-set', [1]],
  ]
  for (const [name, steps] of losses)
    for (const step of steps) {
      let seen = 0
      lossy.loseReplyTo(text => (seen += text.split(hashOf(name)).length - 1) >= step)
      await one!.writeScript('say.ts', says(`${name} ${step}`))
      await all([one!, other!], `${name} ${step}`)
      await until(async () => (await shown(one!)).problems.length === 0)
    }
  expect(lossy.lost()).toBe(3)
})
