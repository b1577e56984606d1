// Scripts that loop, swell and crash: each fails alone, with the code that says why.

import { expect, test } from 'vitest'

import { createTestEngine, type Answer, type TestEngine } from '../helpers.ts'

// Its requests mean to live through what happens beside them, in the same isolate.
const neighbour = `
export const live = async ({ n }) => {
  const code = generateCode()
  await storage.set('n:' + n, code)
  for (let i = 0; i < 5; i++) await storage.increment('sum:' + n)
  const kept = await storage.get('n:' + n)
  return { n, sum: (await storage.increment('sum:' + n, { by: 0 })).value, same: kept === code }
}`

async function neighboursOf(engine: TestEngine, script: string, count: number): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => engine.post(`/${script}/live`, { n })))
}

function fine(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({ status: 200, body: { n, sum: 5, same: true } }))
}

test('a loop is stopped, wherever it is, and those beside it never notice', async () => {
  const engine = await createTestEngine({
    files: {
      'loop.ts': `
        const loops = {
          plain() { for (;;); },
          caught() { for (;;) try { for (;;); } catch {} finally { for (;;); } },
          async later() { await storage.get('key'); for (;;); },
          async microtasks() { for (;;) await null },
          then() { return { then(resolve) { for (;;); } } },
          answer() { return { toJSON() { for (;;); } } },
          thrown() { throw { get message() { for (;;); } } },
          regexp() { return /^(a+)+$/.test('a'.repeat(60) + 'b') },
          update() { return storage.update('key', () => { for (;;); }) },
        }
        export default ({ how }) => loops[how]()${neighbour}`,
    },
    config: { engine: { scriptCpuMs: 100 } },
  })

  const ways = ['plain', 'caught', 'later', 'microtasks', 'then', 'answer', 'thrown', 'regexp', 'update']
  const looping = Promise.all(ways.map(how => engine.post('/loop', { how })))
  const beside = await neighboursOf(engine, 'loop', 20)

  expect(beside).toMatchObject(fine(20))
  for (const [index, answer] of (await looping).entries()) {
    expect(answer, ways[index]).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
  }
})

test('twenty loops in one isolate do not wear out the patience for their neighbours', async () => {
  const engine = await createTestEngine({
    files: { 'loop.ts': `export default () => { for (;;); }${neighbour}` },
    config: { engine: { scriptCpuMs: 50, scriptWallMs: 30_000 } },
  })

  const looping = Promise.all(Array.from({ length: 20 }, () => engine.post('/loop', {})))
  const beside = await neighboursOf(engine, 'loop', 10)

  expect(beside).toMatchObject(fine(10))
  expect((await looping).map(({ body }) => body.code)).toEqual(Array(20).fill('script_timeout'))
})

test('a promise that never settles ends the run when its time is over', async () => {
  const { post } = await createTestEngine({
    files: { 'never.ts': `export default async () => { await storage.get('key'); await new Promise(() => {}) }` },
    config: { engine: { scriptWallMs: 300 } },
  })

  expect(await post('/never', {})).toMatchObject({ status: 504, body: { code: 'script_timeout', limit: 'wall' } })
})

test('a run that swells is ended, and those beside it never notice', async () => {
  const engine = await createTestEngine({
    files: {
      'bomb.ts': `
        const kinds = {
          arrays() { const all = []; for (;;) all.push(new Array(1e4).fill(0.5)) },
          objects() { const all = []; for (let n = 0; ; n++) all.push({ n, text: 'n' + n }) },
          strings() { const all = []; for (let n = 0; ; n++) all.push(('x' + n).padEnd(1e5).split('')) },
          async later() { await storage.get('key'); return kinds.arrays() },
        }
        export default ({ kind }) => kinds[kind]()${neighbour}`,
    },
    config: { engine: { scriptMemoryMb: 32, scriptCpuMs: 5_000, scriptWallMs: 60_000 } },
  })

  const kinds = ['arrays', 'objects', 'strings', 'later']
  const swelling = Promise.all(kinds.map(kind => engine.post('/bomb', { kind })))
  const beside = await neighboursOf(engine, 'bomb', 10)

  expect(beside).toMatchObject(fine(10))
  for (const [index, answer] of (await swelling).entries()) {
    expect(answer, kinds[index]).toMatchObject({ status: 500, body: { code: 'script_out_of_memory' } })
  }
})

test.for([
  ['a large array', `new Array(60e6).fill(1)`],
  [
    'JSON of a shared graph',
    `let graph = []; for (let n = 0; n < 40; n++) graph = [graph, graph]; JSON.stringify(graph)`,
  ],
  ['a long join', `Array(1e8).join('ab')`],
  ['a flood of text', `'ab'.repeat(2 ** 27).split('').length`],
  ['a power', `(7n ** 4_000_000n).toString().length`],
] as const)('%s, which nothing inside can interrupt, harms only its own run', async ([, code]) => {
  const engine = await createTestEngine({
    files: {
      'brute.ts': `export default async () => { await storage.get('key'); ${code}; for (;;); }${neighbour}`,
      'other.ts': neighbour,
    },
    config: { engine: { scriptWallMs: 60_000 } },
  })

  const brute = engine.post('/brute', {})
  const [same, other] = await Promise.all([neighboursOf(engine, 'brute', 10), neighboursOf(engine, 'other', 10)])

  expect(same).toMatchObject(fine(10))
  expect(other).toMatchObject(fine(10))
  const { status, body } = await brute
  expect([
    [504, 'script_timeout'],
    [500, 'script_out_of_memory'],
    [500, 'script_crashed'],
  ]).toContainEqual([status, body.code])
  expect(await neighboursOf(engine, 'brute', 1)).toMatchObject([{ status: 200 }])
})

test('a stack that overflows is an error like others', async () => {
  const { post } = await createTestEngine({
    files: {
      'deep.ts': `
        const deep = n => deep(n + 1) + 1
        export default () => deep(0)
        export const caught = () => { try { deep(0) } catch (error) { return error.name } }`,
    },
  })

  expect(await post('/deep', {})).toMatchObject({ status: 500, body: { code: 'script_error' } })
  expect(await post('/deep/caught', {})).toMatchObject({ status: 200, body: 'RangeError' })
})
