// What happens to a script without a request: reports and SMS from phones.

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'

const noting = `
export default ({ to = '+12125551212', ref }) => sendSms({ to, text: 'hello', ref })
export const onReport = (report, call) => storage.set('seen:' + report.id, { report, action: call.action })
export const onSms = async (sms, call) => {
  await storage.set('seen:' + sms.text, { sms, action: call.action, id: call.id })
  await sendSms({ to: sms.from, text: 'got ' + sms.text })
}
export const seen = async () => (await storage.list('seen')).map(({ value }) => value)`

const seen = async ({ post }: TestEngine, script = 'note') =>
  (await post(`/${script}/seen`, {})).body as Array<Record<string, unknown>>

test.for(['delivered', 'undelivered', 'rejected'] as const)('a script hears that its message was %s', async state => {
  const engine = await createTestEngine({
    files: { 'note.ts': noting, 'other.ts': noting },
    config: { carriers: { phone: { driver: 'loopback', receipt: state, receiptAfterMs: 10 } } },
  })

  const { body } = await engine.post('/note', { ref: 'order 7' })
  await until(async () => (await seen(engine)).length === 1)

  expect(await seen(engine)).toEqual([
    {
      action: 'onReport',
      report: {
        id: body.id,
        ref: 'order 7',
        state,
        error: state === 'delivered' ? null : expect.stringContaining(state),
        carrier: 'phone',
      },
    },
  ])
  expect(await seen(engine, 'other')).toEqual([])
})

test('a script hears that its message failed', async () => {
  const engine = await createTestEngine({
    files: { 'note.ts': noting },
    config: { carriers: { phone: { driver: 'loopback', failures: ['final'] } } },
  })

  const { body } = await engine.post('/note', {})
  await until(async () => (await seen(engine)).length === 1)

  expect(await seen(engine)).toMatchObject([{ report: { id: body.id, ref: null, state: expect.any(String) } }])
})

test('a message to a test number is delivered without a carrier, and reported', async () => {
  const engine = await createTestEngine({
    files: { 'note.ts': noting },
    config: { testNumbers: { '+12015550123': '000000' } },
  })

  const { body } = await engine.post('/note', { to: '+12015550123' })
  await until(async () => (await seen(engine)).length === 1)

  expect(await seen(engine)).toMatchObject([{ report: { id: body.id, state: 'delivered' } }])
  expect(engine.printed).toEqual([])
})

test('an SMS to a bound number begins a run of its script, which may answer', async () => {
  const engine = await createTestEngine({
    files: { 'note.ts': noting },
    config: { inbound: [{ to: '+15005550006', script: 'note' }] },
  })

  const sms = { from: '+12125551212', to: '+15005550006', text: 'STOP' }
  const answer = await engine.call('POST', '/admin/loopback/inbound', { body: JSON.stringify(sms) })

  expect(answer).toMatchObject({ status: 202, body: { runId: expect.stringMatching(/^run_/) } })
  expect(await engine.sms('+12125551212')).toBe('got STOP')
  expect(await seen(engine)).toContainEqual({
    action: 'onSms',
    id: answer.body.runId,
    sms: { ...sms, carrier: 'loopback' },
  })
  await until(async () => {
    const { body } = await engine.get(`/admin/runs/${answer.body.runId}`)
    return body.status === 'answer' && body.trigger === 'sms' ? true : undefined
  })
})

test('an SMS to a number without a script is 404', async () => {
  const { post } = await createTestEngine({
    files: { 'note.ts': noting, 'deaf.ts': `export default () => 1` },
    config: {
      inbound: [
        { to: '+15005550006', script: 'note' },
        { to: '+15005550007', script: 'deaf' },
        { to: '+15005550008', script: 'nobody' },
      ],
    },
  })
  const from = '+12125551212'

  for (const to of ['+15005550009', '+15005550007', '+15005550008']) {
    expect(await post('/admin/loopback/inbound', { from, to, text: 'hi' }), to).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
  }
  expect(await post('/admin/loopback/inbound', { from, to: '15005550006', text: 'hi' })).toMatchObject({ status: 202 })
  expect(await post('/admin/loopback/inbound', { from, text: 'hi' })).toMatchObject({ status: 400 })
})

test('handlers of events cannot be called over HTTP', async () => {
  const { post } = await createTestEngine({ files: { 'note.ts': noting } })

  for (const path of ['/note/onSms', '/note/onReport', '/note/onTimer', '/note/default']) {
    expect((await post(path, {})).status, path).toBe(404)
  }
})

test('an event that makes its handler fail harms nobody', async () => {
  const engine = await createTestEngine({
    files: { 'note.ts': noting, 'fragile.ts': `export const onSms = () => { throw new Error('oops') }` },
    config: { inbound: [{ to: '+15005550006', script: 'fragile' }] },
  })

  const { body } = await engine.post('/admin/loopback/inbound', { from: '+12125551212', to: '+15005550006', text: 'x' })

  await until(async () => (await engine.get(`/admin/runs/${body.runId}`)).body.status === 'script_error')
  expect((await engine.post('/note', {})).status).toBe(200)
})
