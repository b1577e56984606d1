// Numbers as people write them, and which of them get codes.

import { describe, expect, test } from 'vitest'

import { newNumber, openOtp, shareOtp } from './open-otp.ts'

const shared = shareOtp()

/** What a number comes to: E.164, or the code of the refusal. */
async function read(number: unknown, country?: string | null): Promise<string> {
  const otp = shared()
  otp.pass(86_400)
  const { status, body } = await otp.post('/otp', { number, country })
  return (status === 200 ? body.number : body.code) as string
}

describe('a number', () => {
  test('is digits with or without +, written in any usual way', async () => {
    const forms = [
      '+34612345678',
      '34612345678',
      '0034612345678',
      '+34 612 345 678',
      ' +34.612.345.678 ',
      '+34-612-34-56-78',
      '+34 (612) 345678',
      '(+34) 612345678',
      '+34\u00a0612\u2009345\u2011678',
      '00 34 (0) 612 345 678',
      '+34 ( 0 ) 612345678',
      '\uff0b\uff13\uff14612345678',
      '+\u0663\u0664\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668',
      '\u202a+34612345678\u202c',
    ]
    for (const form of forms) expect(await read(form), form).toBe('+34612345678')
  })

  test('with a country is read as national first, then as international', async () => {
    expect(await read('612 345 678', 'ES')).toBe('+34612345678')
    expect(await read('612 345 678', 'es')).toBe('+34612345678')
    expect(await read('34612345678', 'ES')).toBe('+34612345678')
    expect(await read('+34612345678', 'ES')).toBe('+34612345678')
    expect(await read('0034612345678', 'ES')).toBe('+34612345678')
    expect(await read('015123456789', 'DE')).toBe('+4915123456789')
    expect(await read('+49 (0) 151 23456789', 'DE')).toBe('+4915123456789')
    expect(await read('(201) 555-0123', 'US')).toBe('+12015550123')
    expect(await read('07400 123456', 'GB')).toBe('+447400123456')
    // Russian national numbers begin with an 8 or nothing; 7… is the country's own code.
    expect(await read('8 912 345-67-89', 'RU')).toBe('+79123456789')
    expect(await read('79123456789', 'RU')).toBe('+79123456789')
    // Both are read within the calling code: +1 is shared by many countries.
    expect(await read('201 555 0123', 'CA')).toBe('+12015550123')
  })

  test('of another calling code than the country’s is not valid', async () => {
    const otp = shared()
    for (const number of ['+34612345678', '0034612345678', '34612345678']) {
      expect(await read(number, 'FR'), number).toBe('invalid_number')
    }
    const { body } = await otp.post('/otp', { number: '+34612345678', country: 'FR' })
    expect(body).toMatchObject({ status: 400, code: 'invalid_number', country: 'FR', example: '+33 6 12 34 56 78' })
    expect(body.detail).toContain('France')
  })

  test('without a country is never national', async () => {
    for (const number of ['07400123456', '015123456789', '8912345678'])
      expect(await read(number)).toBe('invalid_number')
    // Egypt's calling code is 20, Australia's 61.
    expect(await read('2015550123')).not.toBe('+12015550123')
    expect(await read('612345678')).not.toBe('+34612345678')
  })

  test('with letters, an extension or text is refused', async () => {
    const bad = [
      '',
      '+',
      '+34',
      'no number',
      '+34612345678x',
      '+34 612 345 678 ext. 5',
      '+34612345678,5',
      '+34612345678#5',
      '+34612345678;ext=5',
      'tel:+34612345678',
      '+1-800-FLOWERS',
      '++34612345678',
      '+34+612345678',
      '34612345678+',
      '+34612345678/79',
      '+346123456789012345',
      '+34612345678\u0000',
      '１'.repeat(3_000),
    ]
    const otp = shared()
    for (const number of bad) {
      for (const country of [null, 'ES']) expect(await read(number, country), number).toBe('invalid_number')
    }
    const { body } = await otp.post('/otp', { number: 'no number' })
    expect(body).toMatchObject({ code: 'invalid_number', country: null, example: null, detail: expect.any(String) })
    expect(body.detail).not.toMatch(/\{\{|null|undefined/)
  })

  test('that is no string, or a country that is no code, is an invalid request', async () => {
    for (const number of [34_612_345_678, null, undefined, true, ['+34612345678'], {}]) {
      expect(await read(number)).toBe('invalid_request')
    }
    for (const country of ['', 'E', 'ESP', '34', 'E1', 'Spain']) {
      expect(await read('+34612345678', country), country).toBe('invalid_request')
    }
    expect(await read('+34612345678', 'ZZ')).toBe('invalid_number')
    expect(await read('+34612345678', null)).toBe('+34612345678')
  })

  test('is read in the same way by every call', async () => {
    const otp = shared()
    const { id } = await otp.send({ number: '+44 7400 123457' })
    for (const [number, country] of [
      ['07400 123457', 'GB'],
      ['0044 7400 123457', undefined],
    ]) {
      expect((await otp.post('/otp/status', { number, country })).body.id).toBe(id)
    }
    expect((await otp.post('/otp/status', { number: '07400 123457' })).body.code).toBe('invalid_number')
    expect((await otp.check({ number: '+34912345678', code: '123456' })).body.code).toBe('unsupported_number')
  })
})

describe('the type of a number', () => {
  test.each([
    ['mobile', '+447400123456'],
    ['fixed line or mobile', '+12015550123'],
    ['mobile of a shared calling code', '+77710009998'],
  ])('%s passes', async (_type, number) => {
    expect(await read(number)).toBe(number)
  })

  test.each([
    ['fixed line', '+34912345678', 'ES'],
    ['premium rate', '+449012345678', 'GB'],
    ['shared cost', '+448431234567', 'GB'],
    ['VoIP', '+445612345678', 'GB'],
    ['personal', '+447012345678', 'GB'],
    ['pager', '+447640123456', 'GB'],
    ['UAN', '+445512345678', 'GB'],
    ['toll free', '+448001234567', 'GB'],
  ])('%s is not served', async (_type, number, country) => {
    const { status, headers, body } = await shared().post('/otp', { number, language: 'de' })
    expect(status).toBe(400)
    expect(headers.get('content-type')).toContain('application/problem+json')
    expect(body).toMatchObject({ code: 'unsupported_number', country, example: expect.stringMatching(/^\+\d/) })
    expect(body.detail).toContain(country === 'ES' ? 'Spanien' : 'Vereinigtes Königreich')
  })
})

describe('a test number', () => {
  const number = newNumber()
  const config = { testNumbers: { [number]: '000000', '+34912345678': '1234' } }

  test('has its fixed code, and never reaches the carrier', async () => {
    const otp = await openOtp({ config })
    const { id, code, delivery, messageId } = await otp.send({ number })
    expect({ code, delivery }).toEqual({ code: '000000', delivery: 'delivered' })
    const { body } = await otp.get(`/admin/messages/${messageId}`)
    expect(body).toMatchObject({ state: 'delivered', carrier: 'test' })
    expect((await otp.check({ id, code: '000000' })).body.verified).toBe(true)
    expect(await otp.inbox()).toEqual([])
    expect(otp.printed).toEqual([])
  })

  test('keeps the checks and the number of sends, but not the waits', async () => {
    const otp = await openOtp({ config })
    const sent = await otp.send({ number })
    expect(sent).toMatchObject({ sendsLeft: 2, resendIn: 0, resendAt: otp.time() })
    expect(await otp.send({ number })).toMatchObject({ id: sent.id, sendsLeft: 1 })
    expect((await otp.post('/otp/status', { number })).body).toMatchObject({ sendsLeft: 1, resendIn: 0 })
    otp.pass(590)
    expect((await otp.post('/otp/resend', { number })).body).toMatchObject({ sendsLeft: 0, resendAt: null })
    expect((await otp.post('/otp', { number })).body.code).toBe('too_many_sends')
    const guesses = await otp.guessWrong(sent, 5)
    expect(guesses.at(-1)!.body.checksLeft).toBe(0)
    expect((await otp.post('/otp', { number })).body.code).toBe('too_many_checks')
  })

  test('begins anew at once after it was verified, and may be of any type', async () => {
    const otp = await openOtp({ config })
    const fixed = '+34912345678'
    const one = await otp.send({ number: fixed })
    expect(one.code).toBe('1234')
    await otp.check({ id: one.id, code: '1234' })
    expect((await otp.send({ number: fixed })).id).not.toBe(one.id)
  })
})
