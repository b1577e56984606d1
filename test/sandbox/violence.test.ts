// Scripts that loop and swell: each fails alone, with the code that says why.

import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'
import { fine, neighbour, neighboursOf } from './neighbours.ts'

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
    config: { engine: { scriptCpuMs: 50, scriptWallMs: 60_000 } },
  })

  const ways = ['plain', 'caught', 'later', 'microtasks', 'then', 'answer', 'thrown', 'regexp', 'update']
  const looping = Promise.all(ways.map(how => engine.post('/loop', { how })))
  const beside = await neighboursOf(engine, 'loop', 20)

  expect(beside).toMatchObject(fine(20))
  for (const [index, answer] of (await looping).entries()) {
    expect(answer, ways[index]).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
  }
})

test('twelve loops in one isolate do not wear out the patience for their neighbours', async () => {
  const engine = await createTestEngine({
    files: { 'loop.ts': `export default () => { for (;;); }${neighbour}` },
    config: { engine: { scriptCpuMs: 50, scriptWallMs: 60_000 } },
  })

  const looping = Promise.all(Array.from({ length: 12 }, () => engine.post('/loop', {})))
  const beside = await neighboursOf(engine, 'loop', 10)

  expect(beside).toMatchObject(fine(10))
  expect((await looping).map(({ body }) => body.code)).toEqual(Array(12).fill('script_timeout'))
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
