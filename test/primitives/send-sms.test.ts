import { expect, test } from 'vitest'

import { createTestEngine, until } from '../helpers.ts'

const sending = `
export default async ({ sms }) => {
  try {
    return await sendSms(sms)
  } catch (error) {
    return { error: error.message }
  }
}
export const uncaught = ({ sms }) => sendSms(sms)
export const look = async ({ id }) => ({ is: await message(id) })`

test('sendSms answers with id, segments and encoding once the message is safe', async () => {
  const engine = await createTestEngine({ files: { 'send.ts': sending } })

  const answer = await engine.post('/send', { sms: { to: '+12125551212', text: 'hello', from: 'Acme', ref: 'r1' } })
  const long = await engine.post('/send', { sms: { to: '+12125551212', text: 'ж'.repeat(100) } })

  const runId = answer.headers.get('x-run-id')
  expect(answer.body).toEqual({ id: `${runId}.1`, segments: 1, encoding: 'gsm7' })
  expect(long.body).toMatchObject({ segments: 2, encoding: 'ucs2' })
  await until(async () => (await engine.inbox()).length === 2)
  expect((await engine.inbox()).at(-1)).toMatchObject({ to: '+12125551212', from: 'Acme', text: 'hello' })
})

test('message tells how far a message is', async () => {
  const engine = await createTestEngine({
    files: { 'send.ts': sending },
    config: { carriers: { phone: { driver: 'loopback', receiptAfterMs: 0 } } },
  })

  const { body } = await engine.post('/send', { sms: { to: '+12125551212', text: 'hello', ref: 'r1' } })
  await engine.reaches(body.id, 'delivered')

  const { is } = (await engine.post('/send/look', { id: body.id })).body
  expect(is).toMatchObject({ id: body.id, state: 'delivered', carrier: 'phone', segments: 1, attempts: 1, ref: 'r1' })
  expect(is.timeline.map(({ state }: { state: string }) => state)).toEqual(['queued', 'sent', 'delivered'])
  expect(Object.keys(is).toSorted()).toEqual(['attempts', 'carrier', 'id', 'ref', 'segments', 'state', 'timeline'])
})

test('a script does not see the messages of another', async () => {
  const { post } = await createTestEngine({ files: { 'send.ts': sending, 'other.ts': sending } })

  const { body } = await post('/send', { sms: { to: '+12125551212', text: 'hello' } })

  expect((await post('/send/look', { id: body.id })).body.is.id).toBe(body.id)
  expect((await post('/other/look', { id: body.id })).body).toEqual({})
  expect((await post('/other/look', { id: 'nothing' })).body).toEqual({})
})

test('wrong arguments are errors that a script can catch', async () => {
  const { post, printed } = await createTestEngine({ files: { 'send.ts': sending } })
  const right = { to: '+12125551212', text: 'hello' }

  for (const sms of [
    null,
    {},
    'text',
    { to: right.to },
    { text: right.text },
    { ...right, to: '12125551212' },
    { ...right, to: 12125551212 },
    { ...right, to: '+1 212 555 1212' },
    { ...right, text: '' },
    { ...right, text: 'x'.repeat(1_601) },
    { ...right, text: 42 },
    { ...right, from: 'a name that is too long' },
    { ...right, validFor: 'soon' },
    { ...right, validFor: 0 },
    { ...right, priority: 'urgent' },
    { ...right, onUncertain: 'hope' },
    { ...right, failover: 'yes' },
  ]) {
    const { status, body } = await post('/send', { sms })
    expect({ status, error: body.error }, JSON.stringify(sms)).toEqual({
      status: 200,
      error: expect.stringMatching(/^sendSms: /),
    })
  }
  expect(await post('/send', { sms: { ...right, text: 'x'.repeat(1_600) } })).toMatchObject({ body: { segments: 11 } })
  await until(() => printed.length > 0)
  expect(printed).toHaveLength(1)
})

test('a script is kept to the countries that it was granted', async () => {
  const { post } = await createTestEngine({
    files: { 'send.ts': sending },
    config: { scripts: { send: { countries: ['DE', '+1212'] } } },
  })
  const sent = async (to: string) => post('/send/uncaught', { sms: { to, text: 'hello' } })

  expect(await sent('+4915112345678')).toMatchObject({ status: 200 })
  expect(await sent('+12125551212')).toMatchObject({ status: 200 })
  for (const to of ['+12015550123', '+33612345678']) {
    expect(await sent(to)).toMatchObject({
      status: 400,
      body: { code: 'unsupported_number', country: null, example: null },
    })
  }
})

test('a number that no route serves is refused', async () => {
  const { post } = await createTestEngine({
    files: { 'send.ts': sending },
    config: {
      carriers: { phone: { driver: 'loopback' } },
      routes: [{ prefix: '+1', carriers: ['phone'] }],
    },
  })
  const sent = async (to: string) => post('/send/uncaught', { sms: { to, text: 'hello' } })

  expect(await sent('+12125551212')).toMatchObject({ status: 200 })
  expect(await sent('+4915112345678')).toMatchObject({ status: 400, body: { code: 'unsupported_number' } })
})

test('a refused message may be caught, and takes nothing from the budget', async () => {
  const { post } = await createTestEngine({
    files: {
      'try.ts': `
        export default async ({ numbers }) => {
          const results = []
          for (const to of numbers) results.push(await send(to))
          return results
        }
        export const together = ({ numbers }) => Promise.all(numbers.map(send))
        const send = to => sendSms({ to, text: 'x' }).then(() => 'sent', () => 'refused')`,
    },
    config: {
      carriers: { phone: { driver: 'loopback' } },
      routes: [{ prefix: '+1', carriers: ['phone'] }],
    },
  })
  const numbers = [...Array<string>(6).fill('+4915112345678'), ...Array<string>(5).fill('+12125551212')]
  const results = [...Array(6).fill('refused'), ...Array(5).fill('sent')]

  expect((await post('/try', { numbers })).body).toEqual(results)
  expect((await post('/try/together', { numbers })).body).toEqual(results)
})
