// The SMS itself: its sentence, the lines for apps and browsers, its length.

import { resolve } from 'node:path'

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readLocales } from '../../engine/locales.ts'
import { countSegments } from '../../engine/outbox/segments.ts'
import { countSegments as countInScript } from '../../scripts/lib/segments.ts'
import { newNumber, openOtp, shareOtp } from './open-otp.ts'

const shared = shareOtp()
const paying = { amount: '12.50 EUR', payee: 'Corner Shop' }
const appHash = 'FA+9qCX9VSu'
const invalid = (field: string) => ({ status: 400, body: { code: 'invalid_request', errors: [{ field }] } })

describe('the text', () => {
  test('of a code, and of its resends with the try and the minutes that are left', async () => {
    const otp = shared()
    const number = newNumber()
    const { code } = await otp.send({ number })
    otp.pass(61)
    await otp.send({ number })
    otp.pass(478)
    await otp.send({ number })

    expect(await otp.texts(number)).toEqual([
      `${code} is your Patchcord code, try 3 of 3. It expires in 1 minute.`,
      `${code} is your Patchcord code, try 2 of 3. It expires in 8 minutes.`,
      `${code} is your Patchcord code. It expires in 10 minutes.`,
    ])
  })

  test('of a payment names the amount and the payee, at a resend too', async () => {
    const otp = shared()
    const number = newNumber()
    const { code } = await otp.send({ number, ...paying })
    otp.pass(30)
    await otp.send({ number, ...paying })

    expect(await otp.texts(number)).toEqual([
      `${code} is your Patchcord code to pay 12.50 EUR to Corner Shop, try 2 of 3. It expires in 9 minutes.`,
      `${code} is your Patchcord code to pay 12.50 EUR to Corner Shop. It expires in 10 minutes.`,
    ])
  })

  test('takes amount and payee as they are', async () => {
    const otp = shared()
    const number = newNumber()
    const { code } = await otp.send({ number, amount: '{{code}} $t(x)', payee: '<b>A&B</b> {{sender}}' })
    expect(await otp.sms(number)).toContain(
      `${code} is your Patchcord code to pay {{code}} $t(x) to <b>A&B</b> {{sender}}.`,
    )
  })

  test('names the token’s brand, else the sender of the policy', async () => {
    const otp = await openOtp({ policy: { sender: "'Rocket'" } })
    const [one, two] = [newNumber(), newNumber()]
    const token = await otp.newToken({ scopes: ['run:otp'], brand: 'Acme Bank' })
    await otp.send({ number: one })
    await otp.send({ number: two }, { token })
    expect(await otp.sms(one)).toContain('is your Rocket code')
    expect(await otp.sms(two)).toContain('is your Acme Bank code')
  })

  test('tells the validity of the policy', async () => {
    const otp = await openOtp({ policy: { validFor: "'5m'" } })
    const number = newNumber()
    expect(await otp.send({ number })).toMatchObject({ expiresIn: 300 })
    expect(await otp.sms(number)).toContain('expires in 5 minutes')
  })

  test('has the code within its first three words, in every language', async () => {
    const otp = shared()
    const languages = Object.keys(await readLocales(resolve(import.meta.dirname, '..', '..', 'locales')))
    expect(languages.length).toBeGreaterThan(40)
    for (const language of languages) {
      for (const [more, most] of [
        [{}, 1],
        [paying, 2],
      ] as const) {
        const number = newNumber()
        const sent = await otp.send({ number, language, ...more })
        const text = await otp.sms(number)
        expect(text.split(/\s+/).slice(0, 3).join(' ')).toContain(sent.code)
        expect(text).toContain('Patchcord')
        expect({ language, segments: sent.segments }).toEqual({ language, segments: countSegments(text).segments })
        expect(sent.segments).toBeLessThanOrEqual(most)
      }
    }
  })
})

describe('appHash', () => {
  test('makes the form of the Android SMS Retriever', async () => {
    const otp = shared()
    const number = newNumber()
    const { code, segments } = await otp.send({ number, appHash })
    const text = await otp.sms(number)
    expect(text).toBe(`<#> ${code} is your Patchcord code. It expires in 10 minutes.\n${appHash}`)
    expect(segments).toBe(countSegments(text).segments)
  })

  test('is kept for the resends, and another form replaces it', async () => {
    const otp = shared()
    const number = newNumber()
    const { id, code } = await otp.send({ number, appHash })
    otp.pass(30)
    await otp.post('/otp/resend', { id })
    expect((await otp.texts(number))[0]).toMatch(/^<#> .*try 2 of 3.*\nFA\+9qCX9VSu$/)
    otp.pass(30)
    await otp.post('/otp/resend', { id, domain: 'example.com' })
    expect((await otp.texts(number))[0]).toMatch(new RegExp(`^${code} .*\\n@example\\.com #${code}$`))
  })

  test('of a resend that is refused changes nothing', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number })
    otp.pass(10)
    expect((await otp.post('/otp/resend', { id, appHash, language: 'de' })).status).toBe(429)
    otp.pass(20)
    await otp.post('/otp/resend', { id })
    expect((await otp.texts(number))[0]).toMatch(/is your Patchcord code, try 2 of 3\. It expires in 9 minutes\.$/)
  })

  test('has 11 characters of base64', async () => {
    const otp = shared()
    for (const wrong of ['', 'FA+9qCX9VS', 'FA+9qCX9VSuu', 'FA-9qCX9VSu', 'FA+9qCX9VS\n', 'FA+9qCX9VS=']) {
      expect(await otp.post('/otp', { number: newNumber(), appHash: wrong })).toMatchObject(invalid('appHash'))
    }
  })
})

describe('domain', () => {
  test('makes the form that browsers fill in', async () => {
    const otp = shared()
    const number = newNumber()
    const { code } = await otp.send({ number, domain: 'login.example.com' })
    expect((await otp.sms(number)).split('\n')).toEqual([
      `${code} is your Patchcord code. It expires in 10 minutes.`,
      `@login.example.com #${code}`,
    ])
  })

  test('is a bare host, and not both', async () => {
    const otp = shared()
    const bad = [
      '',
      'https://example.com',
      'example.com/x',
      'example.com:443',
      'a b.com',
      '-a.com',
      'example.com\n',
      '@example.com',
    ]
    for (const domain of bad) {
      expect(await otp.post('/otp', { number: newNumber(), domain }), domain).toMatchObject(invalid('domain'))
    }
    const both = await otp.post('/otp', { number: newNumber(), domain: 'example.com', appHash })
    expect(both).toMatchObject(invalid('domain'))
  })
})

describe('more than two segments', () => {
  /** A host name of so many characters. */
  const hostOf = (length: number): string =>
    `${`${'a'.repeat(49)}.`.repeat(5).slice(0, length - 4)}.com`.replace('..', 'a.')

  test('are refused before anything is sent or counted', async () => {
    const otp = shared()
    const number = newNumber()
    const long = await otp.post('/otp', { number, domain: hostOf(240), ...paying })
    expect(long).toMatchObject(invalid('domain'))
    const thai = await otp.post('/otp', { number, language: 'th', domain: hostOf(120), ...paying })
    expect(thai).toMatchObject(invalid('domain'))
    expect((await otp.send({ number })).sendsLeft).toBe(2)
  })

  test('are refused at a resend too, whatever part of the text is the earlier one', async () => {
    const otp = shared()
    const number = newNumber()
    const { id } = await otp.send({ number, language: 'th', ...paying })
    otp.pass(30)
    expect(await otp.post('/otp/resend', { id, domain: hostOf(120) })).toMatchObject(invalid('domain'))
    expect((await otp.post('/otp/status', { id })).body).toMatchObject({ sendsLeft: 2, resendIn: 0 })
    expect((await otp.post('/otp/resend', { id })).body.segments).toBeLessThanOrEqual(2)
  })

  test('are not reached by the count of tries, which is left out before', async () => {
    const otp = shared()
    const number = newNumber()
    const textOf = (domain: string) => `000000 is your Patchcord code. It expires in 10 minutes.\n@${domain} #000000`
    let length = 100
    while (countSegments(textOf(hostOf(length + 1))).segments <= 2) length++
    expect(await otp.post('/otp', { number, domain: hostOf(length + 1) })).toMatchObject(invalid('domain'))
    await otp.send({ number, domain: hostOf(length) })
    otp.pass(30)
    expect(await otp.send({ number, domain: hostOf(length) })).toMatchObject({ segments: 2 })
  })
})

test('the script counts segments as the engine does', () => {
  const septets = [...'@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&()*+,-./019:;<=>?¡AZÄÖÑÜ§¿azäöñüà']
  const characters = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...septets) },
    { weight: 3, arbitrary: fc.constantFrom(...'^{}[]\\~|€\f') },
    { weight: 1, arbitrary: fc.constantFrom('я', '中', '👍', '\ud83d', '\udc4d', 'ç', '\u00a0', '\u0000') },
  )
  const text = fc.oneof(
    fc.string({ unit: characters, maxLength: 340 }),
    fc.string({ unit: fc.constantFrom(...septets, '€', '^'), minLength: 150, maxLength: 320 }),
    fc.string({ unit: fc.constantFrom('я', '👍'), minLength: 60, maxLength: 220 }),
    fc.string({ unit: 'binary', maxLength: 200 }),
  )
  fc.assert(
    fc.property(text, any => {
      expect(countInScript(any)).toBe(countSegments(any).segments)
    }),
    { numRuns: 3_000 },
  )
})
