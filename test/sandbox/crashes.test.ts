// Scripts that end or freeze their sandbox process: each fails alone.

import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'
import { fine, neighbour, neighboursOf } from './neighbours.ts'

/** A newcomer would not be among the others yet. */
const withEverybody = { newcomerTurns: 0 }
/** Short turns: how long one of them is silent before its process is ended follows from that. */
const config = { engine: { scriptCpuMs: 100, scriptWallMs: 60_000 } }
const codes = [
  [504, 'script_timeout'],
  [500, 'script_out_of_memory'],
  [500, 'script_crashed'],
]

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
    config,
    sandboxLimits: withEverybody,
  })

  const brute = engine.post('/brute', {})
  const [same, other] = await Promise.all([neighboursOf(engine, 'brute', 10), neighboursOf(engine, 'other', 10)])

  expect(same).toMatchObject(fine(10))
  expect(other).toMatchObject(fine(10))
  const { status, body } = await brute
  expect(codes).toContainEqual([status, body.code])
  expect(await neighboursOf(engine, 'brute', 1)).toMatchObject([{ status: 200 }])
})

test('several runs that end their process fail one by one, and nobody with them', async () => {
  const engine = await createTestEngine({
    files: {
      'brute.ts': `
        export default async ({ n }) => {
          await storage.set('began:' + n, true)
          await sendSms({ to: '+12125551212', text: 'brute ' + n })
          new Array(60e6).fill(1)
          await storage.set('survived:' + n, true)
        }${neighbour}`,
    },
    config,
    sandboxLimits: withEverybody,
  })

  const brutes = Promise.all([1, 2, 3].map(n => engine.post('/brute', { n })))
  const beside = await neighboursOf(engine, 'brute', 20)

  expect(beside).toMatchObject(fine(20))
  for (const { status, body } of await brutes) expect(codes).toContainEqual([status, body.code])
  // The run was repeated before it failed; what it had sent was not.
  expect((await engine.inbox()).map(({ text }) => text).sort()).toEqual(['brute 1', 'brute 2', 'brute 3'])
})
