// The process as operators meet it: how it starts, why it does not, how it stops.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, newFolder, until } from './helpers.ts'
import { furnish, readToken, startEngine } from './http/engine-process.ts'

const hold = `
  export default async () => {
    await storage.increment('begun')
    let at
    while (!(Date.now() >= (at ?? Infinity))) at = await storage.update('at', value => value ?? null)
    return 'done'
  }
  export const forever = async () => {
    await storage.increment('begun')
    await new Promise(() => {})
  }
  export const begun = async () => storage.get('begun')
  export const endAt = async ({ at }) => storage.set('at', at)
`

async function furnished(files: Record<string, string> = {}, config?: object): Promise<string> {
  const folder = await newFolder()
  await furnish(folder, files, config)
  return folder
}

/** The one line that a start which fails leaves on stderr. */
async function refusal(folder: string, environment: Record<string, string> = {}): Promise<string> {
  const engine = startEngine(folder, environment)
  const { code } = await engine.ended
  expect({ code, stdout: engine.stdout() }, engine.stderr()).toEqual({ code: 1, stdout: '' })
  expect(engine.stderr()).toMatch(/^patchcord: [^\n]+\n$/)
  return engine.stderr().slice('patchcord: '.length, -1)
}

describe('a start', () => {
  test('says where it listens and how to try it, whatever the log level is', async () => {
    const folder = await furnished()
    const engine = startEngine(folder, { PATCHCORD_LOG: 'silent' })
    const url = await engine.url()

    const token = await readToken(folder)
    expect(engine.stdout()).toContain(`curl -s ${url}/otp -H "Authorization: Bearer $(cat data/token)"`)
    expect(engine.stdout()).not.toContain(token)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    engine.kill('SIGTERM')
    expect(await engine.ended).toEqual({ code: 0, signal: null })
    expect(engine.stderr()).toBe('')
  })

  test('names $PATCHCORD_TOKEN when that is set, and logs to stderr', async () => {
    const folder = await furnished()
    const token = 'correct-horse-battery-staple'
    const engine = startEngine(folder, { PATCHCORD_TOKEN: token })
    const url = await engine.url()

    expect(engine.stdout()).toContain('-H "Authorization: Bearer $PATCHCORD_TOKEN"')
    const answer = await fetch(`${url}/admin/tokens`, { headers: { authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(200)
    engine.kill('SIGINT')
    expect((await engine.ended).code).toBe(0)
    for (const line of engine.stderr().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level')
    expect(engine.stdout() + engine.stderr()).not.toContain(token)
  })
})

describe('a start that cannot be ends with exit code 1 and one line that names', () => {
  test('the port that is in use', async () => {
    const { engine } = await createTestEngine()
    const { port } = new URL(engine.url)
    expect(await refusal(await furnished(), { PATCHCORD_PORT: port })).toMatch(
      new RegExp(`PATCHCORD_PORT.*${port}.*in use`),
    )
  })

  test('the setting that is wrong', async () => {
    const folder = await furnished()
    expect(await refusal(folder, { PATCHCORD_PORT: '70000' })).toMatch(/PATCHCORD_PORT.*70000.*65535/)
    expect(await refusal(folder, { PATCHCORD_STORAGE: 'mysql:x' })).toMatch(/PATCHCORD_STORAGE.*mysql.*sqlite/)
    expect(await refusal(folder, { PATCHCORD_HOST: '203.0.113.1' })).toMatch(/PATCHCORD_HOST.*203\.0\.113\.1/)
    const wrong = await furnished({}, { carriers: { main: { driver: 'pigeon' } } })
    expect(await refusal(wrong)).toMatch(/carriers\.main\.driver.*pigeon.*loopback/)
  })

  test('the database that is no database, is damaged, or was sealed with another secret', async () => {
    const folder = await furnished()
    await mkdir(join(folder, 'data'))
    const path = join(folder, 'data', 'patchcord.db')
    await writeFile(path, 'this is no database, '.repeat(1_000))
    expect(await refusal(folder)).toMatch(/PATCHCORD_STORAGE.*patchcord\.db is damaged/)
    await rm(path)

    const first = startEngine(folder, { PATCHCORD_LOG: 'silent' })
    await first.url()
    first.kill('SIGTERM')
    await first.ended
    const whole = await readFile(path)
    await writeFile(path, Buffer.concat([whole.subarray(0, 4_096), Buffer.alloc(whole.length - 4_096, 0x5a)]))
    expect(await refusal(folder)).toMatch(/PATCHCORD_STORAGE.*patchcord\.db is damaged/)
    await writeFile(path, whole)
    expect(await refusal(folder, { PATCHCORD_SECRET: 'x'.repeat(32) })).toMatch(/PATCHCORD_SECRET/)
    await writeFile(join(folder, 'data', 'secret'), 'y'.repeat(43))
    expect(await refusal(folder)).toMatch(/PATCHCORD_SECRET/)
  })

  test('the database that another engine has open', async () => {
    const { folder } = await createTestEngine()
    expect(await refusal(folder, { PATCHCORD_LOCALES: join(import.meta.dirname, '..', 'locales') })).toMatch(
      /PATCHCORD_STORAGE.*patchcord\.db is in use by another engine/,
    )
  })

  test('the script that is broken, with its line', async () => {
    expect(await refusal(await furnished({ 'bad.ts': 'export default () => 1\nlet = ;' }))).toMatch(
      /scripts\/bad\.ts:2:\d+: /,
    )
    expect(await refusal(await furnished({ 'bad.ts': '\nnull.x\nexport default () => 1' }))).toMatch(
      /scripts\/bad\.ts:2:\d+: /,
    )
    expect(await refusal(await furnished({ 'admin.ts': 'export default () => 1' }))).toMatch(
      /scripts\/admin\.ts.*reserved/,
    )
  })

  test('the folder that is missing', async () => {
    const folder = await furnished()
    expect(await refusal(folder, { PATCHCORD_SCRIPTS: 'none' })).toMatch(/scripts.*\/none/)
    expect(await refusal(folder, { PATCHCORD_LOCALES: 'none' })).toMatch(/\/none.*en\.json/)
    await writeFile(join(folder, 'file'), '')
    expect(await refusal(folder, { PATCHCORD_STORAGE: 'sqlite:file/patchcord.db' })).toMatch(/file/)
  })
})

describe('SIGTERM', () => {
  const environment = { PATCHCORD_LOG: 'warn', PATCHCORD_SCRIPT_HOST_CALLS: '10000', PATCHCORD_SCRIPT_WALL_MS: '60000' }

  async function holding(path: string, requests: number) {
    const folder = await furnished({ 'hold.ts': hold })
    const engine = startEngine(folder, environment)
    const url = await engine.url()
    const headers = { authorization: `Bearer ${await readToken(folder)}`, 'content-type': 'application/json' }
    const post = (path: string, body: object) =>
      fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    let answered = 0
    const answers = Array.from({ length: requests }, async () => {
      const answer = await post(path, {})
      answered++
      return { status: answer.status, body: await answer.json() }
    })
    await until(async () => (await (await post('/hold/begun', {})).json()) === requests || undefined)
    return { engine, post, answers, answered: () => answered }
  }

  test('lets requests that are in flight end, then the process ends with 0', async () => {
    const { engine, post, answers, answered } = await holding('/hold', 20)
    await post('/hold/endAt', { at: Date.now() + 1_000 })
    expect(answered()).toBe(0)
    engine.kill('SIGTERM')

    for (const answer of await Promise.all(answers)) expect(answer).toEqual({ status: 200, body: 'done' })
    expect(await engine.ended).toEqual({ code: 0, signal: null })
    expect(engine.stderr()).toBe('')
  })

  test('ends runs that would never end, and says so to those who wait', async () => {
    const { engine, answers } = await holding('/hold/forever', 2)
    engine.kill('SIGTERM')

    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
    expect(await engine.ended).toEqual({ code: 0, signal: null })
  })
})
