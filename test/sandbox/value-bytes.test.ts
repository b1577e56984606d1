import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

test('a value is measured in bytes, not in characters', async () => {
  const { post } = await createTestEngine({
    files: {
      'weigh.ts': `
        export default ({ times }) => '€'.repeat(times)
        export const keep = async ({ times }) => storage.set('heavy', '€'.repeat(times))
      `,
    },
  })

  expect((await post('/weigh', { times: 21_000 })).status).toBe(200)
  expect((await post('/weigh/keep', { times: 21_000 })).status).toBe(200)
  expect(await post('/weigh', { times: 22_000 })).toMatchObject({ status: 500, body: { code: 'script_limit' } })
  expect(await post('/weigh/keep', { times: 22_000 })).toMatchObject({ status: 500, body: { code: 'script_limit' } })
})

test('so is what a call finds', async () => {
  const { post } = await createTestEngine({
    files: {
      'weigh.ts': `
        export default ({ n }) => storage.set('heavy:' + n, '€'.repeat(6_000))
        export const find = async () => (await storage.list('heavy')).length
      `,
    },
  })

  for (const n of [1, 2, 3]) expect((await post('/weigh', { n })).status).toBe(200)
  expect(await post('/weigh/find', {})).toMatchObject({ status: 200, body: 3 })
  expect((await post('/weigh', { n: 4 })).status).toBe(200)
  expect(await post('/weigh/find', {})).toMatchObject({ status: 500, body: { code: 'script_limit' } })
})
