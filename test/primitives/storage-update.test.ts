import { expect, test } from 'vitest'

import { createTestEngine, shareEngine, type TestEngine } from '../helpers.ts'

const updating = `
const changes = {
  count: value => (value ?? 0) + 1,
  same: value => value,
  remove: () => undefined,
  fail: () => { throw new RangeError('not today') },
  refuse: () => { throw refuse('sold_out', { status: 409 }) },
  later: async value => (value ?? 0) + 1,
  function: () => () => 1,
  bigint: () => 1n,
  sends: value => { void sendSms({ to: '+12125551212', text: 'inside' }); return 'sent' },
  sendsQuietly: value => { try { void storage.set('side', 1) } catch {} return 'quiet' },
  codes: () => generateCode().length,
}
export default async ({ key = 'key', how, options }) => {
  try {
    return { is: await storage.update(key, changes[how], options) }
  } catch (error) {
    if (how === 'refuse') throw error
    return { error: error.name + ': ' + error.message }
  }
}
export const get = async ({ key = 'key' }) => ({ is: await storage.get(key) })
export const set = ({ key = 'key', value, options }) => storage.set(key, value, options)
`

const engine = shareEngine({ files: { 'up.ts': updating } })
let tests = 0

/** As an engine for one test: where it names no key, it has one of its own. */
function ownKey(): Pick<TestEngine, 'post' | 'get' | 'printed'> {
  const { post, get, printed } = engine()
  const key = `key${++tests}`
  return { get, printed, post: (path, body) => post(path, { key, ...(body as object) }) }
}

test('an update gets the value, and answers with what its function made of it', async () => {
  const { post } = ownKey()

  expect((await post('/up', { how: 'count' })).body).toEqual({ is: 1 })
  expect((await post('/up', { how: 'count' })).body).toEqual({ is: 2 })
  expect((await post('/up', { how: 'same' })).body).toEqual({ is: 2 })
  expect((await post('/up', { how: 'codes' })).body).toEqual({ is: 6 })
  expect((await post('/up/get', {})).body).toEqual({ is: 6 })
})

test('undefined deletes', async () => {
  const { post } = ownKey()

  await post('/up/set', { value: 'there' })
  expect((await post('/up', { how: 'remove' })).body).toEqual({})
  expect((await post('/up/get', {})).body).toEqual({})
  expect((await post('/up', { how: 'remove' })).body).toEqual({})
})

test.for([
  ['throws', 'fail', 'RangeError: not today'],
  ['is asynchronous', 'later', 'has to be synchronous'],
  ['returns a function', 'function', 'no JSON'],
  ['returns what JSON cannot hold', 'bigint', 'BigInt'],
  ['calls a primitive', 'sends', 'may not call a primitive'],
] as const)('a function that %s writes nothing, and its error can be caught', async ([, how, error]) => {
  const { post, printed } = ownKey()
  await post('/up/set', { value: 'before' })

  const { status, body } = await post('/up', { how })

  expect({ status, body }).toEqual({ status: 200, body: { error: expect.stringContaining(error) } })
  expect((await post('/up/get', {})).body).toEqual({ is: 'before' })
  expect((await post('/up', { how: 'remove' })).status).toBe(200)
  expect(printed).toEqual([])
})

test('a refusal thrown inside an update is a refusal', async () => {
  const { post } = ownKey()

  expect(await post('/up', { how: 'refuse' })).toMatchObject({ status: 409, body: { code: 'sold_out' } })
})

test('a primitive that is called inside the function has no effect', async () => {
  const { post } = ownKey()

  expect((await post('/up', { how: 'sendsQuietly' })).body).toEqual({ is: 'quiet' })
  expect((await post('/up/get', { key: 'side' })).body).toEqual({})
})

test('two hundred updates of one key at once are all counted, each once', async () => {
  const { post } = ownKey()

  const answers = await Promise.all(Array.from({ length: 200 }, () => post('/up', { how: 'count' })))

  expect(answers.map(({ body }) => body.is).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 200 }, (_, n) => n + 1),
  )
  expect((await post('/up/get', {})).body).toEqual({ is: 200 })
})

test('so are updates of one run at once', async () => {
  const { post } = await createTestEngine({
    files: {
      'up.ts': `export default () =>
        Promise.all(Array.from({ length: 20 }, () => storage.update('key', (value = 0) => value + 1)))`,
    },
  })

  expect((await post('/up', {})).body).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
})

test('an update counts as one call', async () => {
  const { post, get } = ownKey()

  const { headers } = await post('/up', { how: 'count' })

  const { body } = await get(`/admin/runs/${headers.get('x-run-id')}`)
  expect(body.trace.limits.hostCalls.used).toBe(1)
})

test('an update keeps the lifetime of its key unless it sets one', async () => {
  let now = 1_700_000_000_000
  const { post } = await createTestEngine({ files: { 'up.ts': updating }, clock: () => now })
  for (const key of ['kept', 'longer', 'same']) await post('/up/set', { key, value: 1, options: { ttl: 60 } })

  now += 50_000
  await post('/up', { key: 'kept', how: 'count' })
  await post('/up', { key: 'longer', how: 'count', options: { ttl: 60 } })
  await post('/up', { key: 'same', how: 'same', options: { ttl: 60 } })
  now += 20_000

  expect((await post('/up/get', { key: 'kept' })).body).toEqual({})
  expect((await post('/up/get', { key: 'longer' })).body).toEqual({ is: 2 })
  expect((await post('/up/get', { key: 'same' })).body).toEqual({ is: 1 })
})
