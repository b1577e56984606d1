import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { describe, expect, test } from 'vitest'

import { environmentName, loadConfig } from '../engine/config.ts'
import { EngineSettings } from '../engine/config-file.ts'
import { StartError } from '../engine/errors.ts'
import { newFolder } from './helpers.ts'

async function load(file: string | object | undefined, environment: Record<string, string> = {}) {
  const folder = await newFolder()
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  if (file !== undefined) await writeFile(join(folder, 'patchcord.json'), text)
  return loadConfig(environment, folder)
}

/** The one line that a wrong setting leaves. */
async function refusal(file: string | object | undefined, environment: Record<string, string> = {}): Promise<string> {
  const error: unknown = await load(file, environment).catch((reason: unknown) => reason)
  if (!(error instanceof StartError)) throw new Error(`no refusal: ${JSON.stringify(error)}`)
  expect(error.message).not.toContain('\n')
  return error.message
}

describe('without a file and an environment', () => {
  test('everything has its default', async () => {
    const folder = await newFolder()

    expect(loadConfig({}, folder)).toEqual({
      host: '127.0.0.1',
      port: 8_080,
      storage: 'sqlite:data/patchcord.db',
      scriptsFolder: join(folder, 'scripts'),
      localesFolder: join(folder, 'locales'),
      dataFolder: join(folder, 'data'),
      token: undefined,
      secret: undefined,
      log: 'info',
      carriers: {},
      inbound: [],
      scripts: {},
      testNumbers: {},
      engine: {
        scriptWallMs: 10_000,
        scriptCpuMs: 250,
        scriptHostCalls: 50,
        scriptMessages: 5,
        scriptRunsAtOnce: 256,
        scriptMemoryMb: 64,
        sandboxMemoryMb: 1_024,
        messageKeepDays: 30,
        drainMs: 0,
        redisWaitReplicas: 0,
      },
    })
    // An empty variable is as none.
    expect(loadConfig({ PATCHCORD_PORT: '', PATCHCORD_TOKEN: '', PATCHCORD_CONFIG: '' }, folder).port).toBe(8_080)
  })
})

describe('the environment', () => {
  test('sets everything that is not in the file', async () => {
    const folder = await newFolder()
    const config = loadConfig(
      {
        PATCHCORD_HOST: '0.0.0.0',
        PATCHCORD_PORT: '0',
        PATCHCORD_STORAGE: 'sqlite:/var/lib/patchcord/x.db',
        PATCHCORD_SCRIPTS: 'mine',
        PATCHCORD_LOCALES: '/texts',
        PATCHCORD_TOKEN: 't'.repeat(24),
        PATCHCORD_SECRET: 's'.repeat(32),
        PATCHCORD_LOG: 'debug',
      },
      folder,
    )

    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      dataFolder: '/var/lib/patchcord',
      scriptsFolder: join(folder, 'mine'),
      localesFolder: resolve('/texts'),
      token: 't'.repeat(24),
      secret: 's'.repeat(32),
      log: 'debug',
    })
    expect(loadConfig({ PATCHCORD_STORAGE: 'redis://u:p@h:1/2' }, folder).dataFolder).toBe(join(folder, 'data'))
    expect(loadConfig({ PATCHCORD_STORAGE: 'SQLite:/var/p.db' }, folder).dataFolder).toBe('/var')
  })

  test.each([
    ['PATCHCORD_PORT', '65536', /from 0 to 65535/],
    ['PATCHCORD_PORT', '80.5', /from 0 to 65535/],
    ['PATCHCORD_PORT', '-1', /from 0 to 65535/],
    ['PATCHCORD_LOG', 'loud', /debug, info, warn, error, silent/],
    ['PATCHCORD_TOKEN', 't'.repeat(23), /23 characters.*24/],
    ['PATCHCORD_TOKEN', 'two words '.repeat(3), /other characters than ASCII/],
    ['PATCHCORD_TOKEN', 'schlüssel'.repeat(3), /other characters than ASCII/],
    ['PATCHCORD_SECRET', 's'.repeat(31), /31 characters.*32/],
    ['PATCHCORD_LIMITS', 'maybe', /on, off/],
    ['PATCHCORD_SHIELD', 'on', /off, observe, enforce/],
    ['PATCHCORD_CONFIG', 'none.json', /none\.json/],
    ['PATCHCORD_PUBLIC_URL', 'example.com', /https\?:/],
  ])('is refused by name: %s=%s', async (name, value, allowed) => {
    const said = await refusal(undefined, { [name]: value })
    expect(said).toMatch(new RegExp(`^${name}: `))
    expect(said).toMatch(allowed)
    // What may be secret is not repeated.
    if (/TOKEN|SECRET/.test(name)) expect(said).not.toContain(value)
  })

  test.each(Object.entries(EngineSettings.properties))(
    'has a name for engine.%s, which goes before the file',
    async (name, schema) => {
      const variable = `PATCHCORD_${environmentName(name)}`
      expect(variable).toMatch(/^PATCHCORD(_[A-Z]+)+$/)
      const { minimum, maximum } = schema as { minimum?: number; maximum?: number }
      if (minimum === undefined || maximum === undefined) {
        const set = await load({ engine: { [name]: 'http://file' } }, { [variable]: 'http://environment' })
        return expect(set.engine).toMatchObject({ [name]: 'http://environment' })
      }
      expect((await load({ engine: { [name]: maximum } })).engine).toMatchObject({ [name]: maximum })
      const set = await load({ engine: { [name]: maximum } }, { [variable]: String(minimum) })
      expect(set.engine).toMatchObject({ [name]: minimum })

      for (const wrong of [String(minimum - 1), String(maximum + 1), 'many', '1e3'])
        expect(await refusal({}, { [variable]: wrong })).toMatch(new RegExp(`^${variable}: .*${minimum} to ${maximum}`))
      for (const wrong of [minimum - 1, maximum + 1, 0.5, 'many', null])
        expect(await refusal({ engine: { [name]: wrong } }), String(wrong)).toMatch(new RegExp(`^engine\\.${name}: `))
    },
  )

  test('writes scriptWallMs as PATCHCORD_SCRIPT_WALL_MS', () => {
    expect(environmentName('scriptWallMs')).toBe('SCRIPT_WALL_MS')
  })
})

describe('the file', () => {
  test('may have comments, trailing commas and ${NAME} from the environment', async () => {
    const text = `{
      // where messages leave
      "carriers": { "main": { "driver": "loopback", "url": "smpp://user:\${PASSWORD}@\${HOST_1}:2775", }, },
      /* and what they are worth */
      "testNumbers": { "+12015550123": "000000" },
    }`
    const config = await load(text, { PASSWORD: 'p$1${X}', HOST_1: 'h' })

    expect(config.carriers).toEqual({ main: { driver: 'loopback', url: 'smpp://user:p$1${X}@h:2775' } })
    expect(config.testNumbers).toEqual({ '+12015550123': '000000' })
    expect(await refusal('{ "inbound": [{ "to": "${NOT_SET}", "script": "x" }] }')).toMatch(
      /patchcord\.json.*\$\{NOT_SET\}/,
    )
  })

  test('may begin with a byte order mark', async () => {
    expect((await load('\uFEFF{ "engine": { "scriptWallMs": 500 } }')).engine.scriptWallMs).toBe(500)
  })

  test('may lie elsewhere', async () => {
    const folder = await newFolder()
    await writeFile(join(folder, 'other.jsonc'), '{ "inbound": [{ "to": "+1", "script": "otp" }] }')
    expect(loadConfig({ PATCHCORD_CONFIG: 'other.jsonc' }, folder).inbound).toEqual([{ to: '+1', script: 'otp' }])
  })

  test('fills in what a script section leaves out', async () => {
    const { scripts } = await load({ scripts: { otp: { countries: ['DE', '+1204'] }, sms: {} } })
    expect(scripts).toEqual({
      otp: { http: [], secrets: {}, countries: ['DE', '+1204'], isolation: 'shared' },
      sms: { http: [], secrets: {}, countries: ['*'], isolation: 'shared' },
    })
  })

  test('is named with line and column where it is no JSON', async () => {
    expect(await refusal('{\n  "engine": {,\n}')).toMatch(/patchcord\.json:2:14: /)
    expect(await refusal('')).toMatch(/patchcord\.json:1:1: /)
    expect(await refusal('[]')).toMatch(/patchcord\.json.*object/)
  })

  test.each([
    [
      { engin: {} },
      /^engin: there is no such setting; allowed: engine, carriers, routes, inbound, scripts, testNumbers/,
    ],
    [{ engine: { speed: 1 } }, /^engine\.speed: there is no such setting; allowed: scriptWallMs, /],
    [{ engine: [] }, /^engine: must be object/],
    [{ engine: { publicUrl: 'here' } }, /^engine\.publicUrl: /],
    [{ carriers: { main: {} } }, /^carriers\.main: .*driver/],
    [{ carriers: { main: 'loopback' } }, /^carriers\.main: must be object/],
    [{ carriers: { 'Main Office': { driver: 'loopback' } } }, /^carriers\.Main Office: /],
    [{ scripts: { otp: { contries: ['*'] } } }, /^scripts\.otp\.contries: there is no such setting; allowed: http, /],
    [{ scripts: { otp: { countries: ['Germany'] } } }, /^scripts\.otp\.countries\.0: /],
    [{ scripts: { otp: { memoryMb: 8 } } }, /^scripts\.otp\.memoryMb: .*16/],
    [{ scripts: { otp: { isolation: 'none' } } }, /^scripts\.otp\.isolation: .*shared/],
    [{ inbound: [{ to: '+1' }] }, /^inbound\.0: .*script/],
    [{ inbound: {} }, /^inbound: must be array/],
    [{ routes: [{ prefix: '+1', carriers: [] }] }, /^routes\.0\.carriers: /],
    [{ routes: [{ prefix: 'one', carriers: ['main'] }] }, /^routes\.0\.prefix: /],
    [{ routes: [{ prefix: '1201', carriers: ['main'] }] }, /^routes\.0\.prefix: /],
    [
      { inbound: ['+1500', '1500'].map(to => ({ to, script: 'a' })) },
      /^inbound\.1\.to: inbound\.0 is for this number already/,
    ],
    [
      {
        inbound: [
          { to: 'ACME', script: 'a' },
          { to: 'Acme', script: 'a' },
        ],
      },
      /^inbound\.1\.to: /,
    ],
    [{ engine: { publicUrl: 'https://sms.exa mple.com' } }, /^engine\.publicUrl: /],
    [{ testNumbers: { '+12015550123': 'abcdef' } }, /^testNumbers\.\+12015550123: /],
    [{ testNumbers: { '12015550123': '000000' } }, /^testNumbers\.12015550123: /],
  ])('is refused with the name of what is wrong: %j', async (file, said) => {
    expect(await refusal(file)).toMatch(said)
  })

  test.each([
    [{ country: 'UK', carriers: ['main'] }, 'country: no number belongs to a country UK; the United Kingdom is GB'],
    [{ country: 'XX', carriers: ['main'] }, 'country: no number belongs to a country XX'],
    [{ carriers: ['main', { carrier: 'main', weight: -1 }] }, 'carriers.1.weight: must be > 0'],
    [{ carriers: [{ carrier: 'main', weight: 0 }] }, 'carriers.0.weight: must be > 0'],
    [{ carriers: [{ carrier: 'main', weight: '80' }] }, 'carriers.0.weight: must be number'],
    [{ carriers: [{ carrier: 'main' }] }, "carriers.0: must have required property 'weight'"],
    [{ carriers: [{ weight: 1 }] }, "carriers.0: must have required property 'carrier'"],
  ])('is refused where a route says what cannot be: %j', async (route, said) => {
    const routes = [{ country: 'GB', carriers: [{ carrier: 'main', weight: 1 }] }, route]
    expect(await refusal({ carriers: { main: { driver: 'loopback' } }, routes })).toBe(`routes.1.${said}`)
  })

  test('may route only to carriers that there are', async () => {
    const main = { main: { driver: 'loopback' } }
    const routes = [
      { prefix: '+1', carriers: ['main'] },
      { prefix: '', carriers: ['main', 'backup'] },
    ]

    expect(await refusal({ carriers: main, routes })).toBe(
      'routes.1.carriers: there is no carrier "backup"; allowed: main',
    )
    const toPrototype = [{ prefix: '+1', carriers: ['constructor'] }]
    expect(await refusal({ carriers: main, routes: toPrototype })).toMatch(/"constructor"/)
    const both = { ...main, backup: { driver: 'loopback' } }
    expect((await load({ carriers: both, routes })).routes).toEqual(routes)
  })
})
