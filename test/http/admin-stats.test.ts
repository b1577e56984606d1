import { readFileSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const times = { count: expect.any(Number), p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) }

describe('GET /admin/stats', () => {
  test('counts what the engine has done since it started', async () => {
    const files = {
      'refuses.ts': `export default () => { throw refuse('no', { status: 409 }) }`,
      'breaks.ts': `export default () => { throw new Error('x') }`,
    }
    const carriers = { main: { driver: 'loopback', receiptAfterMs: 0 } }
    const engine = await createTestEngine({ scripts: ['sms'], files, config: { carriers } })
    const { body: sms } = await engine.post('/sms', { number: '+12015550123', text: 'secret text' })
    await engine.reaches(sms.id, 'delivered')
    expect((await engine.post('/refuses', {})).status).toBe(409)
    expect((await engine.post('/refuses', {})).status).toBe(409)
    expect((await engine.post('/breaks', {})).status).toBe(500)

    const { status, body } = await engine.get('/admin/stats')

    expect(status).toBe(200)
    expect(body).toMatchObject({ version, uptimeS: expect.any(Number) })
    expect(body.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(body.messages).toMatchObject({
      accepted: 1,
      submitted: 1,
      retried: 0,
      reports: 1,
      inFlight: 0,
      queue: 0,
      byState: { sent: 1, delivered: 1, failed: 0 },
      byCarrier: {
        main: {
          queue: 0,
          submitted: 1,
          accepted: 1,
          byState: { sent: 1, delivered: 1 },
          acceptedToSentMs: times,
          submitMs: times,
          sentToDeliveredMs: times,
        },
      },
    })
    expect(body.runs).toEqual({
      running: 0,
      byScript: { sms: { answer: 1 }, refuses: { refusal: 2 }, breaks: { script_error: 1 } },
    })
    expect(body.http).toEqual({ requests: 4, byStatus: { '2xx': 1, '4xx': 2, '5xx': 1 }, ms: times })
    expect(body.sandbox).toMatchObject({ kills: 0, replays: 0 })
    for (const one of body.sandbox.processes)
      expect(one).toEqual({
        role: expect.any(String),
        script: null,
        pid: expect.any(Number),
        memoryMb: expect.any(Number),
        isolates: expect.any(Number),
      })
    expect(JSON.stringify(body)).not.toMatch(/secret|5550123/)
  })

  test('counts a run that is under way', async () => {
    const files = { 'waits.ts': `export default () => new Promise(() => {})` }
    const engine = await createTestEngine({ files, config: { engine: { scriptWallMs: 1_000 } } })
    const call = engine.post('/waits', {})
    await expect.poll(async () => (await engine.get('/admin/stats')).body.runs.running).toBe(1)
    expect((await call).status).toBe(504)

    const { body } = await engine.get('/admin/stats')
    expect(body.runs).toEqual({ running: 0, byScript: { waits: { script_timeout: 1 } } })
  })

  test('is for administrators', async () => {
    const engine = await createTestEngine()
    const token = await engine.newToken({ scopes: ['metrics', 'pii:read'] })
    expect((await engine.get('/admin/stats', { token })).status).toBe(403)
    expect((await engine.get('/admin/stats', { token: null })).status).toBe(401)
  })
})
