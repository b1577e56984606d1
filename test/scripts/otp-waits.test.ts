// When the next SMS may leave: the wait after each outcome of the last one.

import { describe, expect, test } from 'vitest'

import { newNumber, openOtp, shareOtp, type OtpOptions } from './open-otp.ts'

const shared = shareOtp()
const tooSoon = (retryAfter: number) => ({ status: 429, body: { status: 429, code: 'too_soon', retryAfter } })

const waits: Array<{
  delivery: 'sent' | 'delivered' | 'failed'
  carrier: OtpOptions['carrier']
  seconds: number
  left: number
}> = [
  { delivery: 'sent', carrier: {}, seconds: 30, left: 1 },
  { delivery: 'delivered', carrier: { receipt: 'delivered' }, seconds: 20, left: 0 },
  { delivery: 'failed', carrier: { failures: ['final', 'final', 'final', 'final'] }, seconds: 5, left: 1 },
]

describe.each(waits)('after an SMS that is $delivery', ({ delivery, carrier, seconds, left }) => {
  const ofCarrier = shareOtp({ carrier })

  test.each(['/otp', '/otp/resend'])(`%s has to wait ${seconds} s`, async path => {
    const otp = ofCarrier()
    const number = newNumber()
    const first = await otp.send({ number })
    await otp.reaches(first.messageId, delivery)
    expect((await otp.post('/otp/status', { number })).body).toMatchObject({ delivery, resendIn: seconds })

    otp.pass(seconds - 0.001)
    const early = await otp.post(path, { number })
    expect(early).toMatchObject(tooSoon(1))
    expect(early.headers.get('retry-after')).toBe('1')
    expect(early.body).toMatchObject({ resendAt: otp.time(0.001), id: first.id, verificationStatus: 'pending' })

    otp.pass(0.001)
    const { id, code, expiresAt } = first
    const again = await otp.post(path, { number })
    expect(again).toMatchObject({ status: 200, body: { id, code, expiresAt, delivery: 'queued', sendsLeft: left } })
  })
})

test('an SMS that was never sent in time has to be waited for as one that failed', async () => {
  const number = newNumber()
  const otp = await openOtp({ carrier: { failures: ['later'] }, policy: { validFor: "'2m'" } })
  const { id, messageId } = await otp.send({ number })
  otp.pass(121)
  await otp.reaches(messageId, 'expired')

  expect((await otp.post('/otp/status', { id })).body).toMatchObject({ status: 'expired', delivery: 'expired' })
  expect((await otp.post('/otp', { number })).body).toMatchObject({ status: 'pending', sendsLeft: 2 })
})

test('after one was delivered there is one more at most', async () => {
  const number = newNumber()
  const otp = await openOtp({ carrier: { receipt: 'delivered' } })
  const first = await otp.send({ number })
  await otp.reaches(first.messageId, 'delivered')
  expect((await otp.post('/otp/status', { number })).body).toMatchObject({ sendsLeft: 1, resendAt: otp.time(20) })

  otp.pass(20)
  const second = await otp.send({ number })
  expect(second).toMatchObject({ sendsLeft: 0, resendAt: null, resendIn: 0 })
  await otp.reaches(second.messageId, 'delivered')
  otp.pass(20)
  const refused = await otp.post('/otp/resend', { id: first.id })
  expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_sends', id: first.id, retryAfter: 560 } })
})

test('after a right code there is one second to wait', async () => {
  const otp = shared()
  const number = newNumber()
  const { id, code } = await otp.send({ number })
  await otp.check({ id, code })

  expect(await otp.post('/otp', { number })).toMatchObject(tooSoon(1))
  otp.pass(0.999)
  expect(await otp.post('/otp', { number })).toMatchObject(tooSoon(1))
  otp.pass(0.001)
  expect((await otp.send({ number })).id).not.toBe(id)
})

test('a right code frees the number only of the wait for its own SMS', async () => {
  const otp = shared()
  const number = newNumber()
  const one = await otp.send({ number, reference: 'one' })
  otp.pass(30)
  await otp.send({ number, reference: 'two' })
  await otp.check({ id: one.id, code: one.code, reference: 'one' })
  otp.pass(5)

  expect(await otp.post('/otp', { number, reference: 'one' })).toMatchObject(tooSoon(25))
  expect(await otp.post('/otp', { number, reference: 'two' })).toMatchObject(tooSoon(25))
})

describe('the wait is the number’s, whatever became of the verification', () => {
  test('after it was canceled', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number })
    await otp.post('/otp/cancel', { id })

    otp.pass(29)
    expect(await otp.post('/otp', { number })).toMatchObject(tooSoon(1))
    otp.pass(1)
    expect(await otp.send({ number })).toMatchObject({ sendsLeft: 2 })
  })

  test('under another reference, and for another app, which learns nothing of it', async () => {
    const otp = shared()
    const number = newNumber()
    const token = await otp.newToken({ scopes: ['run:otp'], app: 'other' })
    await otp.send({ number })
    otp.pass(10)

    for (const refused of [
      await otp.post('/otp', { number, reference: 'other' }),
      await otp.post('/otp', { number }, { token }),
    ]) {
      expect(refused).toMatchObject(tooSoon(20))
      expect(Object.keys(refused.body).sort()).toEqual(
        ['type', 'title', 'status', 'code', 'detail', 'retryAfter', 'resendAt'].sort(),
      )
    }
    otp.pass(20)
    expect((await otp.post('/otp', { number }, { token })).status).toBe(200)
  })

  test('and the status of an older one tells the wait that there really is', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { receipt: 'delivered' } })
    const one = await otp.send({ number, reference: 'one' })
    await otp.reaches(one.messageId, 'delivered')
    otp.pass(25)
    const two = await otp.send({ number, reference: 'two' })
    await otp.reaches(two.messageId, 'delivered')

    const { body } = await otp.post('/otp/status', { id: one.id, reference: 'one' })
    expect(body).toMatchObject({ delivery: 'delivered', sendsLeft: 1, resendIn: 20 })
    otp.pass(20)
    const last = await otp.post('/otp/resend', { id: one.id, reference: 'one' })
    expect(last).toMatchObject({ status: 200, body: { sendsLeft: 0, resendAt: null } })
  })
})

describe('in the last minute of a code', () => {
  test('a resend waits for its expiry, and then a new one begins', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code, expiresAt } = await otp.send({ number })
    otp.pass(540)
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ sendsLeft: 2, resendIn: 0 })
    otp.pass(0.001)
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ resendAt: expiresAt, resendIn: 60 })

    for (const path of ['/otp', '/otp/resend']) {
      const refused = await otp.post(path, { number })
      expect(refused).toMatchObject(tooSoon(60))
      expect(refused.body).toMatchObject({ resendAt: expiresAt, id, expiresAt, checksLeft: 5 })
    }
    expect((await otp.check({ id, code: '0000000' })).body.code).toBe('invalid_request')
    otp.pass(59.999)
    const fresh = await otp.send({ number })
    expect(fresh.id).not.toBe(id)
    expect(fresh.expiresAt).toBe(otp.time(600))
    expect((await otp.check({ id, code })).body.code).toBe('expired')
  })

  test('a resend before it does not move the expiry', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, expiresAt } = await otp.send({ number })
    otp.pass(540)
    const again = await otp.send({ number })
    expect(again).toMatchObject({ id, expiresAt, expiresIn: 60, resendAt: expiresAt })
  })
})

test('the waits are the constants of the policy', async () => {
  const number = newNumber()
  const otp = await openOtp({ policy: { waitSent: "'50s'", validFor: "'4m'", waitFailed: "'60s'" } })
  const { expiresIn, resendIn } = await otp.send({ number })
  expect({ expiresIn, resendIn }).toEqual({ expiresIn: 240, resendIn: 50 })
  otp.pass(49)
  expect(await otp.post('/otp', { number })).toMatchObject(tooSoon(1))
  otp.pass(1)
  await otp.send({ number })
})
