import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, shareEngine, until, type TestEngine } from '../helpers.ts'

const shop = `
  export default async ({ to, text = 'hi' }) => sendSms({ to, text })
  export const count = async () => storage.increment('count')
  export const refusing = async () => {
    await storage.increment('count')
    throw refuse('no_more', { status: 418, retryAfter: 7 })
  }
  export const failing = async () => {
    await storage.increment('count')
    throw new Error('no')
  }
  export const later = async () => schedule('wake', null, { after: '1h' })
  export const onTimer = async () => {}
  export const tell = async () => { await storage.increment('count'); return { code: '123456', id: 'x' } }
  export const quiet = async (request, call) => {
    await Promise.all([storage.get('a'), storage.delete('none'), storage.list('a'), storage.set('a', 1, { ifAbsent: true })])
    return call.id
  }
  export const refusingAtOnce = async () => { throw refuse('no_more') }
  export const seen = async () => storage.get('count')
  export const hold = async () => {
    await storage.increment('count')
    while (await storage.get('held')) await null
    return 'done'
  }
  export const holdBack = async ({ held }) => { await storage.set('held', held) }
`
const files = { 'shop.ts': shop }
const to = '+12125551212'

// One engine for the tests that count what their own script has done, one that is asked once more too.
const shops = Array.from({ length: 7 }, (_, n) => `shop${n}`)
const shared = shareEngine({ files: Object.fromEntries(shops.map(name => [`${name}.ts`, shop])) })
const ownShop = (): { engine: TestEngine; script: string } => ({ engine: shared(), script: shops.pop()! })

const keyed = (engine: TestEngine, path: string, body: unknown, key: string, token = engine.token) =>
  engine.post(path, body, { token, headers: { 'idempotency-key': key } })

describe('the same key and body again', () => {
  test('is the first answer, marked as such, and nothing happens twice', async () => {
    const engine = await createTestEngine({ files })

    const first = await keyed(engine, '/shop', { to }, 'one')
    const again = await keyed(engine, '/shop', { to }, 'one')

    expect(first.status).toBe(200)
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    expect(again).toMatchObject({ status: 200, body: first.body })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('x-run-id')).toBe(first.headers.get('x-run-id'))
    expect(engine.engine.sandbox.history()).toHaveLength(1)
    expect(engine.engine.outbox.stats().accepted).toBe(1)
  })

  test('is compared as JSON, not as text', async () => {
    const engine = await createTestEngine({ files })
    const send = (body: string) =>
      engine.call('POST', '/shop', { body, headers: { 'idempotency-key': 'k' } }).then(answer => answer.status)

    expect(await send(`{"to":"${to}","text":"a","more":{"x":1,"y":[1.0,"\\u0041"]}}`)).toBe(200)
    expect(await send(`{ "more": {"y":[1,"A"],"x":1}, "text":"a", "to":"${to}" }`)).toBe(200)
    expect(await send(`{"to":"${to}","text":"a","more":{"x":1,"y":["A",1]}}`)).toBe(422)
    expect(await send(`{"to":"${to}","text":"a","more":{"x":1,"y":[1,"A"]},"null":null}`)).toBe(422)
    expect(engine.engine.outbox.stats().accepted).toBe(1)
  })

  test('is the first answer whatever its status, once its run had an effect', async () => {
    const { engine, script } = ownShop()

    for (const [action, status] of [
      ['count', 200],
      ['refusing', 418],
      ['failing', 500],
      ['later', 200],
    ] as const) {
      const first = await keyed(engine, `/${script}/${action}`, {}, 'k')
      const again = await keyed(engine, `/${script}/${action}`, {}, 'k')
      expect(first.status, action).toBe(status)
      expect(again).toMatchObject({ status, body: first.body })
      expect(again.headers.get('idempotency-replayed'), action).toBe('true')
      for (const header of ['content-type', 'retry-after', 'cache-control'])
        expect(again.headers.get(header)).toBe(first.headers.get(header))
    }
    expect((await engine.post(`/${script}/seen`, {})).body).toBe(3)
  })

  test('runs again when the first run had no effect', async () => {
    const { engine, script } = ownShop()
    await keyed(engine, `/${script}/quiet`, {}, 'first of all')
    await engine.post(`/${script}/quiet`, {})

    for (const action of ['quiet', 'refusingAtOnce']) {
      const first = await keyed(engine, `/${script}/${action}`, {}, 'k')
      const again = await keyed(engine, `/${script}/${action}`, {}, 'k')
      expect(again.headers.get('idempotency-replayed'), action).toBeNull()
      expect(again.headers.get('x-run-id')).not.toBe(first.headers.get('x-run-id'))
      const other = await keyed(engine, `/${script}/${action}`, { other: true }, 'k')
      expect(other.status).toBe(first.status)
    }
    expect((await keyed(engine, `/${script}`, {}, 'k')).status).toBe(500)
    expect((await keyed(engine, `/${script}`, { to }, 'k')).status).toBe(200)
  })

  test('is forgotten after 24 hours', async () => {
    let now = Date.now()
    const engine = await createTestEngine({ files, clock: () => now })
    await keyed(engine, '/shop/count', {}, 'k')

    now += 86_399_000
    expect((await keyed(engine, '/shop/count', {}, 'k')).body.value).toBe(1)
    now += 2_000
    expect((await keyed(engine, '/shop/count', { other: true }, 'k')).body.value).toBe(2)
  })

  test('is the first answer after a restart too, kept sealed', async () => {
    const first = await createTestEngine({ files })
    const answer = await keyed(first, '/shop', { to }, 'shining-key')
    await first.stop()

    const data = join(first.folder, 'data')
    const bytes = await Promise.all((await readdir(data)).map(name => readFile(join(data, name), 'latin1')))
    expect(bytes.join('')).not.toMatch(/shining-key|gsm7|12125551212/)
    const second = await createTestEngine({ folder: first.folder })
    const again = await keyed(second, '/shop', { to }, 'shining-key')
    expect(again).toMatchObject({ status: 200, body: answer.body })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(second.engine.sandbox.history()).toEqual([])
  })

  test('tells no code to a token that may not see codes', async () => {
    const { engine, script } = ownShop()
    const blind = await engine.newToken({ scopes: [`run:${script}`] })

    for (const [token, body] of [
      [engine.token, { code: '123456', id: 'x' }],
      [blind, { id: 'x' }],
    ] as const) {
      await keyed(engine, `/${script}/tell`, {}, 'k', token)
      const again = await keyed(engine, `/${script}/tell`, {}, 'k', token)
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(again.body).toEqual(body)
    }
  })
})

describe('a key', () => {
  test('belongs to one token and one address', async () => {
    const { engine, script } = ownShop()
    const other = await engine.newToken({ scopes: ['run:*'] })

    expect((await keyed(engine, `/${script}/count`, {}, 'k')).body.value).toBe(1)
    expect((await keyed(engine, `/${script}/count`, {}, 'k', other)).body.value).toBe(2)
    expect((await keyed(engine, `/${script}/refusing`, {}, 'k')).status).toBe(418)
    expect((await keyed(engine, `/${script}/count`, {}, 'K')).body.value).toBe(4)
    // The same address, written otherwise.
    const encoded = await keyed(engine, `/${script.replace('p', '%70')}/count?x=1`, {}, 'k')
    expect(encoded.headers.get('idempotency-replayed')).toBe('true')
  })

  test('is 1 to 255 visible ASCII characters, quoted or bare', async () => {
    const { engine, script } = ownShop()
    const value = async (key: string) => (await keyed(engine, `/${script}/count`, {}, key)).body.value
    const long = 'x'.repeat(255)

    expect(await value('bare')).toBe(1)
    expect(await value('"bare"')).toBe(1)
    expect(await value('  bare  ')).toBe(1)
    expect(await value(String.raw`"a\"b\\c"`)).toBe(2)
    expect(await value(String.raw`a"b\c`)).toBe(2)
    expect(await value(long)).toBe(3)
    expect(await value(`"${long}"`)).toBe(3)
    expect(await value('~!@#$%^&*(){}|:<>?,./;[]=-`')).toBe(4)

    for (const key of [`${long}x`, `"${long}x"`, '""', '', 'two words', '"two words"', '\u00e9', 'a\tb', 'a, b']) {
      const answer = await keyed(engine, `/${script}/count`, {}, key)
      expect(answer, key).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
      expect(answer.body.errors[0].field).toBe('Idempotency-Key')
    }
  })

  test('with another body is 422, also while the first is running; with the same body it is 409 then', async () => {
    const engine = await createTestEngine({ files, config: { engine: { scriptHostCalls: 10_000 } } })
    await engine.post('/shop/holdBack', { held: true })
    const first = keyed(engine, '/shop/hold', { a: 1 }, 'k')
    await until(async () => ((await engine.post('/shop/seen', {})).body === 1 ? true : undefined))

    const same = await keyed(engine, '/shop/hold', { a: 1 }, 'k')
    expect(same).toMatchObject({
      status: 409,
      body: { code: 'idempotency_in_progress', retryAfter: expect.any(Number) },
    })
    expect(same.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await keyed(engine, '/shop/hold', { a: 2 }, 'k')).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    })

    await engine.post('/shop/holdBack', { held: false })
    expect(await first).toMatchObject({ status: 200, body: 'done' })
    const again = await keyed(engine, '/shop/hold', { a: 1 }, 'k')
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await keyed(engine, '/shop/hold', { a: 2 }, 'k')).status).toBe(422)
    expect((await engine.post('/shop/seen', {})).body).toBe(1)
  })

  test('sent a hundred times at once sends one SMS', async () => {
    const engine = await createTestEngine({ files })

    const answers = await Promise.all(Array.from({ length: 100 }, () => keyed(engine, '/shop', { to }, 'k')))

    const ok = answers.filter(({ status }) => status === 200)
    expect(answers.filter(({ status }) => status !== 200).every(({ status }) => status === 409)).toBe(true)
    expect(ok.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
    expect(new Set(ok.map(({ body }) => body.id)).size).toBe(1)
    await engine.reaches(ok[0]!.body.id, 'sent')
    expect(await engine.inbox()).toHaveLength(1)
    expect(engine.engine.outbox.stats().accepted).toBe(1)
  })
})
