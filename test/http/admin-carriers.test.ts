import { describe, expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const carriers = {
  first: { driver: 'loopback', receiptAfterMs: 0, failures: ['elsewhere'] },
  second: { driver: 'loopback', receipt: 'none' },
}

describe('GET /admin/carriers', () => {
  test('shows how each carrier is, in the order of the configuration', async () => {
    const engine = await createTestEngine({ scripts: ['sms'], config: { carriers } })
    const { status, body } = await engine.get('/admin/carriers')

    expect(status).toBe(200)
    expect(body.next).toBeNull()
    expect(body.carriers.map(({ name }: { name: string }) => name)).toEqual(['first', 'second'])
    const none = { count: 0, p50: null, p95: null, p99: null }
    expect(body.carriers[0]).toEqual({
      name: 'first',
      driver: 'loopback',
      state: 'up',
      since: expect.stringMatching(rfc3339),
      ready: true,
      window: 500,
      inFlight: 0,
      rate: null,
      queue: 0,
      submitted: 0,
      accepted: 0,
      refused: 0,
      uncertain: 0,
      states: { queued: 0, sent: 0, delivered: 0, undelivered: 0, rejected: 0, expired: 0, failed: 0 },
      failures: 0,
      pausedUntil: null,
      lastErrors: [],
      callbackUrl: null,
      submitMs: none,
      deliveredMs: none,
      sentMs: none,
    })
  })

  test('counts what each made of its messages, and tells its last errors', async () => {
    const engine = await createTestEngine({ scripts: ['sms'], config: { carriers } })
    const moved = (await engine.post('/sms', { number: '+12015550123', text: 'secret text' })).body.id
    await engine.reaches(moved, 'sent')
    const taken = (await engine.post('/sms', { number: '+12015550124', text: 'secret text' })).body.id
    await engine.reaches(taken, 'delivered')

    const { body } = await engine.get('/admin/carriers')

    const [first, second] = body.carriers
    expect(first).toMatchObject({
      submitted: 2,
      accepted: 1,
      refused: 1,
      uncertain: 0,
      queue: 0,
      states: { delivered: 1 },
      lastErrors: [{ at: expect.stringMatching(rfc3339), error: 'loopback: elsewhere' }],
      submitMs: { count: 2, p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
      deliveredMs: { count: 1 },
    })
    expect(second).toMatchObject({ submitted: 1, accepted: 1, refused: 0, lastErrors: [], sentMs: { count: 1 } })
    const text = JSON.stringify(body)
    for (const hidden of ['secret', '5550123', '5550124']) expect(text).not.toContain(hidden)
  })

  test('is for administrators', async () => {
    const engine = await createTestEngine()
    for (const scopes of [['metrics'], ['run:*', 'code:read', 'pii:read']]) {
      const token = await engine.newToken({ scopes })
      expect((await engine.get('/admin/carriers', { token })).status).toBe(403)
    }
    expect((await engine.get('/admin/carriers', { token: null })).status).toBe(401)
  })
})
