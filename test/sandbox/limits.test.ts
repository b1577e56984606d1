import { expect, test } from 'vitest'

import { createTestEngine, shareEngine, until } from '../helpers.ts'
import { outcomeOf } from './outcome.ts'

const limited = { status: 500, body: { code: 'script_limit' } }

// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = {}
const shared = shareEngine({ files })

test('a run has fifty host calls, and cannot catch the end of them', async () => {
  const { post } = await createTestEngine({
    files: {
      'busy.ts': `
        export default async ({ calls }) => {
          for (let n = 0; n < calls; n++) {
            try {
              await storage.increment('calls')
            } catch {
              return 'caught'
            } finally {
              if (n === 50) await storage.set('after', true)
            }
          }
          return 'done'
        }
        export const parallel = ({ calls }) =>
          Promise.allSettled(Array.from({ length: calls }, () => storage.increment('parallel'))).then(all => all.length)
        export const look = async () => [await storage.get('calls'), await storage.get('parallel'), await storage.get('after') ?? null]`,
    },
  })

  expect(await post('/busy', { calls: 50 })).toMatchObject({ status: 200, body: 'done' })
  expect(await post('/busy', { calls: 51 })).toMatchObject(limited)
  expect(await post('/busy/parallel', { calls: 50 })).toMatchObject({ status: 200, body: 50 })
  expect(await post('/busy/parallel', { calls: 51 })).toMatchObject(limited)
  expect((await post('/busy/look', {})).body).toEqual([100, 100, null])
})

test('the operator may grant more calls, or fewer', async () => {
  const files = {
    'busy.ts': `export default ({ calls }) =>
      Promise.all(Array.from({ length: calls }, () => storage.increment('calls'))).then(all => all.length)`,
  }
  const generous = await createTestEngine({ files, config: { engine: { scriptHostCalls: 120 } } })
  const strict = await createTestEngine({ files, config: { engine: { scriptHostCalls: 2 } } })

  expect(await generous.post('/busy', { calls: 120 })).toMatchObject({ status: 200, body: 120 })
  expect(await generous.post('/busy', { calls: 121 })).toMatchObject(limited)
  expect(await strict.post('/busy', { calls: 2 })).toMatchObject({ status: 200, body: 2 })
  expect(await strict.post('/busy', { calls: 3 })).toMatchObject(limited)
})

files['many.ts'] = `
  export default async ({ count }) => {
    for (let n = 1; n <= count; n++) {
      try {
        await sendSms({ to: '+12125551212', text: 'message ' + n })
      } catch {
        return 'caught'
      }
    }
    return 'done'
  }`
test('a run has five messages', async () => {
  const engine = shared()

  expect(await engine.post('/many', { count: 5 })).toMatchObject({ status: 200, body: 'done' })
  const sixth = await engine.post('/many', { count: 6 })

  expect(sixth).toMatchObject(limited)
  expect((await outcomeOf(engine, sixth)).detail).toContain('messages')
  await until(() => engine.printed.length >= 10)
  expect(engine.printed.filter(line => line.includes('message 6'))).toEqual([])
})

files['large.ts'] = `
  export const put = ({ length, letter = 'x' }) => storage.set('large', letter.repeat(length)).catch(() => 'caught')
  export const get = () => storage.get('large')
  export const say = ({ length }) => 'x'.repeat(length)
  export const pile = async () => {
    for (let n = 0; n < 3; n++) await storage.set('pile:' + n, 'x'.repeat(30_000))
    return storage.list('pile')
  }
  export const swell = () => storage.update('swell', () => 'x'.repeat(70_000)).catch(() => 'caught')`
test('a value of more than 64 KB crosses the border in neither direction', async () => {
  const { post } = shared()

  expect(await post('/large/put', { length: 65_000 })).toMatchObject({ status: 200, body: true })
  expect((await post('/large/get', {})).body).toHaveLength(65_000)
  expect(await post('/large/put', { length: 65_600 })).toMatchObject(limited)
  expect(await post('/large/say', { length: 65_000 })).toMatchObject({ status: 200 })
  expect(await post('/large/say', { length: 65_600 })).toMatchObject(limited)
  expect(await post('/large/pile', {})).toMatchObject(limited)
  expect(await post('/large/swell', {})).toMatchObject(limited)
})

files['letters.ts'] = `
  export const put = ({ letter, length }) => storage.set('letters', letter.repeat(length))
  export const get = async () => (await storage.get('letters')).length`
test('what a script could store it can read, whatever alphabet it is in', async () => {
  const { post } = shared()

  for (const letter of ['é', '中', '😀']) {
    const length = 60_000 / Buffer.byteLength(letter)
    expect(await post('/letters/put', { letter, length }), letter).toMatchObject({ status: 200, body: true })
    expect(await post('/letters/get', {}), letter).toMatchObject({ status: 200, body: length * letter.length })
  }
})

test('a run that is told more than its journal may hold ends, and is not begun again', async () => {
  const engine = await createTestEngine({
    files: {
      'reader.ts': `
        export default async ({ times }) => {
          await storage.set('page', 'x'.repeat(60_000))
          for (let n = 0; n < times; n++) await storage.get('page')
          return 'done'
        }`,
    },
  })

  expect(await engine.post('/reader', { times: 15 })).toMatchObject({ status: 200, body: 'done' })
  const answer = await engine.post('/reader', { times: 20 })

  expect(answer).toMatchObject(limited)
  expect((await outcomeOf(engine, answer)).detail).toContain('journal')
  expect(engine.engine.sandbox.stats().replays).toBe(0)
})

files['chatty.ts'] = `
  export default ({ asks }) => {
    for (let n = 0; n < asks; n++) n % 2 ? t('errors.expired') : parseNumber('+12125551212')
    return 'done'
  }
  export const logs = () => { for (let n = 0; n < 300; n++) log.info('line'.repeat(1000)) }`
test('questions to texts and numbers are counted, and so are log lines', async () => {
  const { post, get } = shared()

  expect(await post('/chatty', { asks: 1_000 })).toMatchObject({ status: 200, body: 'done' })
  expect(await post('/chatty', { asks: 1_001 })).toMatchObject(limited)
  const { headers } = await post('/chatty/logs', {})
  const { body } = await get(`/admin/runs/${headers.get('x-run-id')}`)
  expect(body.trace.logs).toHaveLength(200)
  expect(body.trace.logs[0].text).toHaveLength(2_000)
})

test('one run too many of a script is refused as overloaded, other scripts go on', async () => {
  const { post, get } = await createTestEngine({
    files: {
      'stuck.ts': `export default () => new Promise(() => {})`,
      'hello.ts': `export default () => 'hello'`,
    },
    config: { engine: { scriptRunsAtOnce: 3, scriptWallMs: 3_000 } },
  })

  const stuck = [post('/stuck', {}), post('/stuck', {}), post('/stuck', {})]
  await until(async () => (await get('/admin/runs?status=running')).body.runs.length === 3)
  const refused = await post('/stuck', {})

  expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded', retryAfter: 1 } })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await post('/hello', {})).toMatchObject({ status: 200, body: 'hello' })
  expect((await Promise.all(stuck)).map(({ body }) => body.code)).toEqual(Array(3).fill('script_timeout'))
  expect((await get('/admin/runs?script=stuck&status=running')).body.runs).toEqual([])
})
