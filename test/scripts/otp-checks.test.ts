// Guesses: how many there are, what they share, and what a code may look like.

import { describe, expect, test } from 'vitest'

import { until } from '../helpers.ts'
import { newNumber, openOtp, otpScript, shareOtp, wrongCodes } from './open-otp.ts'

const shared = shareOtp()
const wrong = (id: string, checksLeft: number) => ({
  status: 200,
  body: { id, verified: false, reason: 'wrong_code', checksLeft },
})
const lockedFor = (retryAfter: number) => ({
  status: 429,
  body: { code: 'too_many_checks', retryAfter, contact: { email: 'support@example.com' } },
})

describe('a wrong code', () => {
  test('tells the checks that are left, the fifth one locks', async () => {
    const otp = shared()
    const number = newNumber()
    const sent = await otp.send({ number })
    const answers = await otp.guessWrong(sent, 5)

    expect(answers.map(({ status, body }) => ({ status, body }))).toEqual([4, 3, 2, 1, 0].map(n => wrong(sent.id, n)))
    const right = await otp.check({ id: sent.id, code: sent.code })
    expect(right).toMatchObject(lockedFor(600))
    expect(right.headers.get('retry-after')).toBe('600')
    expect(right.body).toMatchObject({ id: sent.id, detail: expect.stringContaining('support@example.com') })
    expect((await otp.post('/otp/status', { id: sent.id })).body).toMatchObject({ status: 'locked', checksLeft: 0 })
  })

  test('is counted before it is compared: two hundred at once cost five checks', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    const answers = await Promise.all(wrongCodes(code, 200).map(guess => otp.check({ id, code: guess })))

    const counted = answers.filter(({ status }) => status === 200)
    expect(new Set(counted.map(({ body }) => body.checksLeft))).toEqual(new Set([4, 3, 2, 1, 0]))
    expect(counted).toHaveLength(5)
    expect(counted.every(({ body }) => body.verified === false)).toBe(true)
    const refused = answers.filter(({ body }) => body.code === 'too_many_checks')
    expect(refused).toHaveLength(195)
    expect((await otp.check({ id, code })).body.code).toBe('too_many_checks')
  })

  test('counts for the number, over resends, new codes, references and ids', async () => {
    const otp = shared()
    const number = newNumber()
    const one = await otp.send({ number, reference: 'one' })
    expect((await otp.guessWrong(one, 1, { reference: 'one' }))[0]!.body.checksLeft).toBe(4)
    otp.pass(30)
    expect(await otp.send({ number, reference: 'one' })).toMatchObject({ id: one.id, checksLeft: 4 })
    expect((await otp.guessWrong(one, 1, { reference: 'one' }))[0]!.body.checksLeft).toBe(3)
    await otp.post('/otp/cancel', { id: one.id, reference: 'one' })
    otp.pass(30)
    const two = await otp.send({ number })
    expect(two.checksLeft).toBe(3)
    expect((await otp.guessWrong(two, 1))[0]!.body.checksLeft).toBe(2)
    otp.pass(30)
    const three = await otp.send({ number, reference: 'three' })
    await otp.guessWrong(three, 2, { reference: 'three' })

    expect((await otp.post('/otp/status', { id: two.id })).body.status).toBe('locked')
    expect((await otp.post('/otp/status', { id: three.id, reference: 'three' })).body.status).toBe('locked')
    expect((await otp.post('/otp/status', { id: one.id, reference: 'one' })).body.status).toBe('canceled')
  })

  test('costs another app nothing', async () => {
    const otp = shared()
    const number = newNumber()
    const token = await otp.newToken({ scopes: ['run:otp', 'code:read'], app: 'other' })
    await otp.guessWrong(await otp.send({ number }), 5)
    otp.pass(30)
    const other = await otp.send({ number }, { token })
    expect(other.checksLeft).toBe(5)
    expect((await otp.check({ id: other.id, code: other.code }, { token })).body.verified).toBe(true)
  })
})

describe('the window of checks', () => {
  test('begins with the first check; at its end the lock and its verifications end', async () => {
    const otp = shared()
    const number = newNumber()
    const sent = await otp.send({ number })
    otp.pass(100)
    await otp.guessWrong(sent, 2)
    otp.pass(300)
    await otp.guessWrong(sent, 3)
    expect(await otp.check({ id: sent.id, code: sent.code })).toMatchObject(lockedFor(300))

    otp.pass(299)
    for (const body of [{ number }, { number, reference: 'new' }, { number, amount: '1 EUR', payee: 'A' }]) {
      expect(await otp.post('/otp', body)).toMatchObject(lockedFor(1))
    }
    expect((await otp.post('/otp/status', { id: sent.id })).body).toMatchObject({ status: 'locked', expiresIn: 0 })
    otp.pass(1)
    expect((await otp.post('/otp/status', { id: sent.id })).body).toMatchObject({ status: 'expired', checksLeft: 5 })
    expect((await otp.check({ id: sent.id, code: sent.code })).body.code).toBe('expired')
    expect(await otp.send({ number })).toMatchObject({ status: 'pending', checksLeft: 5 })
  })

  test('when it ends without a lock the checks are all there again', async () => {
    const otp = shared()
    const number = newNumber()
    const one = await otp.send({ number })
    otp.pass(500)
    await otp.guessWrong(one, 4)
    otp.pass(100)
    const two = await otp.send({ number })
    expect(two.checksLeft).toBe(1)
    otp.pass(500)
    const [answer] = await otp.guessWrong(two, 1)
    expect(answer!.body.checksLeft).toBe(4)
  })

  test('is cleared by a right code', async () => {
    const otp = shared()
    const number = newNumber()
    const one = await otp.send({ number })
    await otp.guessWrong(one, 4)
    expect((await otp.check({ id: one.id, code: one.code })).body).toEqual({ id: one.id, verified: true })
    otp.pass(1)
    expect(await otp.send({ number })).toMatchObject({ checksLeft: 5 })
  })

  test('and the number of checks are the policy’s', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { checks: '2', checkWindow: "'1m'" } })
    const sent = await otp.send({ number })
    expect(sent.checksLeft).toBe(2)
    await otp.guessWrong(sent, 2)
    expect(await otp.post('/otp', { number })).toMatchObject(lockedFor(60))
  })
})

test('two right codes at once verify once', async () => {
  const otp = shared()
  const number = newNumber()
  const { id, code } = await otp.send({ number })
  const answers = await Promise.all([otp.check({ id, code }), otp.check({ number, code })])

  expect(answers.filter(({ body }) => body.verified === true)).toHaveLength(1)
  expect(answers.filter(({ body }) => body.code === 'already_verified')).toHaveLength(1)
})

describe('a code', () => {
  test('is read as people type it: spaces and dashes dropped, digits of other scripts mapped', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { checks: '1000' } })
    const { id, code } = await otp.send({ number })
    const [guess] = wrongCodes(code, 1)
    const inScript = (zero: number) => [...guess!].map(digit => String.fromCodePoint(zero + Number(digit))).join('')
    const forms = [
      ` ${guess!} `,
      [...guess!].join(' '),
      `${guess!.slice(0, 3)}-${guess!.slice(3)}`,
      `${guess!.slice(0, 3)}\u2011${guess!.slice(3)}`,
      `${guess!.slice(0, 3)}\u00a0\u2013\u200b${guess!.slice(3)}\n`,
      // Arabic-Indic, Persian, Devanagari, Bengali, Thai, fullwidth, mathematical bold.
      ...[0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50, 0xff10, 0x1d7ce].map(inScript),
    ]
    for (const [n, form] of forms.entries()) {
      expect(await otp.check({ id, code: form }), JSON.stringify(form)).toMatchObject(wrong(id, 999 - n))
    }
    const persian = [...code].map(digit => String.fromCodePoint(0x06f0 + Number(digit))).join('')
    expect((await otp.check({ id, code: persian })).body.verified).toBe(true)
  })

  test('of another length, with letters, or no string, is an invalid request and costs no check', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number })
    const bad = ['', ' ', '12345', '1234567', '12345678', 'abcdef', `${code}x`, `+${code}`, '12.456', '\u00bd23456']
    for (const wrongForm of [...bad, Number(code), null, undefined, [code]]) {
      const { status, body } = await otp.check({ id, code: wrongForm })
      expect({ status, body }, String(wrongForm)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ field: 'code', problem: expect.any(String) }] },
      })
    }
    expect((await otp.post('/otp/status', { id })).body.checksLeft).toBe(5)

    const locked = await otp.send({ number: newNumber() })
    await otp.guessWrong(locked, 5)
    expect((await otp.check({ id: locked.id, code: '12345' })).body.code).toBe('invalid_request')
  })

  test.each([4, 6, 8])('has %i digits if the policy says so, every digit in every place', async digits => {
    const otp = await openOtp({ policy: { digits: String(digits) } })
    const numbers = Array.from({ length: 150 }, newNumber)
    const codes = await Promise.all(numbers.map(async number => (await otp.send({ number })).code))
    for (const code of codes) expect(code).toMatch(new RegExp(`^\\d{${digits}}$`))
    for (let place = 0; place < digits; place++) {
      expect(new Set(codes.map(code => code[place])).size).toBe(10)
    }
    expect(await otp.sms(numbers[0]!)).toContain(codes[0])
  })

  test('keeps the length that it was made with', async () => {
    const number = newNumber()
    const otp = await openOtp({ policy: { digits: '8' } })
    const { id, code } = await otp.send({ number })
    await otp.writeScript('otp.ts', otpScript({ digits: '5' }))
    // Each asks for a number of its own, as one number would have to wait.
    await until(async () => (await otp.send({ number: newNumber() })).code.length === 5)

    expect((await otp.check({ id, code: code.slice(0, 5) })).body.code).toBe('invalid_request')
    expect((await otp.check({ id, code })).body.verified).toBe(true)
  })
})
