// A version that is new here takes its first turns apart from the others.

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'

const old = `export default ({ n }) => n`
const isolatesOf = ({ engine }: TestEngine): Record<string, number> =>
  Object.fromEntries(engine.sandbox.stats().lanes.map(({ role, isolates }) => [role, isolates]))

test('a newcomer that ends its process ends nobody else’s', async () => {
  const engine = await createTestEngine({
    files: { 'old.ts': old, 'bomb.ts': `export default () => { new Array(60e6).fill(1) }` },
    config: { engine: { scriptCpuMs: 100 } },
  })
  await engine.post('/old', { n: 0 })
  const main = (): number | undefined => engine.engine.sandbox.stats().lanes.find(({ role }) => role === 'main')?.pid
  const pid = main()

  const bomb = engine.post('/bomb', {})
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => engine.post('/old', { n })))

  expect(answers.map(({ body }) => body)).toEqual(answers.map((_, n) => n))
  expect([504, 500]).toContain((await bomb).status)
  expect(main()).toBe(pid)
  expect(engine.engine.sandbox.stats().replays).toBe(0)
})

test('it lives among everybody once it has answered, however many ask for it meanwhile', async () => {
  const engine = await createTestEngine({
    files: { 'old.ts': old, 'new.ts': `export default async ({ n }) => { await storage.set('key', n); return n }` },
    sandboxLimits: { newcomerTurns: 10, guesses: 0 },
  })
  await engine.post('/old', { n: 0 })
  await engine.post('/new', { n: 0 })
  expect(isolatesOf(engine)).toMatchObject({ main: 1, slow: 1 })

  const load = { goesOn: true }
  const askers = Array.from({ length: 8 }, async (_, n) => {
    while (load.goesOn) expect(await engine.post('/new', { n })).toMatchObject({ status: 200, body: n })
  })
  await until(() => isolatesOf(engine).main === 2)
  load.goesOn = false
  await Promise.all(askers)
})

test('one whose turns are long stays apart', async () => {
  const engine = await createTestEngine({
    files: { 'old.ts': old, 'long.ts': `export default ({ n }) => { for (let i = 0; i < 5e7; i++) n += i; return n }` },
    config: { engine: { scriptCpuMs: 5_000, scriptWallMs: 60_000 } },
    sandboxLimits: { fastTurnMs: 2, newcomerTurns: 2 },
  })
  await engine.post('/old', { n: 0 })
  for (let n = 0; n < 5; n++) expect(await engine.post('/long', { n })).toMatchObject({ status: 200 })

  expect(isolatesOf(engine)).toMatchObject({ main: 1, slow: 1 })
})

test('the first one of all has nobody to stay apart from', async () => {
  const engine = await createTestEngine({ files: { 'old.ts': old } })
  await engine.post('/old', { n: 0 })

  expect(isolatesOf(engine)).toEqual({ main: 1, spare: 0 })
})
