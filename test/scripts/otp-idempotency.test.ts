import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const number = '+12015550123'

test('a refusal that leaves everything as it was is not the answer for the rest of the day', async () => {
  let offset = 0
  const carriers = { loopback: { driver: 'loopback', receipt: 'none' } }
  const { post } = await createTestEngine({ scripts: ['otp'], clock: () => Date.now() + offset, config: { carriers } })
  const headers = { 'idempotency-key': 'again' }
  await post('/otp', { number })

  offset += 10_000
  const early = await post('/otp', { number }, { headers })
  offset += 25_000
  const later = await post('/otp', { number }, { headers })
  const again = await post('/otp', { number }, { headers })

  expect(early).toMatchObject({ status: 429, body: { code: 'too_soon' } })
  expect(later).toMatchObject({ status: 200, body: { status: 'pending' } })
  expect(again).toMatchObject({ status: 200, body: { id: later.body.id, messageId: later.body.messageId } })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
})
