// Whose verification it is: app, number and reference.

import { describe, expect, test } from 'vitest'

import { newNumber, shareOtp } from './open-otp.ts'

const shared = shareOtp()
const calls = ['resend', 'check', 'status', 'cancel'] as const
const notFound = { status: 404, body: { code: 'not_found' } }
const invalid = (field: string) => ({ status: 400, body: { code: 'invalid_request', errors: [{ field }] } })

describe('an id', () => {
  test('and a number together must agree', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    for (const call of calls) {
      expect(await otp.post(`/otp/${call}`, { id, number: newNumber(), code })).toMatchObject(invalid('number'))
    }
    expect((await otp.check({ id, number: `00 ${number.slice(1)}`, code })).body.verified).toBe(true)
  })

  test('or a number has to be there', async () => {
    const otp = shared()
    for (const call of calls) {
      expect(await otp.post(`/otp/${call}`, { code: '123456' })).toMatchObject(invalid('id'))
      expect(await otp.post(`/otp/${call}`, { id: null, number: null, code: '123456' })).toMatchObject(invalid('id'))
    }
    expect(await otp.post('/otp', { id: 'ver_x' })).toMatchObject(invalid('number'))
  })

  test('that is unknown is not found, whatever it looks like', async () => {
    const otp = shared()
    const number = newNumber()
    await otp.send({ number })
    for (const id of ['', 'ver_x', 'a:b', ':', '__proto__', 'x'.repeat(5_000), '\u0000', '\ud800']) {
      for (const call of calls) {
        expect(await otp.post(`/otp/${call}`, { id, code: '123456' }), `${call} ${id}`).toMatchObject(notFound)
      }
    }
  })

  test('is kept for 24 hours', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number })
    otp.pass(86_399)
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ id, status: 'expired' })
    otp.pass(1)
    for (const call of calls) {
      expect(await otp.post(`/otp/${call}`, { id, code: '123456' })).toMatchObject(notFound)
      expect(await otp.post(`/otp/${call}`, { number, code: '123456' })).toMatchObject(notFound)
    }
  })

  test('of an older verification still means that one', async () => {
    const otp = shared()
    const number = newNumber()
    const old = await otp.send({ number })
    await otp.post('/otp/cancel', { id: old.id })
    otp.pass(30)
    const fresh = await otp.send({ number })
    expect((await otp.post('/otp/status', { id: old.id })).body).toMatchObject({ id: old.id, status: 'canceled' })
    expect((await otp.post('/otp/resend', { id: old.id })).body).toMatchObject({ code: 'canceled', id: old.id })
    expect((await otp.post('/otp/status', { number })).body.id).toBe(fresh.id)
  })
})

describe('another app', () => {
  test.each(['other', 'constructor', '__proto__'])('(%s) never sees a verification', async app => {
    const otp = shared()
    const number = newNumber()
    const token = await otp.newToken({ scopes: ['run:otp', 'code:read'], app })
    const { id, code } = await otp.send({ number })
    for (const which of [{ id }, { number }, { id, number }]) {
      for (const call of calls) {
        expect(await otp.post(`/otp/${call}`, { ...which, code }, { token })).toMatchObject(notFound)
      }
    }
    otp.pass(30)
    const other = await otp.send({ number }, { token })
    expect(other.id).not.toBe(id)
    expect((await otp.check({ number, code }, { token: otp.token })).body).toEqual({ id, verified: true })
    expect((await otp.check({ number, code: other.code }, { token })).body).toEqual({ id: other.id, verified: true })
  })

  test('is one with another token of the same app, and a token without an app belongs to `default`', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    const token = await otp.newToken({ scopes: ['run:otp'] })
    expect((await otp.check({ id, code }, { token })).body.verified).toBe(true)
  })
})

describe('a reference', () => {
  test('has to be equal at every call, and a wrong one costs no check', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number, reference: 'cart 7' })
    for (const wrong of [{}, { reference: 'cart 8' }, { reference: 'Cart 7' }, { reference: null }]) {
      for (const call of calls) {
        for (const which of [{ id }, { number }]) {
          expect(await otp.post(`/otp/${call}`, { ...which, ...wrong, code })).toMatchObject(notFound)
        }
      }
    }
    const status = await otp.post('/otp/status', { number, reference: 'cart 7' })
    expect(status.body).toMatchObject({ id, status: 'pending', checksLeft: 5, sendsLeft: 2 })
    expect((await otp.check({ number, reference: 'cart 7', code })).body).toEqual({ id, verified: true })
  })

  test('that was not given must not be given', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    expect(await otp.check({ id, code, reference: 'x' })).toMatchObject(notFound)
    expect(await otp.check({ number, code, reference: 'x' })).toMatchObject(notFound)
  })

  test('is another verification with another code', async () => {
    const otp = shared()
    const number = newNumber()
    const one = await otp.send({ number, reference: 'one' })
    otp.pass(30)
    const two = await otp.send({ number, reference: 'two' })
    expect(two.id).not.toBe(one.id)
    expect(two.sendsLeft).toBe(2)
    expect((await otp.check({ number, reference: 'one', code: one.code })).body.id).toBe(one.id)
    expect((await otp.post('/otp/status', { number, reference: 'two' })).body.status).toBe('pending')
  })

  test('has 1 to 64 characters', async () => {
    const otp = shared()
    const number = newNumber()
    for (const reference of ['', 'x'.repeat(65)]) {
      expect(await otp.post('/otp', { number, reference })).toMatchObject(invalid('reference'))
      expect(await otp.post('/otp/status', { number, reference })).toMatchObject(invalid('reference'))
    }
    expect(await otp.post('/otp', { number, reference: 7 })).toMatchObject(invalid('reference'))
    expect((await otp.post('/otp', { number, reference: 'x'.repeat(64) })).status).toBe(200)
  })
})
