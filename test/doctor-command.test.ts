import { expect, onTestFinished, test } from 'vitest'

import { createTestEngine, newFolder, until } from './helpers.ts'
import { furnish, startEngine, startProcess } from './http/engine-process.ts'
import { startRedis } from './redis.ts'

const secret = 'a secret for tests, long enough to be one'

async function doctor(folder: string, environment: Record<string, string> = {}) {
  const { ended, stdout } = startProcess(folder, ['engine/doctor-command.ts'], environment)
  const { code } = await ended
  return { code, lines: stdout().trim().split('\n') }
}

test('the doctor finds nothing wrong in a new folder, and leaves nothing in it', async () => {
  const folder = await newFolder()
  await furnish(folder)
  expect(await doctor(folder)).toEqual({
    code: 0,
    lines: [
      expect.stringMatching(/^ok +settings$/),
      expect.stringMatching(/^ok +texts in \d+ languages$/),
      expect.stringMatching(/^ok +no secret yet/),
    ],
  })
})

test('the doctor leaves a running engine alone', async () => {
  const folder = await newFolder()
  await furnish(folder)
  await startEngine(folder).url()
  const { code, lines } = await doctor(folder)
  expect(code).toBe(0)
  expect(lines.at(-1)).toMatch(/^ok +storage: an engine has it open$/)
})

test('the doctor names what is wrong', async () => {
  const folder = await newFolder()
  await furnish(folder, {}, { engine: { scriptWallMs: 1 } })
  const { code, lines } = await doctor(folder)
  expect(code).toBe(1)
  expect(lines.at(-1)).toMatch(/^wrong +engine\.scriptWallMs/)
})

test('the doctor and the start warn of a Redis that may lose what it promised', async () => {
  const redis = await startRedis({ args: ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'] })
  const environment = { PATCHCORD_STORAGE: redis.url, PATCHCORD_SECRET: secret }
  const warnings = [
    expect.stringMatching(/keeps no AOF.*appendonly yes/),
    expect.stringMatching(/allkeys-lru.*noeviction/),
  ]
  const folder = await newFolder()
  await furnish(folder)
  const { code, lines } = await doctor(folder, environment)
  expect(code).toBe(0)
  expect(lines.slice(-2)).toEqual(warnings)

  const engine = await createTestEngine({ environment })
  const log = await engine.readLog()
  expect(log).toMatch(/keeps no AOF/)
  expect(log).toMatch(/noeviction/)
})

test('a stopping engine says that it is not ready, and takes requests until it is drained', async () => {
  const engine = await createTestEngine({ scripts: ['sms'], environment: { PATCHCORD_DRAIN_MS: '2000' } })
  expect((await engine.get('/readyz')).status).toBe(200)
  const stopped = engine.stop()
  onTestFinished(() => stopped)

  await until(async () => (await engine.get('/readyz')).status === 503 || undefined)
  expect(await engine.post('/sms', { number: '+12015550123', text: 'Hello' })).toMatchObject({ status: 200 })
  expect((await engine.get('/healthz')).status).toBe(200)
  await stopped
  await expect(engine.get('/healthz')).rejects.toThrow('fetch failed')
})
