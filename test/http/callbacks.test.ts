// Networks call us: what is proven counts once, what is not changes nothing.

import { createHmac } from 'node:crypto'

import { expect, test } from 'vitest'

import { startProvider } from '../carriers/provider.ts'
import { createTestEngine, until, type TestEngine } from '../helpers.ts'

const publicUrl = 'https://sms.example.com'
const authToken = 'the token of the account'
const sent = { status: 201, body: { sid: 'SM0123456789abcdef', status: 'queued' } }

async function openTwilio(more: { script?: string; config?: object; clock?: () => number } = {}) {
  const provider = await startProvider(sent)
  const engine = await createTestEngine({
    scripts: ['sms', 'otp'],
    ...(more.clock && { clock: more.clock }),
    files: {
      'reply.ts':
        more.script ??
        `export async function onSms(sms) { await storage.set('got', sms) }
      export default () => storage.get('got')`,
    },
    config: {
      // The slash at the end is none of the address that is signed.
      engine: { publicUrl: `${publicUrl}/` },
      carriers: {
        main: {
          driver: 'twilio',
          accountSid: `AC${'a'.repeat(32)}`,
          authToken,
          from: '+15005550006',
          baseUrl: provider.url,
        },
      },
      inbound: [{ to: '+15005550006', script: 'reply' }],
      ...more.config,
    },
  })
  const { body } = await engine.get('/admin/carriers')
  const { callbackUrl } = body.carriers[0] as { callbackUrl: string }
  return { engine, provider, path: callbackUrl.slice(publicUrl.length) }
}

function signatureOf(url: string, fields: Record<string, string>): string {
  const text =
    url +
    Object.keys(fields)
      .toSorted()
      .map(name => name + fields[name])
      .join('')
  return createHmac('sha1', authToken).update(text).digest('base64')
}

function call(
  engine: TestEngine,
  path: string,
  fields: Record<string, string>,
  signature = signatureOf(publicUrl + path, fields),
) {
  return engine.call('POST', path, {
    token: null,
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
  })
}

async function sendSms(engine: TestEngine): Promise<string> {
  const { body } = await engine.post('/sms', { number: '+12125551212', text: 'hello' })
  await engine.reaches(body.id as string, 'sent')
  return body.id as string
}

test('a report is taken once it is stored, and twice is once', async () => {
  const { engine, provider, path } = await openTwilio()
  const id = await sendSms(engine)
  expect(provider.calls[0]!.form).toMatchObject({ To: '+12125551212', StatusCallback: `${publicUrl}${path}/report` })

  const fields = { MessageSid: 'SM0123456789abcdef', MessageStatus: 'delivered', To: '+12125551212' }
  expect(await call(engine, `${path}/report`, fields)).toMatchObject({ status: 200 })
  expect((await engine.engine.outbox.get(id))?.state).toBe('delivered')
  expect(await call(engine, `${path}/report`, { ...fields, MessageStatus: 'failed' })).toMatchObject({ status: 200 })
  expect((await engine.engine.outbox.get(id))?.state).toBe('delivered')
})

test('what is not proven is 403 and changes nothing', async () => {
  const { engine, path } = await openTwilio()
  const id = await sendSms(engine)
  const fields = { MessageSid: 'SM0123456789abcdef', MessageStatus: 'undelivered' }
  const wrong = path.replace(/[^/]+$/, 'x'.repeat(32))

  expect(await call(engine, `${wrong}/report`, fields)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(await call(engine, `${path}/report`, fields, 'AAAA')).toMatchObject({ status: 403 })
  expect(await call(engine, `${path}/sms`, { From: '+1', To: '+15005550006', Body: 'x' }, '')).toMatchObject({
    status: 403,
  })
  expect((await engine.engine.outbox.get(id))?.state).toBe('sent')
  expect((await engine.post('/reply', {})).body).toBeNull()
})

test('without the secret nobody learns which carriers there are, and no body is read', async () => {
  const { engine, path } = await openTwilio()
  const wrong = path.replace(/[^/]+$/, 'x'.repeat(32))
  const large = 'x'.repeat(1_100_000)
  const answers = []
  for (const address of [wrong, wrong.replace('/main/', '/other/'), wrong.replace('/main/', '/__proto__/')])
    for (const kind of ['report', 'sms'])
      answers.push(await engine.call('POST', `${address}/${kind}`, { token: null, body: large }))
  expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1)
  expect(answers[0]).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

test('a kind of call that a carrier does not take is 404 for who knows the secret', async () => {
  const callbackSecret = 'secret-of-the-address'
  const declared = { driver: 'http', baseUrl: 'http://127.0.0.1:1', json: { to: '{{to}}' }, callbackSecret }
  const report = { id: 'id', state: 's', states: { ok: 'delivered' } }
  const { engine } = await openTwilio({ config: { carriers: { main: { ...declared, report } }, inbound: [] } })
  const ask = (secret: string, kind: string) =>
    engine.call('POST', `/callbacks/main/${secret}/${kind}`, {
      token: null,
      body: JSON.stringify({ id: 'a', s: 'ok' }),
    })
  expect((await ask(callbackSecret, 'report')).status).toBe(200)
  expect(await ask(callbackSecret, 'sms')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  expect((await ask('x'.repeat(21), 'sms')).status).toBe(403)
})

test('an SMS from a phone reaches the script that is bound to its number, the same one once', async () => {
  const { engine, path } = await openTwilio({
    script: `export async function onSms(sms) { await storage.increment('count'); await storage.set('got', sms) }
      export default async () => ({ count: await storage.get('count'), got: await storage.get('got') })`,
  })
  const fields = { From: '+12125551212', To: '+15005550006', Body: 'STOP it', MessageSid: 'SMinbound' }
  for (let n = 0; n < 2; n++) {
    const answer = await call(engine, `${path}/sms`, fields)
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('<Response') })
    expect(answer.headers.get('content-type')).toContain('text/xml')
  }
  const { got, count } = await until(async () => {
    const { body } = await engine.post('/reply', {})
    return (body.got as object | null) === null ? undefined : (body as { got: object; count: number })
  })
  expect(got).toEqual({ from: '+12125551212', to: '+15005550006', text: 'STOP it', carrier: 'main' })
  expect(count).toBe(1)
})

test('a body that is too large, a method that is none, an address that looks like one', async () => {
  const { engine, path } = await openTwilio()
  const large = await call(engine, `${path}/report`, { MessageSid: 'x'.repeat(1_100_000) }, 'x')
  expect(large).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  expect((await engine.call('DELETE', `${path}/report`, { token: engine.token })).status).toBe(405)
  expect((await engine.call('HEAD', `${path}/report`, { token: engine.token })).status).toBe(405)
  expect((await engine.get(`${path}/other`)).status).toBe(404)
})

test('neither tokens, secrets nor numbers are in the log', async () => {
  const { engine, path } = await openTwilio()
  await sendSms(engine)
  await call(engine, `${path}/report`, { MessageSid: 'SM1', MessageStatus: 'delivered', To: '+12125551212' }, 'bad')
  const log = await engine.readLog()
  for (const secret of [authToken, path.split('/').at(-1)!, '12125551212', 'hello']) expect(log).not.toContain(secret)
})

test.each([
  ['delivered', undefined, 'too_soon'],
  ['undelivered', '30003', 'number_rejected'],
  ['undelivered', '30005', 'number_rejected'],
  ['failed', '30007', 'sent again'],
])('the OTP policy goes by what the network says: %s %s is %s', async (status, errorCode, outcome) => {
  let now = Date.now()
  const { engine, path } = await openTwilio({ clock: () => now })
  const first = await engine.post('/otp', { number: '+12125551212' })
  await engine.reaches(first.body.messageId as string, 'sent')
  const fields = { MessageSid: 'SM0123456789abcdef', MessageStatus: status, ...(errorCode && { ErrorCode: errorCode }) }
  await call(engine, `${path}/report`, fields)
  now += 6_000

  const { status: code, body: answer } = await engine.post('/otp', { number: '+12125551212' })
  expect(code === 200 ? 'sent again' : answer.code).toBe(outcome)
})
