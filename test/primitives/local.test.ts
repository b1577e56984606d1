// What needs no engine: texts, numbers, secrets, log lines.

import { expect, test } from 'vitest'

import { createTestEngine, shareEngine } from '../helpers.ts'

// Values that people and programs pass by mistake.
const oddities = `
const circle = {}
circle.circle = circle
const odd = [undefined, null, 0, NaN, 1e21, 7n, true, '', '\\u0000', '\\ud800', 'x'.repeat(1e5), '{{', '$t(otp)', [], [1], {}, circle,
  Symbol('s'), () => 1, new Date(NaN), /x/, Object.create(null), new Map(), { toString() { throw new Error('trap') } },
  { toJSON() { throw new Error('trap') } }, new Proxy({}, { get() { throw new Error('trap') } }), '__proto__', 'constructor']
`

// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = {}
const shared = shareEngine({ files })

files['odd.ts'] = `${oddities}
  export default () => odd.map(value => [
    typeof t(value), typeof t('errors.expired', value), typeof t('errors.expired', {}, value), typeof t('otp.message', { code: value, count: value }),
    typeof language(value), typeof language(null, value), typeof secret(value),
    parseNumber(value).valid, parseNumber('12125551212', value).valid, parseNumber('12125551212', { country: value }).valid,
  ])
  export const none = () => [typeof t(), language(), parseNumber().valid]`
test('t, language, parseNumber and secret never throw, whatever they are given', async () => {
  const { post } = shared()

  const { status, body } = await post('/odd', {})

  expect(status).toBe(200)
  for (const [index, [valid, , , ...rest]] of body
    .map((row: unknown[]) => [row[7], row[8], row[9], ...row.slice(0, 7)])
    .entries()) {
    expect(rest, `value ${index}`).toEqual(Array(7).fill('string'))
    expect(valid, `value ${index}`).toBe(false)
  }
  expect((await post('/odd/none', {})).body).toEqual(['string', 'en', false])
})

files['texts.ts'] = `
  const say = () => t('errors.too_soon', { count: 2 }, 'en')
  export default () => {
    const before = say()
    for (const values of [
      { interpolation: { prefix: '((', suffix: '))' } }, { interpolation: { prefix: '(' } }, { interpolation: { format: 1 } },
      { lng: 'de' }, { lngs: ['de'] }, { fallbackLng: 'de' }, { ns: 'x' }, { keySeparator: false }, { nsSeparator: '.' },
      { returnObjects: true }, { returnDetails: true }, { joinArrays: '' }, { postProcess: 'x' }, { replace: 1 }, { context: 'x' },
      { defaultValue: 'x' }, { count: 'x' }, { ordinal: true },
    ]) t('errors.too_soon', values, 'en')
    return [before, say()]
  }`
test('one odd question does not change what the next one is told', async () => {
  const { post } = shared()

  const [before, after] = (await post('/texts', {})).body

  expect(before).toMatch(/wait 2 seconds/)
  expect(after).toBe(before)
})

files['speaking.ts'] = `export default ({ wanted }) => t('otp.guide.expired', {}, wanted)`
test('t speaks the language of the request unless it is told another', async () => {
  const { post } = shared()
  const english = /expired/

  const german = (await post('/speaking', { language: 'de' })).body as string
  expect(german).not.toMatch(english)
  expect((await post('/speaking', {}, { headers: { 'accept-language': 'xx, de;q=0.9, en;q=0.5' } })).body).toBe(german)
  expect((await post('/speaking', { wanted: 'de_AT' })).body).toBe(german)
  expect((await post('/speaking', { language: 'de', wanted: 'en' })).body).toMatch(english)
  expect((await post('/speaking', { language: 'klingon' })).body).toMatch(english)
})

files['lang.ts'] = `export default ({ asked }) => asked.map(([wanted, country]) => language(wanted, country))`
test('language names the shipped language for a wish or a country', async () => {
  const { post } = shared()

  const asked = [
    ['PT_br'],
    ['pt-AO'],
    ['iw'],
    ['no'],
    ['zh-Hant'],
    [null, 'DE'],
    ['xx', 'FR'],
    ['', 'zz'],
    [null, null],
  ]
  expect((await post('/lang', { asked })).body).toEqual(['pt-BR', 'pt', 'he', 'nb', 'zh-TW', 'de', 'fr', 'en', 'en'])
})

files['parse.ts'] = `export default ({ text, country }) => parseNumber(text, { country })`
test('parseNumber reads what people type', async () => {
  const { post } = shared()

  expect((await post('/parse', { text: '(0151) 123-456 78', country: 'de' })).body).toMatchObject({
    valid: true,
    e164: '+4915112345678',
    country: 'DE',
    countryName: 'Germany',
    type: 'MOBILE',
    national: expect.any(String),
    example: expect.stringMatching(/^\+49 /),
    test: false,
  })
  expect((await post('/parse', { text: '٠٠٤٩١٥١١٢٣٤٥٦٧٨' })).body).toMatchObject({
    valid: true,
    e164: '+4915112345678',
  })
  expect((await post('/parse', { text: 'hello', country: 'DE' })).body).toMatchObject({
    valid: false,
    e164: null,
    type: null,
    national: null,
    country: 'DE',
    example: expect.stringMatching(/^\+49 /),
  })
})

test('a secret is a placeholder and never the secret', async () => {
  const { post } = await createTestEngine({
    files: { 'crm.ts': `export default () => [secret('CRM_KEY'), secret('OTHER')]` },
    config: { scripts: { crm: { secrets: { CRM_KEY: 'hunter2 is the key' } } } },
  })

  const { body } = await post('/crm', {})

  expect(body).toEqual([expect.stringContaining('CRM_KEY'), expect.stringContaining('OTHER')])
  expect(JSON.stringify(body)).not.toContain('hunter2')
})

files['chat.ts'] = `export default ({ code, number }) => {
  log.info('code', code, { number, small: 123 })
  log.warn(new Error('failed for ' + number))
  log.error('spaced', '12 34 56', undefined, null, 7n, Symbol('s'))
  return { code, number, text: 'the code is ' + code }
}`
test('log lines go into the trace, with digits masked', async () => {
  const { post, get, readLog } = shared()

  const { headers } = await post('/chat', { code: '482913', number: '+4915112345678' })
  const { body } = await get(`/admin/runs/${headers.get('x-run-id')}`)

  const [info, warn, error] = body.trace.logs
  expect(info).toMatchObject({ level: 'info', text: 'code ****** {"number":"+*************","small":123}' })
  expect(warn).toMatchObject({ level: 'warn', text: expect.stringMatching(/failed for \+\*{13}/) })
  expect(error).toMatchObject({
    level: 'error',
    text: expect.stringMatching(/^spaced \*{8} undefined null 7 Symbol\(s\)$/),
  })
  expect(JSON.stringify(body)).not.toMatch(/482913|15112345678|12 34 56/)
  expect(await readLog()).not.toMatch(/482913|15112345678/)
})

files['logging.ts'] =
  `${oddities} export default () => { for (const value of odd) log.info(value); log.warn(); return 'fine' }`
test('log takes anything', async () => {
  const { post } = shared()

  expect(await post('/logging', {})).toMatchObject({ status: 200, body: 'fine' })
})
