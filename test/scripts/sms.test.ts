// The shortest script: one SMS, and how far it is.

import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const number = '+12015550123'
const config = { carriers: { loopback: { driver: 'loopback', receiptAfterMs: 0 } } }

describe('POST /sms', () => {
  test('sends one SMS and tells its id, status and segments', async () => {
    const engine = await createTestEngine({ scripts: ['sms'], config })
    const { status, body } = await engine.post('/sms', {
      number: '1 (201) 555-0123',
      text: 'Hello',
      from: 'Acme',
      ref: 'r1',
    })

    expect({ status, body }).toEqual({ status: 200, body: { id: expect.any(String), status: 'queued', segments: 1 } })
    expect(await engine.sms(number)).toBe('Hello')
    expect((await engine.inbox())[0]).toMatchObject({ id: body.id, to: number, from: 'Acme', text: 'Hello' })
    expect((await engine.post('/sms', { number, text: '👍'.repeat(36) })).body.segments).toBe(2)
  })

  test('refuses what is no number, with the country and an example', async () => {
    const { post } = await createTestEngine({ scripts: ['sms'], config })
    expect(await post('/sms', { number: '+34 1', text: 'Hello' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_number', country: null, example: null, detail: expect.any(String) },
    })
    for (const body of [{ number }, { text: 'Hello' }, { number: 12_015_550_123, text: 'Hello' }]) {
      expect(await post('/sms', body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    }
    for (const [field, value] of [
      ['text', ''],
      ['text', 'x'.repeat(1_601)],
      ['from', ''],
      ['from', 'far too long for it'],
    ] as const) {
      expect(await post('/sms', { number, text: 'Hello', [field]: value }), field).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ field }] },
      })
    }
  })
})

describe('POST /sms/status', () => {
  test('tells how far it is, with its timeline', async () => {
    const engine = await createTestEngine({ scripts: ['sms'], config })
    const { id } = (await engine.post('/sms', { number, text: 'Hello' })).body as { id: string }
    await engine.reaches(id, 'delivered')

    const { status, body } = await engine.post('/sms/status', { id })
    expect(status).toBe(200)
    expect(Object.keys(body)).toEqual(['id', 'status', 'segments', 'timeline'])
    expect(body).toMatchObject({ id, status: 'delivered', segments: 1 })
    expect(body.timeline.map((event: { state: string }) => event.state)).toEqual(['queued', 'sent', 'delivered'])
    expect(body.timeline[0]).toEqual({
      at: expect.stringMatching(/Z$/),
      state: 'queued',
      carrier: 'loopback',
      detail: null,
    })
  })

  test('does not find what is no message of it', async () => {
    const { post } = await createTestEngine({ scripts: ['sms', 'otp'], config })
    const { messageId } = (await post('/otp', { number })).body as { messageId: string }
    for (const id of [messageId, 'none', '', 'x'.repeat(5_000), '\u0000']) {
      expect(await post('/sms/status', { id }), id.slice(0, 50)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
    }
    expect(await post('/sms/status', {})).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })
})

test('it is about ten lines of code, and the policy and exports of otp.ts fit one screen', async () => {
  const folder = resolve(import.meta.dirname, '..', '..', 'scripts')
  const sms = await readFile(join(folder, 'sms.ts'), 'utf8')
  const bodies = sms.slice(sms.indexOf('export default')).split('\n')
  expect(bodies.filter(line => line.trim().length > 1).length).toBeLessThanOrEqual(12)
  const otp = await readFile(join(folder, 'otp.ts'), 'utf8')
  expect(otp.slice(0, otp.indexOf('\nimport ')).split('\n').length).toBeLessThanOrEqual(50)
})
