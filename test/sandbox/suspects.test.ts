// Who ends processes is found out, by whatever way he came to it.

import { expect, test } from 'vitest'

import { putBack, suspectsOf, type OpenTurn } from '../../engine/sandbox/open-turns.ts'
import { mostUntold } from '../../engine/sandbox/protocol.ts'
import type { Run } from '../../engine/sandbox/run.ts'

import { createTestEngine } from '../helpers.ts'

test('who ends his process behind a guess that does not hold answers, and does not stay among the others', async () => {
  const { post, get } = await createTestEngine({
    files: {
      'evil.ts': `
        export const fill = () => storage.set('k', 1)
        export default async ({ evil }) => {
          // It goes on with the guess that nothing is there.
          const found = await storage.get(evil ? 'k' : 'none')
          if (evil && found === undefined) new Array(60e6).fill(1)
          return 'fine'
        }`,
    },
    config: { engine: { scriptWallMs: 60_000 } },
  })
  await post('/evil/fill', {})
  const lanes: unknown[] = []
  for (let n = 0; n < 3; n++) {
    expect((await post('/evil', { evil: true })).status).toBe(200)
    // Guesses that hold win back the trust in guesses.
    for (let k = 0; k < 2; k++) await post('/evil', { evil: false })
    const { body } = await get('/admin/scripts')
    lanes.push((body as { scripts: Array<{ lane: string }> }).scripts[0]!.lane)
  }

  // Once for each of them, however often it died.
  expect(lanes).toEqual(['slow', 'slow', 'own'])
})

test('suspects are those whose turns can have begun and not been told of', () => {
  const openAt = (times: number[]): Map<number, OpenTurn> =>
    new Map(times.map((sentAt, turn) => [turn, { run: { life: 0 } as Run, life: 0, sentAt, index: 0, limitMs: 30 }]))

  expect(suspectsOf(openAt(Array(100).fill(1_000)), 1_000).size).toBe(mostUntold + 1)
  expect(suspectsOf(openAt([990, 1_001, 1_050, 1_060]), 1_000).size).toBe(2)
  expect(suspectsOf(openAt([]), 1_000).size).toBe(0)
})

test('who answered what cannot be taken is a suspect, however many stand in line behind it', () => {
  const openTurn = (): OpenTurn => ({ run: { life: 0 } as Run, life: 0, sentAt: 1_000, index: 0, limitMs: 30 })
  const open = new Map(Array.from({ length: 100 }, (_, turn) => [turn, openTurn()]))
  const first = open.get(0)!
  open.delete(0)
  expect(suspectsOf(open, 1_000)).not.toContain(first.run)
  putBack(open, 0, first)

  expect(suspectsOf(open, 1_000)).toContain(first.run)
  expect([...open.keys()]).toEqual(Array.from({ length: 100 }, (_, turn) => turn))
})

test('those who stand in line behind one that ends the process are not tried, and answer', async () => {
  const { post } = await createTestEngine({
    files: {
      'bomb.ts': `export default async () => { await storage.set('x', 1); new Array(60e6).fill(1) }`,
      'good.ts': `export default ({ n }) => n`,
    },
    config: { engine: { scriptWallMs: 60_000 } },
    sandboxLimits: { guesses: 0, newcomerTurns: 0 },
  })
  await post('/good', { n: 0 })
  const bomb = post('/bomb', {})
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => post('/good', { n })))

  expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 60 }, (_, n) => n))
  expect((await bomb).body).toMatchObject({
    code: expect.stringMatching(/^script_(crashed|timeout|out_of_memory)$/) as string,
  })
})
