import { expect, test } from 'vitest'

import { createTestEngine, shareEngine } from '../helpers.ts'
import { outcomeOf } from './outcome.ts'

// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = {}
const shared = shareEngine({ files })

files['hasty.ts'] = `
  export default (_, call) => {
    for (let n = 0; n < 10; n++) void storage.set('hasty:' + n, n)
    void sendSms({ to: '+12125551212', text: 'soon' })
    return call.id
  }
  export const look = async () => (await storage.list('hasty')).length`
test('calls that nobody waits for are finished before the answer leaves', async () => {
  const { post, engine } = shared()

  const { body: runId } = await post('/hasty', {})

  expect(await engine.outbox.get(`${runId}.1`)).toMatchObject({ to: '+12125551212' })
  expect((await post('/hasty/look', {})).body).toBe(10)
})

files['leaving.ts'] = `
  export default ({ how }) => {
    void storage.set('left:' + how, true)
    throw how === 'refuse' ? refuse('nope') : new Error('oops')
  }
  export const look = async () => (await storage.list('left')).map(({ key }) => key).sort()`
test('so they are when the script throws or refuses', async () => {
  const { post } = shared()

  expect(await post('/leaving', { how: 'refuse' })).toMatchObject({ status: 400 })
  expect(await post('/leaving', { how: 'throw' })).toMatchObject({ status: 500 })
  expect((await post('/leaving/look', {})).body).toEqual(['left:refuse', 'left:throw'])
})

files['trap.ts'] = `
  const trap = { get ttl() { throw new Error('no luck') } }
  export default async () => {
    const calls = [sendSms(trap), storage.set('key', 1, trap), storage.update('key', () => 1, trap)]
    return (await Promise.allSettled(calls)).map(({ reason }) => reason.message)
  }
  export const look = async () => (await storage.get('key')) ?? 'nothing'`
test('options that cannot be read reject the call; it does not throw', async () => {
  const { post } = shared()

  expect((await post('/trap', {})).body).toEqual(['no luck', 'no luck', 'no luck'])
  expect((await post('/trap/look', {})).body).toBe('nothing')
})

test('a failed call that nobody waited for is script_error, with the line of the call', async () => {
  const engine = await createTestEngine({
    files: {
      'careless.ts': `export default () => {
  void sendSms({ to: 'nobody', text: 'x' })
  return 'sent'
}
export function refused() {
  sendSms({ to: '+4915112345678', text: 'x' })
  return 'sent'
}
export function odd() {
  void storage.set('key', 1n)
  return 'stored'
}
export function nothing() {
  void storage.update('key')
  return 'updated'
}
`,
    },
    config: { scripts: { careless: { countries: ['US'] } } },
  })

  for (const [path, place] of [
    ['/careless', '2:8'],
    ['/careless/refused', '6:3'],
    ['/careless/odd', '10:16'],
    ['/careless/nothing', '14:16'],
  ] as const) {
    const answer = await engine.post(path, {})
    expect(answer, path).toMatchObject({ status: 500, body: { code: 'script_error' } })
    expect((await outcomeOf(engine, answer)).detail, path).toContain(`careless.ts:${place}`)
  }
})

files['careful.ts'] = `
  const bad = () => sendSms({ to: 'nobody', text: 'x' })
  const ways = {
    caught: async () => { try { await bad() } catch (error) { return error.message.slice(0, 7) } },
    ignored: () => { bad().catch(() => {}); return 'ok' },
    second: () => { bad().then(undefined, () => {}); return 'ok' },
    later: async () => { const sms = bad(); await storage.get('key'); return sms.catch(() => 'late') },
    settled: async () => (await Promise.allSettled([bad(), storage.get('key')]))[0].status,
    any: () => Promise.any([bad(), storage.set('any', 1)]),
    race: async () => { try { return await Promise.race([bad(), new Promise(() => {})]) } catch { return 'lost' } },
    odd: async () => { try { await storage.set('key', 1n) } catch (error) { return error.name } },
    nothing: async () => { try { await storage.update('key') } catch (error) { return error.name } },
  }
  export default ({ way }) => ways[way]()`
test('a failed call that the script deals with is the script’s own matter', async () => {
  const { post } = shared()

  for (const [way, answer] of Object.entries({
    caught: 'sendSms',
    ignored: 'ok',
    second: 'ok',
    later: 'late',
    settled: 'rejected',
    any: true,
    race: 'lost',
    odd: 'TypeError',
    nothing: 'TypeError',
  })) {
    expect(await post('/careful', { way }), way).toMatchObject({ status: 200, body: answer })
  }
})

files['plain.ts'] = `export default async () => {\n  await storage.get('')\n}\n`
test('a failed call that is awaited and not caught carries the line of the call', async () => {
  const engine = shared()

  const { detail } = await outcomeOf(engine, await engine.post('/plain', {}))

  expect(detail).toMatch(/^Error: storage\.get: key .*\n.*plain\.ts:2:17/)
})

files['late.ts'] = `
  export default () => {
    storage.get('key').then(() => storage.set('late', true)).catch(error => log.info(error.message))
    return 'answered'
  }
  export const look = async () => await storage.get('late') ?? 'nothing'`
test('calls after the answer are refused', async () => {
  const { post, get } = shared()

  const answer = await post('/late', {})

  expect(answer).toMatchObject({ status: 200, body: 'answered' })
  expect((await post('/late/look', {})).body).toBe('nothing')
  const { body } = await get(`/admin/runs/${answer.headers.get('x-run-id')}`)
  expect(body.trace.calls).toHaveLength(1)
})

files['order.ts'] = `
  export default async () => {
    const order = []
    const calls = ['a', 'b', 'c', 'd'].map(key => storage.get(key).then(() => order.push(key)))
    const first = await Promise.race(['a', 'b'].map(key => storage.get(key).then(() => key)))
    await Promise.all(calls)
    return { first, order }
  }`
test('answers come in the order in which the engine had them', async () => {
  const { post } = shared()

  expect((await post('/order', {})).body).toEqual({ first: 'a', order: ['a', 'b', 'c', 'd'] })
})

files['wide.ts'] = `export default () => Promise.all(Array.from({ length: 20 }, (_, n) => storage.get('k' + n)))`
test('parallel calls take one turn', async () => {
  const { post, get } = shared()

  const { headers } = await post('/wide', {})

  const { body } = await get(`/admin/runs/${headers.get('x-run-id')}`)
  expect(body.trace.turns[0].calls).toEqual(Array(20).fill('storage.get'))
})
