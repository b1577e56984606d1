import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const work = `
export default async ({ n }) => {
  await storage.set('n:' + n, n)
  return [n, await storage.get('n:' + n)]
}`

test('isolates that are replaced after every five runs answer as one would', async () => {
  const { post, engine } = await createTestEngine({
    files: { 'work.ts': work },
    sandboxLimits: { isolateRuns: 5 },
    config: { engine: { scriptWallMs: 60_000 } },
  })

  const numbers = Array.from({ length: 100 }, (_, n) => n)
  const atOnce = await Promise.all(numbers.map(n => post('/work', { n })))
  const oneByOne = []
  for (const n of numbers.slice(0, 20)) oneByOne.push(await post('/work', { n }))

  expect(atOnce.map(({ body }) => body)).toEqual(numbers.map(n => [n, n]))
  expect(oneByOne.map(({ body }) => body)).toEqual(numbers.slice(0, 20).map(n => [n, n]))
  expect(engine.sandbox.stats()).toMatchObject({ kills: 0, replays: 0 })
})

test('one turn at a time is enough for all, even after a loop', async () => {
  const { post } = await createTestEngine({
    files: { 'work.ts': work, 'loop.ts': `export default () => { for (;;); }` },
    sandboxLimits: { openTurns: 1 },
    config: { engine: { scriptCpuMs: 100, scriptWallMs: 60_000 } },
  })

  const loop = post('/loop', {})
  const others = await Promise.all([1, 2, 3].map(n => post('/work', { n })))

  expect(others.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await loop).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
})

test('what a script leaves on the heap of its isolate makes nobody fail', async () => {
  const { post, engine } = await createTestEngine({
    files: {
      // A symbol of the registry is never collected: the nearest thing to a leak that a script has.
      'leak.ts': `
        export default ({ n }) => {
          for (let i = 0; i < 40; i++) Symbol.for((n * 40 + i) + 'x'.repeat(4_000))
          return n
        }`,
    },
    config: { engine: { scriptMemoryMb: 16, scriptWallMs: 60_000 } },
  })

  for (let batch = 0; batch < 6; batch++) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => post('/leak', { n: batch * 50 + n })))
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 50 }, (_, n) => batch * 50 + n))
  }
  expect(engine.sandbox.stats().kills).toBe(0)
})
