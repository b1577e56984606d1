// Who ends processes is found out, by whatever way he came to it.

import { expect, test } from 'vitest'

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
