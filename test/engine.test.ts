// The process as operators meet it: how it starts, why it does not, how it stops.

import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

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

  test('warns of settings for scripts that are not there', async () => {
    const { readLog } = await createTestEngine({
      scripts: ['sms'],
      config: { scripts: { sms: {}, smss: {} }, inbound: [{ to: '+15005550006', script: 'order' }] },
    })

    const log = await readLog()
    expect(log).toContain('scripts.smss: there is no script \\"smss\\" now')
    expect(log).toContain('inbound.0.script: there is no script \\"order\\" now')
    expect(log).not.toContain('scripts.sms:')
  })
})

describe('texts', () => {
  const root = resolve(import.meta.dirname, '..')

  async function withOwnTexts() {
    const folder = await newFolder()
    const texts = join(folder, 'locales')
    await cp(join(root, 'locales'), texts, { recursive: true })
    const engine = await createTestEngine({
      folder,
      files: { 'say.ts': 'export default async ({ key, language }) => t(key, {}, language)' },
      environment: { PATCHCORD_LOCALES: texts },
    })
    // Whole or not at all, as editors save.
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, 'draft'), text)
      await rename(join(folder, 'draft'), join(texts, name))
    }
    const says = async (language: string, key: string) => (await engine.post('/say', { key, language })).body
    return { ...engine, texts, write, says }
  }

  test('that are saved are used within a second, in a new language too', async () => {
    const { write, says } = await withOwnTexts()

    await write('eo.json', '\uFEFF{ "greeting": "Saluton" }')
    await until(async () => (await says('eo', 'greeting')) === 'Saluton')
  })

  test('that are broken leave those that serve, are reported, and hold up no other language', async () => {
    const { texts, write, says, readLog } = await withOwnTexts()
    await write('eo.json', '{ "greeting": "Saluton" }')
    await until(async () => (await says('eo', 'greeting')) === 'Saluton')

    await write('eo.json', '{ "greeting": ')
    await write('.#eo.json', '')
    const english = JSON.parse(await readFile(join(texts, 'en.json'), 'utf8')) as object
    await write('en.json', JSON.stringify({ ...english, greeting: 'Hello' }))
    await until(async () => (await says('en', 'greeting')) === 'Hello')
    await until(async () => (await readLog()).includes('eo.json'))
    expect(await says('eo', 'greeting')).toBe('Saluton')
    expect(await readLog()).not.toContain('.#eo.json')
  })
})

test('an engine whose stdout nobody reads any more goes on serving', async () => {
  const folder = await furnished()
  const engine = startEngine(folder, { PATCHCORD_LOG: 'warn' })
  const url = await engine.url()
  const headers = { authorization: `Bearer ${await readToken(folder)}`, 'content-type': 'application/json' }
  const post = async (path: string, body: object) =>
    (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json() as Promise<{
      id: string
      status: string
    }>
  engine.closeStdout()

  for (const text of ['one', 'two']) {
    const { id } = await post('/sms', { number: '12125551212', text })
    await until(async () => (await post('/sms/status', { id })).status === 'delivered' || undefined)
  }
  engine.kill('SIGTERM')
  expect(await engine.ended).toEqual({ code: 0, signal: null })
  expect(engine.stderr()).toBe('')
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
    // Nothing half done: no database, no token, no secret.
    expect(await readdir(wrong)).not.toContain('data')
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

  test('stops the engine that npm started', async () => {
    const folder = await newFolder()
    const npm = spawn('npm', ['start'], {
      cwd: resolve(import.meta.dirname, '..'),
      env: { ...process.env, PATCHCORD_PORT: '0', PATCHCORD_STORAGE: `sqlite:${folder}/patchcord.db` },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, which can be ended as a whole whatever becomes of npm.
      detached: true,
    })
    let output = ''
    for (const stream of [npm.stdout, npm.stderr]) stream.on('data', piece => void (output += String(piece)))
    let over = false
    const ended = new Promise(resolveEnd => npm.on('close', resolveEnd)).finally(() => (over = true))
    onTestFinished(() => void (over || process.kill(-npm.pid!, 'SIGKILL')))
    await until(() => output.includes('Patchcord listens on'))

    npm.kill('SIGTERM')
    // The streams close when the last process that has them is gone.
    expect(await ended).toBe(0)
    expect(output).toContain('"stopped"')
  })

  test('ends runs that would never end, and says so to those who wait', async () => {
    const { engine, answers } = await holding('/hold/forever', 2)
    engine.kill('SIGTERM')

    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
    expect(await engine.ended).toEqual({ code: 0, signal: null })
  })
})
