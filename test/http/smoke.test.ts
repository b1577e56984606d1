import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

test('an SMS that a script sends reaches the phone', async () => {
  const { post, sms } = await createTestEngine({ scripts: ['sms'] })

  const answer = await post('/sms', { number: '12125551212', text: 'hello' })

  expect(answer).toMatchObject({ status: 200, body: { status: 'queued', segments: 1 } })
  expect(await sms('+12125551212')).toBe('hello')
})
