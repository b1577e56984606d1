// How many SMS a number gets, and when it gets none at all.

import { describe, expect, test } from 'vitest'

import { newNumber, openOtp, shareOtp, type Otp } from './open-otp.ts'

const shared = shareOtp()
const contact = { email: 'support@example.com' }

/** The number's sends of the day, all used but so many. */
async function useUp(otp: Otp, number: string, left: number): Promise<void> {
  for (let n = 0; n < 10 - left; n++) {
    await otp.send({ number, reference: `r${n}` })
    otp.pass(60)
  }
}

describe('a verification', () => {
  test('has three SMS', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number })
    for (const left of [1, 0]) {
      otp.pass(30)
      expect(await otp.send({ number })).toMatchObject({ id, sendsLeft: left })
    }
    otp.pass(30)

    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ sendsLeft: 0, resendAt: null, resendIn: 0 })
    for (const path of ['/otp', '/otp/resend']) {
      const refused = await otp.post(path, { number })
      expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_sends', contact, id, retryAfter: 510 } })
      expect(refused.headers.get('retry-after')).toBe('510')
      expect(refused.body.detail).toContain('support@example.com')
    }
    expect(await otp.texts(number)).toHaveLength(3)
  })

  test('counts an SMS that failed', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { failures: ['final', 'final', 'final'] } })
    for (const left of [2, 1, 0]) {
      const { messageId, sendsLeft } = await otp.send({ number })
      expect(sendsLeft).toBe(left)
      await otp.reaches(messageId, 'failed')
      otp.pass(5)
    }
    expect((await otp.post('/otp', { number })).body.code).toBe('too_many_sends')
  })

  test('has as many as the policy says', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { sends: '1' } })
    expect(await otp.send({ number })).toMatchObject({ sendsLeft: 0, resendAt: null })
    otp.pass(30)
    expect((await otp.post('/otp', { number })).body.code).toBe('too_many_sends')
  })
})

describe('a number', () => {
  test('gets ten SMS in 24 hours, over all apps, and nothing gives one back', async () => {
    const otp = shared()
    const number = newNumber()
    const token = await otp.newToken({ scopes: ['run:otp', 'code:read'], app: 'other' })
    const begin = otp.now()
    for (let n = 0; n < 10; n++) {
      const sent = await otp.send({ number }, n % 2 === 0 ? undefined : { token })
      expect(sent.sendsLeft).toBe(Math.min(2, 9 - n))
      await otp.post('/otp/cancel', { id: sent.id }, n % 2 === 0 ? {} : { token })
      otp.pass(n < 5 ? 30 : 601)
    }
    const retryAfter = Math.ceil((begin + 86_400_000 - otp.now()) / 1_000)
    const own = await otp.post('/otp', { number })
    expect(own).toMatchObject({ status: 429, body: { code: 'too_many_sends', contact, retryAfter } })
    expect(await otp.post('/otp', { number, reference: 'new' }, { token })).toMatchObject({ status: 429 })
    const stranger = await otp.newToken({ scopes: ['run:otp'], app: 'third' })
    expect((await otp.post('/otp', { number }, { token: stranger })).body).not.toHaveProperty('id')

    otp.pass(retryAfter - 1)
    expect((await otp.post('/otp', { number })).body).toMatchObject({ code: 'too_many_sends', retryAfter: 1 })
    otp.pass(1)
    expect(await otp.send({ number })).toMatchObject({ sendsLeft: 0 })
  })

  test('limits the sends that a verification has left', async () => {
    const otp = shared()
    const number = newNumber()
    await useUp(otp, number, 2)
    expect(await otp.send({ number })).toMatchObject({ sendsLeft: 1 })
    otp.pass(30)
    expect(await otp.send({ number })).toMatchObject({ sendsLeft: 0, resendAt: null, resendIn: 0 })
  })
})

describe.each(['rejected', 'undelivered'] as const)('after an SMS that was %s', receipt => {
  test('the number has to be changed until the verification’s time is over', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { receipt } })
    const token = await otp.newToken({ scopes: ['run:otp'], app: 'other' })
    const { id, messageId } = await otp.send({ number })
    await otp.reaches(messageId, receipt)
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({
      status: 'pending',
      delivery: receipt,
      sendsLeft: 0,
      resendAt: null,
      resendIn: 0,
    })

    const refused = { status: 422, body: { code: 'number_rejected', contact, id } }
    for (const seconds of [0, 4, 26, 300]) {
      otp.pass(seconds)
      expect(await otp.post('/otp', { number })).toMatchObject(refused)
      expect(await otp.post('/otp/resend', { id })).toMatchObject(refused)
    }
    const foreign = await otp.post('/otp', { number }, { token })
    expect(foreign).toMatchObject({ status: 422, body: { code: 'number_rejected', contact } })
    expect(foreign.body).not.toHaveProperty('id')

    expect((await otp.post('/otp/cancel', { id })).status).toBe(200)
    expect(await otp.post('/otp', { number })).toMatchObject(refused)
    otp.pass(269)
    expect(await otp.post('/otp', { number, reference: 'x' })).toMatchObject(refused)
    otp.pass(1)
    expect(await otp.send({ number })).toMatchObject({ status: 'pending', sendsLeft: 2 })
    expect(await otp.texts(number)).toHaveLength(2)
  })
})

describe('the refusals are judged in order:', () => {
  test('an invalid body, then the lock, then a rejected number', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { receipt: 'rejected' } })
    const sent = await otp.send({ number })
    await otp.reaches(sent.messageId, 'rejected')
    await otp.guessWrong(sent, 5)

    expect((await otp.post('/otp', { number, appHash: 'short' })).body.code).toBe('invalid_request')
    expect((await otp.post('/otp/resend', { id: sent.id, appHash: 'short' })).body.code).toBe('invalid_request')
    expect((await otp.post('/otp', { number })).body.code).toBe('too_many_checks')
    expect((await otp.post('/otp/resend', { id: sent.id })).body.code).toBe('too_many_checks')
  })

  test('a rejected number, then too many sends', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { receipt: 'rejected' }, policy: { sends: '1' } })
    const { messageId } = await otp.send({ number })
    await otp.reaches(messageId, 'rejected')
    otp.pass(30)
    expect((await otp.post('/otp', { number })).body.code).toBe('number_rejected')
  })

  test('too many sends, then too soon', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { sends: '1' } })
    await otp.send({ number })
    for (const seconds of [0, 6]) {
      otp.pass(seconds)
      expect((await otp.post('/otp', { number })).body.code).toBe('too_many_sends')
    }
  })
})

describe('twenty sends at once send one SMS', () => {
  const twenty = (otp: Otp, path: string, body: object) =>
    Promise.all(Array.from({ length: 20 }, () => otp.post(path, body)))
  const codes = (answers: Awaited<ReturnType<typeof twenty>>) =>
    answers.map(({ status, body }) => (status === 200 ? 'sent' : (body.code as string))).sort()
  const one = ['sent', ...Array.from({ length: 19 }, () => 'too_soon')]

  test('to a new number', async () => {
    const otp = shared()
    const number = newNumber()
    expect(codes(await twenty(otp, '/otp', { number }))).toEqual(one)
    await otp.sms(number)
    expect(await otp.texts(number)).toHaveLength(1)
  })

  test('under twenty references', async () => {
    const otp = shared()
    const number = newNumber()
    const references = Array.from({ length: 20 }, (_, n) => otp.post('/otp', { number, reference: `r${n}` }))
    expect(codes(await Promise.all(references))).toEqual(one)
  })

  test('after the wait, by /otp and by resend', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { sends: '4' } })
    const { id } = await otp.send({ number })
    otp.pass(30)
    expect(codes(await twenty(otp, '/otp', { number }))).toEqual(one)
    otp.pass(30)
    expect(codes(await twenty(otp, '/otp/resend', { id }))).toEqual(one)
    expect((await otp.post('/otp/status', { id })).body.sendsLeft).toBe(1)
    expect(await otp.texts(number)).toHaveLength(3)
  })

  test('right after a verification', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    await otp.check({ id, code })
    otp.pass(1)
    const answers = await twenty(otp, '/otp', { number })
    expect(codes(answers)).toEqual(one)
    expect(answers.find(({ status }) => status === 200)!.body).toMatchObject({ sendsLeft: 2 })
  })

  test('and none of them counts when all are too soon', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number })
    otp.pass(15)
    expect(new Set(codes(await twenty(otp, '/otp', { number })))).toEqual(new Set(['too_soon']))
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ sendsLeft: 2, resendIn: 15 })
  })
})

test('a number that nobody serves is refused and nothing is counted', async () => {
  const number = newNumber()
  const otp = await openOtp({ config: { routes: [{ prefix: '+44', carriers: ['loopback'] }] } })
  for (let n = 0; n < 12; n++) {
    const { status, body } = await otp.post('/otp', { number })
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { code: 'unsupported_number', country: 'US', example: '+1 201 555 0123' },
    })
    expect(body.detail).toContain('United States')
  }
  expect((await otp.post('/otp/status', { number })).status).toBe(404)
})
