// What the caller is told: the answer field by field, the code only where the
// token may see it, and the sentence to show the end user.

import { describe, expect, test } from 'vitest'

import { newNumber, openOtp, shareOtp } from './open-otp.ts'

const shared = shareOtp()
const fields = (
  'id number language status delivery code messageId segments expiresAt expiresIn ' +
  'resendAt resendIn sendsLeft checksLeft message'
).split(' ')
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

test('a send answers with everything that there is to know', async () => {
  const otp = shared()
  const number = newNumber()
  const { status, body } = await otp.post('/otp', { number: number.slice(1), clientIp: '192.0.2.1', unknown: {} })

  expect(status).toBe(200)
  expect(Object.keys(body)).toEqual(fields)
  expect(body).toMatchObject({
    number,
    language: 'en',
    status: 'pending',
    delivery: 'queued',
    segments: 1,
    expiresAt: otp.time(600),
    expiresIn: 600,
    resendAt: otp.time(30),
    resendIn: 30,
    sendsLeft: 2,
    checksLeft: 5,
  })
  expect(body.id).toMatch(/^ver_[a-z]{22}$/)
  expect(body.code).toMatch(/^\d{6}$/)
  expect(body.expiresAt).toMatch(rfc3339)
  const message = await otp.get(`/admin/messages/${body.messageId as string}`)
  expect(message.body).toMatchObject({ script: 'otp', to: number, segments: 1 })
  expect(await otp.sms(number)).toContain(body.code)
})

test('resend and status answer as a send does, status without the code', async () => {
  const number = newNumber()
  const otp = await openOtp({ carrier: { receipt: 'delivered' } })
  const { id, code, messageId } = await otp.send({ number })
  await otp.reaches(messageId, 'delivered')
  otp.pass(20.5)

  const told = await otp.post('/otp/status', { id })
  expect(Object.keys(told.body)).toEqual(fields.filter(field => field !== 'code'))
  expect(told.body).toMatchObject({ id, messageId, delivery: 'delivered', expiresIn: 580, resendIn: 0, sendsLeft: 1 })
  expect(told.body.resendAt).toBe(otp.time())
  const again = await otp.post('/otp/resend', { id })
  expect(Object.keys(again.body)).toEqual(fields)
  expect(again.body).toMatchObject({ id, code, delivery: 'queued', sendsLeft: 0, resendAt: null, resendIn: 0 })
})

test('a token without code:read gets no code, from no call', async () => {
  const otp = shared()
  const number = newNumber()
  const token = await otp.newToken({ scopes: ['run:otp'] })
  const sent = await otp.post('/otp', { number }, { token })
  expect(Object.keys(sent.body)).toEqual(fields.filter(field => field !== 'code'))
  const text = await otp.sms(number)
  const [code] = /\d{6}/.exec(text)!
  otp.pass(30)
  const { id } = sent.body as { id: string }
  for (const call of ['resend', 'status', 'cancel'] as const) {
    const { status, body } = await otp.post(`/otp/${call}`, { id }, { token })
    expect(status).toBe(200)
    expect(JSON.stringify(body)).not.toContain(code)
    expect(body).not.toHaveProperty('code')
  }
})

test('the same code leaves with every SMS of one verification', async () => {
  const otp = shared()
  const number = newNumber()
  const { code } = await otp.send({ number })
  for (const _ of [2, 3]) {
    otp.pass(30)
    expect((await otp.send({ number })).code).toBe(code)
  }
  expect(await otp.texts(number)).toEqual([1, 2, 3].map(() => expect.stringContaining(code)))
})

describe('the language', () => {
  test('is the one asked for, in any spelling, else its main one, else the country’s, else English', async () => {
    const otp = shared()
    const wishes: Array<[body: object, used: string]> = [
      [{ language: 'de' }, 'de'],
      [{ language: 'DE_at' }, 'de'],
      [{ locale: 'fr-CA' }, 'fr'],
      [{ language: 'es', locale: 'fr' }, 'es'],
      [{ language: 'pt-BR' }, 'pt-BR'],
      [{ language: 'pt_br' }, 'pt-BR'],
      [{ language: 'pt-AO' }, 'pt'],
      [{ language: 'iw' }, 'he'],
      [{ language: 'in' }, 'id'],
      [{ language: 'no' }, 'nb'],
      [{ language: 'tl' }, 'fil'],
      [{ language: 'zh-Hant' }, 'zh-TW'],
      [{ language: 'zh-Hans-CN' }, 'zh'],
      [{ language: 'xx' }, 'en'],
      [{ language: '' }, 'en'],
      [{ language: 'no such language !' }, 'en'],
      [{ language: 'x'.repeat(10_000) }, 'en'],
      [{ language: null }, 'en'],
      [{ number: '+34612345678', language: 'xx' }, 'es'],
      [{ number: '+34612345679', language: 'fr' }, 'fr'],
      [{ number: '+4915123456789' }, 'de'],
      [{ number: '+5511961234567' }, 'pt-BR'],
      [{ number: '+351912345678' }, 'pt'],
    ]
    for (const [body, used] of wishes) {
      const sent = await otp.post('/otp', { number: newNumber(), ...body }, { headers: { 'accept-language': 'it' } })
      expect(sent.body.language, JSON.stringify(body).slice(0, 80)).toBe(used)
    }
  })

  test('of the SMS and of the sentence is that one', async () => {
    const otp = shared()
    const number = newNumber()
    const { code, message } = await otp.send({ number, language: 'de' })
    expect(await otp.sms(number)).toMatch(new RegExp(`^${code} ist Ihr Code für Patchcord.* 10 Minuten`))
    expect(message).toContain('SMS')
    expect(message).not.toContain('inbox')
  })

  test('of a resend is the one of before, unless another is asked for', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number, language: 'es' })
    otp.pass(30)
    expect((await otp.post('/otp/resend', { id })).body.language).toBe('es')
    otp.pass(30)
    expect((await otp.post('/otp/resend', { id, language: 'fr' })).body.language).toBe('fr')
    expect((await otp.post('/otp/status', { id })).body.language).toBe('fr')
  })

  test('of a refusal’s detail is the caller’s, and names the country in it', async () => {
    const otp = shared()
    const number = newNumber()
    const german = await otp.post('/otp', { number: '123', country: 'ES', language: 'de' })
    expect(german.body).toMatchObject({ code: 'invalid_number', detail: expect.stringContaining('Spanien') })
    const header = { headers: { 'accept-language': 'fr' } }
    const french = await otp.post('/otp', { number: '123', country: 'ES' }, header)
    expect(french.body.detail).toContain('Espagne')
    await otp.send({ number })
    expect((await otp.post('/otp', { number, locale: 'it' })).body.detail).toContain('30')
  })
})

test('the sentence for the end user tells what to do now', async () => {
  const number = newNumber()
  const otp = await openOtp({ carrier: { receipt: 'delivered' } })
  const sentence = async (id: string): Promise<string> => (await otp.post('/otp/status', { id })).body.message as string

  const sent = await otp.send({ number })
  expect(sent.message).toMatch(/^Look in your SMS inbox.*6-digit/)
  await otp.reaches(sent.messageId, 'delivered')
  otp.pass(5)
  expect(await sentence(sent.id)).toMatch(
    /has reached your phone.*In 15 seconds you can request the code one last time/,
  )
  otp.pass(15)
  await otp.send({ number })
  expect(await sentence(sent.id)).toMatch(/^The last message is on its way/)
  await otp.guessWrong(sent, 5)
  expect(await sentence(sent.id)).toMatch(/used up all your tries.*support@example\.com/)
  otp.pass(600)
  expect(await sentence(sent.id)).toMatch(/expired/)

  const one = await otp.send({ number })
  await otp.check({ id: one.id, code: one.code })
  expect(await sentence(one.id)).toBe('Your phone number is verified.')
  otp.pass(1)
  const two = await otp.send({ number })
  await otp.post('/otp/cancel', { id: two.id })
  expect(await sentence(two.id)).toMatch(/canceled/)
})

test('the sentence tells of the wait while the SMS is on its way, and of a number that cannot be reached', async () => {
  const number = newNumber()
  const otp = await openOtp({ carrier: { failures: ['later'] } })
  const { id } = await otp.send({ number })
  otp.pass(29)
  expect((await otp.post('/otp/status', { id })).body.message).toBe('In 1 second you can request the code again.')

  const other = await openOtp({ carrier: { receipt: 'rejected' } })
  const rejected = await other.send({ number })
  await other.reaches(rejected.messageId, 'rejected')
  const { body } = await other.post('/otp/status', { id: rejected.id })
  expect(body.message).toMatch(/enter another number/)
})

describe('the contact for those whose tries are used up', () => {
  test('has only the ways that there are, and the start warns while it is the shipped example', async () => {
    expect(await shared().readLog()).toContain('policy.contact is still the shipped example')

    const otp = await openOtp({
      policy: { contact: "{ email: '', phone: '+1 201 555 0100', url: 'https://help.test' }" },
    })
    expect(await otp.readLog()).not.toContain('shipped example')
    const number = newNumber()
    await otp.guessWrong(await otp.send({ number }), 5)
    const { body } = await otp.post('/otp', { number })
    expect(body.contact).toEqual({ phone: '+1 201 555 0100', url: 'https://help.test' })
    expect(body.detail).toMatch(/\+1 201 555 0100 or https:\/\/help\.test$/)
  })
})
