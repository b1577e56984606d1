import { describe, expect, test } from 'vitest'

import { createTestEngine, until } from '../helpers.ts'

const answering = `
  export default async ({ to, text }) => sendSms({ to, text })
  export const onSms = async ({ from, to, text, carrier }) => {
    await sendSms({ to: from, from: to, text: text + ' to you too, by ' + carrier })
  }
`
const files = { 'answering.ts': answering, 'deaf.ts': 'export default () => 1' }
const inbound = [
  { to: '+15005550006', script: 'answering' },
  { to: '+15005550007', script: 'deaf' },
  { to: '40404', script: 'answering' },
]

describe('GET /admin/loopback', () => {
  test('shows the phone: every SMS with its text, newest first', async () => {
    const { post, get, reaches } = await createTestEngine({ files })
    for (const text of ['first', 'second'])
      await reaches((await post('/answering', { to: '+12015550123', text })).body.id, 'sent')

    const { status, body } = await get('/admin/loopback')
    expect(status).toBe(200)
    expect(body.messages.map(({ text }: { text: string }) => text)).toEqual(['second', 'first'])
    expect(body.messages[0]).toEqual({
      id: expect.stringMatching(/^run_[a-p]{22}\.1$/),
      to: '+12015550123',
      from: null,
      text: 'second',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
  })

  test('needs the scopes admin, code:read and pii:read', async () => {
    const { get, newToken } = await createTestEngine()
    const look = async (...scopes: string[]) =>
      (await get('/admin/loopback', { token: await newToken({ scopes }) })).status

    expect(await look('admin', 'code:read', 'pii:read')).toBe(200)
    expect(await look('admin', 'code:read')).toBe(403)
    expect(await look('admin', 'pii:read')).toBe(403)
    expect(await look('code:read', 'pii:read', 'run:*')).toBe(403)
  })

  test('is 404 as soon as there is another carrier', async () => {
    const carriers = { one: { driver: 'loopback' }, two: { driver: 'loopback' } }
    const { get, post, reaches, printed } = await createTestEngine({ files, config: { carriers } })

    expect((await get('/admin/loopback')).status).toBe(404)
    const sms = { from: '+12015550123', to: '+15005550006', text: 'x' }
    expect((await post('/admin/loopback/inbound', sms)).status).toBe(404)
    await reaches((await post('/answering', { to: '+12015550123', text: 'hi' })).body.id, 'sent')
    expect(printed).toEqual([])
  })
})

describe('POST /admin/loopback/inbound', () => {
  test('is an SMS from a phone, which the script that is bound to the number answers', async () => {
    const { post, sms, get } = await createTestEngine({ files, config: { inbound } })

    const answer = await post('/admin/loopback/inbound', { from: '+12015550123', to: '+15005550006', text: 'hello' })

    expect(answer).toMatchObject({ status: 202, body: { runId: expect.stringMatching(/^run_/) } })
    expect(await sms('+12015550123')).toBe('hello to you too, by loopback')
    const run = await until(async () => {
      const { status, body } = await get(`/admin/runs/${answer.body.runId}`)
      return status === 200 && body.status !== 'running' ? body : undefined
    })
    expect(run).toMatchObject({ script: 'answering', action: 'onSms', trigger: 'sms', status: 'answer' })
  })

  test('finds a number with or without its plus, and a short code', async () => {
    const { post } = await createTestEngine({ files, config: { inbound } })
    const send = async (to: string) =>
      (await post('/admin/loopback/inbound', { from: '+12015550123', to, text: '' })).status

    expect(await send('15005550006')).toBe(202)
    expect(await send('40404')).toBe(202)
    expect(await send('+15005550007')).toBe(404)
    expect(await send('+15005550008')).toBe(404)
  })

  test('refuses what is no SMS', async () => {
    const { post } = await createTestEngine({ files, config: { inbound } })
    const right = { from: '+12015550123', to: '+15005550006', text: 'x' }

    for (const [field, value] of [
      ['from', ''],
      ['to', undefined],
      ['text', 'x'.repeat(1_601)],
      ['text', []],
    ] as const) {
      const { status, body } = await post('/admin/loopback/inbound', { ...right, [field]: value })
      expect(status, field).toBe(400)
      expect(body.errors).toMatchObject([{ field }])
    }
  })
})

test('the loopback carrier prints each SMS as one line while it is the only one', async () => {
  const { post, reaches, printed } = await createTestEngine({ files })
  const { body } = await post('/answering', { to: '+12015550123', text: 'two\nlines\r\nand more' })
  await reaches(body.id, 'sent')

  expect(printed).toEqual([String.raw`SMS to +12015550123: two\nlines\nand more`])
})
