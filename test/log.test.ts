// What the engine writes to its log: enough to follow a message, nothing that a
// log must not hold.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createLog, maskDigits } from '../engine/log.ts'
import { createTestEngine, newFolder, until } from './helpers.ts'

const number = '+12015550123'
const inboundNumber = '+12015550199'
const spellings = ['2015550123', '201-555-0123', '(201) 555-0123', '201 555 0123', '5550123', '5550199', '4 8 2 9 1 3']

const chatty = `
  export default async ({ number }) => {
    const code = generateCode()
    log.info('code', code, 'for', number)
    await sendSms({ to: number, text: 'Your code is ' + code, ref: number, validFor: '10m' })
    await storage.set('code:' + number, code)
    await schedule('remind', { number, code }, { after: 0.01 })
    return { code }
  }
  export const broken = async ({ number }) => { throw new Error('cannot reach ' + number + ' with 482913') }
  export const thrower = async ({ number }) => { throw number }
  export const spaced = async ({ number }) => { throw [...number, 'x', ...'482913'].join(' ') }
  export const placed = async ({ number }) => { throw new Error('at ' + number + ':48:2913') }
  export const forged = async ({ number }) => { throw { message: '', stack: '    at x (' + number + ':1:1)' } }
  export const no = async ({ number }) => { throw refuse('too_soon', { status: 429, number, code: '482913' }) }
  export const named = async ({ number }) => { throw refuse('no_' + number.slice(1), { status: 422 }) }
  export const warnings = ['ask ${number} about 482913']
  export const leak = async ({ number }) => { void sendSms({ to: 'tel:' + number, text: '482913' }); return 1 }
  export const onSms = async ({ from }) => { await sendSms({ to: from, text: '482913' }) }
  export const onReport = async report => { log.warn(report.ref); throw new Error(report.ref + ' 482913') }
  export const onTimer = async ({ data }) => { log.info(data.number, data.code); throw new Error(data.number + data.code) }
`

describe('the log at debug level', () => {
  test('follows a message by its masked number, and holds no number and no code', async () => {
    const engine = await createTestEngine({
      scripts: ['sms', 'otp'],
      files: { 'chatty.ts': chatty },
      log: 'debug',
      config: {
        carriers: {
          main: { driver: 'loopback', receiptAfterMs: 0, receipt: 'rejected', failures: ['later', 'elsewhere'] },
        },
        inbound: [{ to: '+15005550006', script: 'chatty' }],
      },
    })
    const { post, get, call, sms } = engine
    const codes: string[] = ['482913']
    const secrets = () => [number, inboundNumber, ...spellings, ...codes, engine.token, engine.token.slice(-43)]

    const first = await post('/chatty', { number })
    codes.push(first.body.code)
    const otp = await post('/otp', { number: inboundNumber, language: 'en' })
    expect(otp.status).toBe(200)
    codes.push(otp.body.code)
    await post('/otp/check', { id: otp.body.id, code: '000000' })
    await post('/otp/check', { id: otp.body.id, code: otp.body.code })
    await post('/sms', { number: '(201) 555-0123', text: '482913' })
    for (const action of ['broken', 'thrower', 'spaced', 'placed', 'forged', 'no', 'named', 'leak'])
      await post(`/chatty/${action}`, { number })
    await post('/admin/loopback/inbound', { from: inboundNumber, to: '+15005550006', text: `code ${first.body.code}` })
    await post('/admin/loopback/inbound', { from: inboundNumber, to: number, text: '482913' })
    await get(`/admin/messages?number=${encodeURIComponent(number)}`)
    await get(`/${number}?code=482913`)
    await call('POST', `/otp?number=${number}`, { body: `{"number":"${number}` })
    await call('POST', '/otp', { body: '{}', headers: { 'idempotency-key': number } })
    await sms(inboundNumber)
    await engine.writeScript('chatty.ts', `${chatty}\nlet x = '${number}' '482913'`)

    const log = await until(async () => {
      const text = await engine.readLog()
      const done = [
        '"trigger":"timer"',
        '"trigger":"report"',
        '"trigger":"sms"',
        'script not loaded',
        '"delivery attempt"',
      ]
      return done.every(part => text.includes(part)) ? text : undefined
    })
    await engine.stop()
    const whole = log + (await engine.readLog())

    expect(whole).toContain('+1201*****23')
    expect(whole).toContain('+1201*****99')
    for (const secret of secrets()) expect(whole.includes(secret), secret).toBe(false)
    for (const line of whole.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) })
  })
})

describe('a log', () => {
  test('leaves out what is below its level, and everything when it is silent', async () => {
    const folder = await newFolder()
    const path = (level: string) => join(folder, level)
    for (const level of ['silent', 'warn'] as const) {
      await writeFile(path(level), '')
      const log = createLog(level, path(level))
      for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each](`at ${each}`)
      // The file is opened behind our back.
      await until(async () => {
        log.flush()
        return level === 'silent' || (await readFile(path(level), 'utf8')).includes('at error') || undefined
      })
    }

    const lines = (await readFile(path('warn'), 'utf8')).trim().split('\n')
    expect(lines.map(line => (JSON.parse(line) as { msg: string }).msg)).toEqual(['at warn', 'at error'])
    expect(await readFile(path('silent'), 'utf8')).toBe('')
  })

  test('masks every run of four and more digits, of any script and however it is written', () => {
    expect(maskDigits('123 is short')).toBe('123 is short')
    expect(maskDigits('code 1234')).toBe('code ****')
    expect(maskDigits('+1 (201) 555-0123')).toBe('+****************')
    expect(maskDigits('1-2-3-4')).toBe('*******')
    expect(maskDigits('\u0661\u0662\u0663\u0664')).toBe('****')
    expect(maskDigits('a1b2c3d4')).toBe('a1b2c3d4')
    expect(maskDigits('12:34:56')).toBe('12:34:56')
  })
})
