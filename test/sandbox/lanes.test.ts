// Who lives where: what takes long, or has ended its sandbox, lives apart.

import { getPriority } from 'node:os'

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'
import { fine, neighbour, neighboursOf } from './neighbours.ts'

// Works by the clock of the machine, which no script can see: so many steps take longer than the fast lane allows.
const burner = `
export default ({ n }) => {
  let sum = 0
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) % 1_000_003
  return sum
}
export const quick = () => 'quick'
export const loop = async () => { await storage.increment('loops'); for (;;); }
export const loops = () => storage.get('loops')
`
/** Takes hundreds of milliseconds. */
const long = { n: 60_000_000 }
const looping = { engine: { scriptWallMs: 60_000, scriptCpuMs: 100 } }
/** Each of them takes an isolate of its own, some twice. */
const crowd = process.env.PATCHCORD_TEST_LONG === undefined ? 40 : 200
const patient = { engine: { scriptWallMs: 60_000, scriptCpuMs: 5_000 } }

test('a run that takes longer than the fast lane allows is repeated in the slow one, and answers', async () => {
  const engine = await createTestEngine({
    files: { 'burner.ts': burner, 'other.ts': neighbour },
    config: patient,
    sandboxLimits: { fastTurnMs: 5, newcomerTurns: 0 },
  })
  expect(roles(engine)).toEqual(['main', 'spare'])

  const burning = engine.post('/burner', long)
  const beside = await neighboursOf(engine, 'other', 10)

  expect(await burning).toMatchObject({ status: 200 })
  expect(beside).toMatchObject(fine(10))
  expect(roles(engine)).toEqual(['main', 'slow', 'spare'])
  expect(engine.engine.sandbox.stats().kills).toBe(0)
  const slow = engine.engine.sandbox.stats().lanes.find(({ role }) => role === 'slow')!
  expect(getPriority(slow.pid)).toBe(5)
})

test('a version that does so again and again begins in the slow lane, and no isolate is lost any more', async () => {
  const engine = await createTestEngine({
    files: { 'burner.ts': burner },
    config: patient,
    sandboxLimits: { fastTurnMs: 5 },
  })

  expect((await engine.post('/burner', long)).status).toBe(200)
  const { library, standings } = engine.engine.sandbox
  // How often it was stopped depends on what else the machine had to do.
  for (let stop = 0; stop < 3; stop++) standings.stopped(library.get('burner')!)
  expect(await laneOf(engine, 'burner')).toBe('slow')
  const moves = movesOf(engine)
  for (let run = 0; run < 5; run++) await engine.post('/burner', long)
  expect(await engine.post('/burner/quick', {})).toMatchObject({ status: 200, body: 'quick' })

  expect(movesOf(engine)).toBe(moves)
  expect(await engine.readLog()).toContain('script runs apart from the others')
})

test('a slow lane that nobody needs any more is ended, and made again', async () => {
  const engine = await createTestEngine({
    files: { 'burner.ts': burner },
    config: patient,
    sandboxLimits: { fastTurnMs: 5, laneIdleMs: 100 },
  })

  await engine.post('/burner', long)
  await until(() => !roles(engine).includes('slow') || undefined)
  expect(await engine.post('/burner', long)).toMatchObject({ status: 200 })
  await until(() => roles(engine).join() === 'main,spare' || undefined)

  expect(await engine.readLog()).not.toContain('sandbox process ended')
})

test('a version that loops again and again comes into a process of its own, and is suspended in the end', async () => {
  const engine = await createTestEngine({ files: { 'burner.ts': burner, 'other.ts': neighbour }, config: looping })
  let loops = 0
  const loopUntil = (lane: string) =>
    until(async () => {
      if ((await laneOf(engine, 'burner')) === lane) return true
      loops++
      expect(await engine.post('/burner/loop', {})).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
      return undefined
    })

  await loopUntil('slow')
  await loopUntil('own')
  expect(await engine.post('/burner/quick', {})).toMatchObject({ status: 200 })
  expect(engine.engine.sandbox.stats().lanes).toContainEqual(expect.objectContaining({ role: 'own', script: 'burner' }))
  const { library, standings } = engine.engine.sandbox
  while (standings.of(library.get('burner')!.hash) !== 'suspended') {
    loops++
    await engine.post('/burner/loop', {})
  }

  expect(await engine.post('/burner/quick', {})).toMatchObject({ status: 503, body: { code: 'script_suspended' } })
  expect(await neighboursOf(engine, 'other', 5)).toMatchObject(fine(5))
  expect(await laneOf(engine, 'other')).toBe('fast')
  // Each loop did once what came before it.
  standings.release(library.get('burner')!)
  expect((await engine.post('/burner/loops', {})).body).toBe(loops)
}, 120_000)

test('more versions than there are own processes share the slow one', async () => {
  const names = Array.from({ length: 10 }, (_, n) => `loop${n}`)
  const engine = await createTestEngine({
    files: Object.fromEntries(names.map(name => [`${name}.ts`, burner])),
    config: looping,
  })
  const { library, standings } = engine.engine.sandbox

  for (const name of names) for (let kill = 0; kill < 3; kill++) standings.killed(library.get(name)!)
  for (const name of names) expect(await engine.post(`/${name}/quick`, {})).toMatchObject({ status: 200 })

  for (const name of names) expect(await laneOf(engine, name)).toBe('own')
  expect(roles(engine).filter(role => role === 'own')).toHaveLength(8)
  expect(roles(engine).filter(role => role === 'slow')).toHaveLength(1)
}, 120_000)

test(`${crowd} scripts are served by eight isolates at a time`, async () => {
  const names = Array.from({ length: crowd }, (_, n) => `one${n}`)
  const engine = await createTestEngine({
    files: Object.fromEntries(names.map((name, n) => [`${name}.ts`, `export default () => ${n}`])),
    config: { engine: { scriptWallMs: 120_000 } },
    sandboxLimits: { isolates: 8, newcomerTurns: 0 },
  })
  const main = () => engine.engine.sandbox.stats().lanes.find(({ role }) => role === 'main')!

  for (let begin = 0; begin < names.length; begin += 20) {
    const answers = await Promise.all(names.slice(begin, begin + 20).map(name => engine.post(`/${name}`, {})))
    expect(answers.map(({ body }) => body)).toEqual(answers.map((_, n) => begin + n))
    expect(main().isolates).toBeLessThanOrEqual(8)
  }
  // Those that went are made again.
  expect(
    (await Promise.all(names.slice(0, 20).map(name => engine.post(`/${name}`, {})))).map(({ body }) => body),
  ).toEqual(Array.from({ length: 20 }, (_, n) => n))
  expect(engine.engine.sandbox.stats()).toMatchObject({ kills: 0, replays: 0 })
}, 120_000)

function roles({ engine }: TestEngine): string[] {
  return engine.sandbox.stats().lanes.map(({ role }) => role)
}

function movesOf({ engine }: TestEngine): number {
  return engine.sandbox.history().reduce((sum, run) => sum + run.moves, 0)
}

async function laneOf(engine: TestEngine, script: string): Promise<string> {
  return (await engine.get(`/admin/scripts/${script}`)).body.lane as string
}
