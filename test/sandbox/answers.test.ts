import { expect, test } from 'vitest'

import { shareEngine } from '../helpers.ts'
import { outcomeOf } from './outcome.ts'

const refusing = `export default ({ code, facts }) => {
  throw refuse(code, facts)
}`
// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = { 'no.ts': refusing }
const shared = shareEngine({ files })

test('a refusal answers with its code, its status and its facts', async () => {
  const { post } = shared()

  const answer = await post('/no', {
    code: 'out_of_stock',
    facts: { status: 409, item: 'tea', left: { boxes: 0 }, retryAfter: 7 },
  })

  expect(answer.status).toBe(409)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.headers.get('retry-after')).toBe('7')
  expect(answer.body).toEqual({
    type: 'about:blank',
    title: 'Out of stock',
    status: 409,
    code: 'out_of_stock',
    detail: 'Out of stock',
    item: 'tea',
    left: { boxes: 0 },
    retryAfter: 7,
  })
})

test('a refusal has a status from 400 to 499, and 400 when it asks for another', async () => {
  const { post } = shared()

  for (const [status, answered] of [
    [400, 400],
    [418, 418],
    [499, 499],
    [399, 400],
    [500, 400],
    [200, 400],
    [451.5, 400],
    ['404', 400],
    [undefined, 400],
  ]) {
    const { status: got, body } = await post('/no', { code: 'nope', facts: { status } })
    expect([got, body.status], String(status)).toEqual([answered, answered])
  }
})

test('the detail of a refusal is the text of the locale, else its fact, else the title', async () => {
  const { post } = shared()

  const known = await post('/no', { code: 'expired', facts: { status: 410, detail: 'mine' }, language: 'de' })
  const own = await post('/no', { code: 'sold_out', facts: { detail: 'No tea is left.' } })
  const none = await post('/no', { code: 'sold_out' })

  expect(known.body.detail).toMatch(/Code/)
  expect(known.body.detail).not.toBe('mine')
  expect(own.body).toMatchObject({ title: 'Sold out', detail: 'No tea is left.' })
  expect(none.body).toMatchObject({ title: 'Sold out', detail: 'Sold out' })
})

test('facts cannot take the place of what the engine says', async () => {
  const { post } = shared()

  const { body } = await post('/no', { code: 'nope', facts: { code: 'yes', type: 'x', title: 'y', status: 444 } })

  expect(body).toEqual({ type: 'about:blank', title: 'Nope', status: 444, code: 'nope', detail: 'Nope' })
})

files['odd.ts'] = `
  const circle = {}
  circle.circle = circle
  const refusals = [
    () => refuse(),
    () => refuse(42),
    () => refuse('NOT A CODE'),
    () => refuse('a', null),
    () => refuse('a', [1]),
    () => refuse('a', circle),
    () => refuse('a', { big: 1n }),
    () => refuse('a', { get trap() { throw new Error('trap') } }),
  ]
  export default ({ n }) => { throw refusals[n]() }`
test('a refusal with odd arguments is still a refusal', async () => {
  const { post } = shared()

  const codes = []
  for (let n = 0; n < 8; n++) {
    const { status, body } = await post('/odd', { n })
    expect(status).toBe(400)
    codes.push(body.code)
  }
  expect(codes).toEqual(['refused', 'refused', 'refused', 'a', 'a', 'a', 'a', 'a'])
})

files['echo.ts'] = `export default ({ value }) => value`
test('a script answers with JSON as it is', async () => {
  const { post } = shared()

  for (const value of [
    null,
    true,
    0,
    -1.5e300,
    '',
    'tab\tline\nquote"\u2028\u0000\ud83d\ude00',
    [],
    {},
    [[1, [2]], { a: null }],
    { ['__proto__x']: 1, constructor: 'c', then: 'no function' },
  ]) {
    expect(await post('/echo', { value })).toMatchObject({ status: 200, body: value })
  }
})

files['void.ts'] = `
  export default () => {}
  export const inside = () => ({ kept: null, gone: undefined, list: [undefined], when: new Date(0) })`
test('undefined is null in the answer, and fields that are undefined are left out', async () => {
  const { post } = shared()

  expect(await post('/void', {})).toMatchObject({ status: 200, body: null })
  expect((await post('/void/inside', {})).body).toEqual({ kept: null, list: [null], when: '1970-01-01T00:00:00.000Z' })
})

files['unanswerable.ts'] = `
  const circle = {}
  circle.inside = [circle]
  const answers = {
    function: () => () => 1,
    method: () => ({ call() {} }),
    bigint: () => 1n,
    bigints: () => [{ n: 1n }],
    circular: () => circle,
    nan: () => NaN,
    infinite: () => ({ deep: [Infinity] }),
    symbol: () => Symbol('s'),
    trap: () => ({ toJSON() { throw new Error('trap') } }),
  }
  export default ({ what }) => answers[what]()`
test('an answer that JSON cannot hold is script_error', async () => {
  const engine = shared()

  for (const what of ['function', 'method', 'bigint', 'bigints', 'circular', 'nan', 'infinite', 'symbol', 'trap']) {
    expect(await engine.post('/unanswerable', { what }), what).toMatchObject({
      status: 500,
      body: { code: 'script_error' },
    })
  }
  const { detail } = await outcomeOf(engine, await engine.post('/unanswerable', { what: 'nan' }))
  expect(detail).toContain('JSON cannot hold')
})
