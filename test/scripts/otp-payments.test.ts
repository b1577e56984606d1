// Payments: the code belongs to what is paid, and to whom.

import { describe, expect, test } from 'vitest'

import { newNumber, openOtp, shareOtp } from './open-otp.ts'

const shared = shareOtp()
const invalid = (field: string) => ({ status: 400, body: { code: 'invalid_request', errors: [{ field }] } })

describe('amount and payee', () => {
  const paying = { amount: '12.50 EUR', payee: 'Corner Shop' }

  test('belong to the code: missing or other ones at the check count as a wrong code', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { checks: '20' } })
    const { id, code } = await otp.send({ number, ...paying })
    const others = [
      {},
      { amount: paying.amount },
      { payee: paying.payee },
      { ...paying, amount: '99.50 EUR' },
      { ...paying, payee: 'Corner shop' },
      { ...paying, payee: '' },
      { ...paying, payee: 'https://example.com/ a very long one that no send would take' },
    ]
    for (const [n, other] of others.entries()) {
      const { status, body } = await otp.check({ id, code, ...other })
      expect({ status, body }).toEqual({
        status: 200,
        body: { id, verified: false, reason: 'wrong_code', checksLeft: 19 - n },
      })
    }
    expect((await otp.check({ id, code, ...paying })).body).toEqual({ id, verified: true })
  })

  test('where none were agreed to must not come at the check', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    expect((await otp.check({ id, code, ...paying })).body).toMatchObject({ reason: 'wrong_code', checksLeft: 4 })
  })

  test.each([{ ...paying, amount: '13.00 EUR' }, { ...paying, payee: 'Other Shop' }, {}])(
    'other ones (%o) end the pending verification and begin a new one, after the same wait',
    async other => {
      const otp = shared()
      const number = newNumber()
      const old = await otp.send({ number, ...paying })
      for (const seconds of [1, 10]) {
        otp.pass(seconds)
        const early = await otp.post('/otp', { number, ...other })
        expect(early).toMatchObject({ status: 429, body: { code: 'too_soon', id: old.id } })
        expect((await otp.post('/otp/status', { id: old.id })).body).toMatchObject({ status: 'pending', sendsLeft: 2 })
      }
      otp.pass(19)
      const fresh = await otp.send({ number, ...other })
      expect(fresh.id).not.toBe(old.id)
      expect(fresh).toMatchObject({ sendsLeft: 2, expiresAt: otp.time(600) })
      expect((await otp.check({ id: old.id, code: old.code, ...paying })).body).toMatchObject({ code: 'canceled' })
      expect((await otp.check({ number, code: fresh.code, ...other })).body).toEqual({ id: fresh.id, verified: true })
    },
  )

  test('other ones begin anew also when the old verification has no SMS left', async () => {
    const number = newNumber()
    const otp = await openOtp({ carrier: { receipt: 'delivered' } })
    for (const left of [2, 0]) {
      const { messageId, sendsLeft } = await otp.send({ number, ...paying })
      expect(sendsLeft).toBe(left)
      await otp.reaches(messageId, 'delivered')
      otp.pass(20)
    }
    expect((await otp.post('/otp', { number, ...paying })).body.code).toBe('too_many_sends')
    expect(await otp.send({ number, ...paying, amount: '1 EUR' })).toMatchObject({ sendsLeft: 2 })
  })

  test('the same ones, or none at a resend, go on with it', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number, ...paying })
    otp.pass(30)
    expect(await otp.send({ number, ...paying })).toMatchObject({ id, code })
    otp.pass(30)
    expect((await otp.post('/otp/resend', { id })).body).toMatchObject({ id, code })
    for (const text of await otp.texts(number)) expect(text).toContain('12.50 EUR to Corner Shop')
  })

  test('come together, short, without control characters and addresses', async () => {
    const otp = shared()
    const number = newNumber()
    const bad: Array<[string, object]> = [
      ['payee', { amount: '1 EUR' }],
      ['amount', { payee: 'Shop' }],
      ['amount', { ...paying, amount: '' }],
      ['amount', { ...paying, amount: '1'.repeat(21) }],
      ['amount', { ...paying, amount: 12 }],
      ['payee', { ...paying, payee: ' ' }],
      ['payee', { ...paying, payee: 'x'.repeat(31) }],
      ['payee', { ...paying, payee: 'Shop\nCode 1' }],
      ['payee', { ...paying, payee: 'Shop\u202eX' }],
      ...['http://x', 'see WWW.x', 'evil.com', 'x.com', 'evil.co.uk', 't.co/x', 'bank.de', 'пример.рф'].map(
        (payee): [string, object] => ['payee', { ...paying, payee }],
      ),
    ]
    for (const [field, body] of bad) {
      expect(await otp.post('/otp', { number, ...body }), JSON.stringify(body)).toMatchObject(invalid(field))
    }
    const good = ['E.ON', 'S.A. Dupont', 'J.P. Morgan', 'Café № 5', 'x'.repeat(30), '7-Eleven', 'Müller & Co. KG']
    for (const payee of good) {
      expect((await otp.post('/otp', { number: newNumber(), amount: '1.234,50\u00a0€', payee })).status, payee).toBe(
        200,
      )
    }
  })
})
