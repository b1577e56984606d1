import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, shareEngine } from '../helpers.ts'

const whoAmI = { 'me.ts': 'export default async (request, call) => call.token' }
const shared = shareEngine({ files: { ...whoAmI, 'me-too.ts': whoAmI['me.ts'] } })
const everyOne = ['run:*', 'code:read', 'pii:read', 'metrics', 'admin']

describe('a token', () => {
  test('is shown once and never again', async () => {
    const { post, get, folder, stop } = await createTestEngine({ files: whoAmI })
    const wanted = { name: 'shop', scopes: ['run:me'], app: 'shop-1', brand: 'Shop & Co' }

    const made = await post('/admin/tokens', wanted)

    expect(made).toMatchObject({ status: 201, body: { ...wanted, addresses: null, expiresAt: null } })
    const { token, id } = made.body
    expect(token).toMatch(/^pc_tok_[a-p]{22}_[\w-]{43}$/)
    const listed = await get('/admin/tokens')
    expect(listed.body.tokens.find((one: { id: string }) => one.id === id)).toMatchObject(wanted)
    expect(JSON.stringify(listed.body)).not.toContain(token)
    expect(JSON.stringify(listed.body)).not.toMatch(/hash|secret/)

    await stop()
    const secret = token.slice(-43)
    for (const name of await readdir(join(folder, 'data'))) {
      const bytes = await readFile(join(folder, 'data', name), 'latin1')
      expect(bytes, name).not.toContain(secret)
    }
  })

  test('tells the script who asks', async () => {
    const { post } = shared()
    const shop = { name: 'shop', scopes: ['run:me', 'run:me'], app: 'shop-1', brand: 'Shop' }
    const made = await post('/admin/tokens', shop)

    const { body } = await post('/me', {}, { token: made.body.token })
    expect(body).toEqual({ id: made.body.id, app: 'shop-1', brand: 'Shop', scopes: ['run:me'] })
    expect((await post('/me', {})).body).toMatchObject({ app: 'default', brand: null, scopes: everyOne })
  })

  test('does what its scopes name and nothing else', async () => {
    const { post, get, newToken } = shared()
    const reach = async (scopes: string[]) => {
      const token = await newToken({ scopes })
      const answers = [post('/me', {}, { token }), post('/me-too', {}, { token }), get('/admin/runs', { token })]
      return (await Promise.all(answers)).map(({ status }) => status)
    }

    expect(await reach(['run:me'])).toEqual([200, 403, 403])
    expect(await reach(['run:*'])).toEqual([200, 200, 403])
    expect(await reach(['admin'])).toEqual([403, 403, 200])
    expect(await reach(['metrics', 'code:read', 'pii:read'])).toEqual([403, 403, 403])
  })

  test('is refused with the fields that are wrong', async () => {
    const { post } = shared()
    const right = { name: 'x', scopes: ['run:*'] }
    const wrong = async (change: object) => {
      const { status, body } = await post('/admin/tokens', { ...right, ...change })
      expect(status, JSON.stringify(body)).toBe(400)
      expect(body.code).toBe('invalid_request')
      return body.errors.map(({ field }: { field: string }) => field)
    }

    for (const scope of ['run:', 'run:Otp', 'everything', '', 'admin '])
      expect(await wrong({ scopes: ['run:*', scope] })).toEqual(['scopes'])
    expect(await wrong({ scopes: [] })).toEqual(['scopes'])
    expect(await wrong({ scopes: undefined })).toEqual(['scopes'])
    expect(await wrong({ name: '' })).toEqual(['name'])
    for (const app of ['', 'a b', 'x'.repeat(65)]) expect(await wrong({ app })).toEqual(['app'])
    for (const name of ['two\nlines', '\u001B[31mred', '\uD800']) expect(await wrong({ name })).toEqual(['name'])
    for (const brand of ['', 'x'.repeat(31), 'Shop\n@evil.example #123456', '\uD800'])
      expect(await wrong({ brand })).toEqual(['brand'])
    for (const address of ['here', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '1.2.3.4.5', '10.0.0.0/1e1'])
      expect(await wrong({ addresses: [address] }), address).toEqual(['addresses'])
    for (const expiresAt of ['soon', '2001-01-01T00:00:00Z', ''])
      expect(await wrong({ expiresAt }), expiresAt).toEqual(['expiresAt'])
  })

  test('works from the addresses that it names', async () => {
    const { post } = shared()
    const from = async (addresses: string[]) => {
      const made = await post('/admin/tokens', { name: 'x', scopes: ['run:*'], addresses })
      return (await post('/me', {}, { token: made.body.token })).status
    }

    expect(await from(['127.0.0.1'])).toBe(200)
    expect(await from(['10.0.0.0/8', '127.0.0.0/8'])).toBe(200)
    expect(await from(['127.0.0.2', '10.0.0.0/8', '::1', '2001:db8::/32'])).toBe(403)
    expect(await from([])).toBe(403)
  })

  test('ends at its time', async () => {
    let now = Date.parse('2030-01-01T00:00:00Z')
    const { post } = await createTestEngine({ files: whoAmI, clock: () => now })
    const expiresAt = '2030-01-01T01:00:00+00:30'
    const made = await post('/admin/tokens', { name: 'x', scopes: ['run:*'], expiresAt })

    expect(made.body.expiresAt).toBe('2030-01-01T00:30:00.000Z')
    now += 29 * 60_000
    expect((await post('/me', {}, { token: made.body.token })).status).toBe(200)
    now += 60_000
    expect((await post('/me', {}, { token: made.body.token })).status).toBe(401)
  })

  test('ends at once when it is deleted', async () => {
    const { post, call } = shared()
    const { token, id } = (await post('/admin/tokens', { name: 'x', scopes: ['run:*'] })).body

    expect((await post('/me', {}, { token })).status).toBe(200)
    expect(await call('DELETE', `/admin/tokens/${id}`)).toMatchObject({ status: 204, body: '' })
    expect((await post('/me', {}, { token })).status).toBe(401)
    expect(await call('DELETE', `/admin/tokens/${id}`)).toMatchObject({ status: 404 })
  })

  test('is one text: no other one passes for it', async () => {
    const { call, token } = shared()
    const asks = async (authorization: string) => {
      const answer = await call('POST', '/me', { body: '{}', token: null, headers: { authorization } })
      return answer.status
    }

    expect(await asks(`Bearer ${token}`)).toBe(200)
    expect(await asks(`bearer  ${token}`)).toBe(200)
    const other = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
    for (const header of [
      `Bearer ${other}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(0, -1)}`,
      `Basic ${token}`,
      token,
    ])
      expect(await asks(header), header.slice(0, 12)).toBe(401)
    for (const header of ['Bearer', 'Bearer pc_', 'Bearer pc___proto___x', 'Bearer environment', '\u00e4'])
      expect(await asks(header), header).toBe(401)
    const answer = await call('POST', '/me', { body: '{}', token: null })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })
})
