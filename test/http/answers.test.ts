import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { describe, expect, test } from 'vitest'

import { shareEngine } from '../helpers.ts'
import { exchange, parseAnswer } from './raw-socket.ts'

const files = {
  'echo.ts': `
    export const fields = { default: { word: 'string?' } }
    export default async request => request
    export const slow = async () => { throw refuse('too_soon', { status: 429, retryAfter: 29.5 }) }
    export const odd = async () => { throw refuse('constructor', { status: 418, type: 'x', title: 'x', code: 'x' }) }
    export const own = async () => { throw refuse('out_of_tea', { detail: 'No tea is left.', cups: 0 }) }
    export const mute = async () => { throw refuse('out_of_tea') }
    export const broken = async () => { throw new Error('secret words at /a/path') }
    export const nothing = async () => undefined
    export const notJson = async () => ({ deep: [Infinity] })
  `,
}
const shared = shareEngine({ files })
const runId = /^run_[a-p]{22}$/

async function detail(language: string, code: string): Promise<string> {
  const path = join(resolve(import.meta.dirname, '..', '..'), 'locales', `${language}.json`)
  return (JSON.parse(await readFile(path, 'utf8')) as { errors: Record<string, string> }).errors[code]!
}

describe('every answer', () => {
  test('has an x-run-id of its own, is not stored by anyone, and allows no other origin', async () => {
    const { call } = shared()
    const json = '{"word":"tea"}'
    const answers = await Promise.all(
      [
        call('POST', '/echo', { body: json }),
        call('POST', '/echo', { body: '{"word":5}' }),
        call('POST', '/echo', { body: '[' }),
        call('POST', '/echo', { body: json, token: null }),
        call('POST', '/echo/broken', { body: json }),
        call('POST', '/echo/own', { body: json }),
        call('POST', '/echo', { body: json, headers: { 'content-type': 'text/xml' } }),
        call('POST', '/echo', { body: `{"word":"${'x'.repeat(17_000)}"}` }),
        call('OPTIONS', '/echo', { headers: { 'access-control-request-method': 'POST' } }),
        call('OPTIONS', '/echo', { token: null, headers: { 'access-control-request-method': 'POST' } }),
        call('GET', '/nothing'),
        call('GET', '/'),
        call('GET', '/%zz'),
        call('GET', `/${'x'.repeat(1_000)}`),
        call('GET', '/admin/nothing'),
        call('PUT', '/admin/tokens'),
        call('GET', '/admin/tokens'),
        call('HEAD', '/admin/tokens'),
        call('POST', '/admin/tokens', { body: '{"name":"x","scopes":["admin"]}' }),
        call('DELETE', '/admin/tokens/none'),
        call('GET', '/admin/messages?limit=none'),
        call('GET', '/healthz', { token: null }),
        call('GET', '/readyz', { token: null }),
        call('GET', '/docs', { token: null }),
        call('GET', '/docs/json', { token: null }),
        call('GET', '/docs/static/swagger-ui.css', { token: null }),
        call('GET', '/docs/static/none', { token: null }),
      ].map(answer => answer),
    )

    for (const { headers, status } of answers) {
      expect(headers.get('x-run-id'), String(status)).toMatch(runId)
      expect(headers.get('cache-control')).toBe('no-store')
      expect([...headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
      expect(headers.get('server') ?? headers.get('x-powered-by')).toBeNull()
    }
    expect(new Set(answers.map(({ headers }) => headers.get('x-run-id'))).size).toBe(answers.length)
  })

  test('has them when the request is no HTTP at all', async () => {
    const { engine, token } = shared()
    const post = `POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`
    const broken = [
      'what?\r\n\r\n',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
      `${post}Content-Length: nine\r\n\r\n`,
      `${post}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
      `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `${post}Content-Length: 2\r\nExpect: a miracle\r\nConnection: close\r\n\r\n{}`,
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
    ]

    for (const bytes of broken) {
      const { status, headers, body } = parseAnswer(await exchange(engine.url, bytes))
      const said = JSON.stringify(bytes.slice(-60))
      expect(status, said).toBeGreaterThanOrEqual(400)
      expect(status, said).toBeLessThan(500)
      expect(headers.get('x-run-id'), said).toMatch(runId)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
      expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, code: expect.any(String) })
    }
    expect(await fetch(`${engine.url}/healthz`)).toMatchObject({ status: 200 })
  })
})

describe('what a script returns', () => {
  test('is the answer, as JSON', async () => {
    const { post } = shared()

    const answer = await post('/echo', { word: 'tea', more: [1, { deep: null }] })
    expect(answer).toMatchObject({ status: 200, body: { word: 'tea', more: [1, { deep: null }] } })
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await post('/echo/nothing', {})).toMatchObject({ status: 200, body: null })
    expect(await post('/echo/notJson', {})).toMatchObject({ status: 500, body: { code: 'script_error' } })
  })

  test('is a refusal with its facts, its status and its Retry-After', async () => {
    const { post } = shared()

    const slow = await post('/echo/slow', {})
    expect(slow).toMatchObject({ status: 429, body: { code: 'too_soon', title: 'Too soon', retryAfter: 29.5 } })
    expect(slow.headers.get('retry-after')).toBe('30')
    expect((await post('/echo/own', {})).body).toEqual({
      type: 'about:blank',
      title: 'Out of tea',
      status: 400,
      code: 'out_of_tea',
      detail: 'No tea is left.',
      cups: 0,
    })
    expect((await post('/echo/mute', {})).body).toMatchObject({ title: 'Out of tea', detail: 'Out of tea' })
    expect((await post('/echo/odd', {})).body).toEqual({
      type: 'about:blank',
      title: 'Constructor',
      status: 418,
      code: 'constructor',
      detail: 'Constructor',
    })
  })

  test('tells nothing of the script when it fails', async () => {
    const { post } = shared()

    const answer = await post('/echo/broken', {})
    expect(answer).toMatchObject({ status: 500, body: { code: 'script_error' } })
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|path|echo|\.ts/)
  })
})

describe('the detail of a problem is in the language', () => {
  test('of the body, else of Accept-Language, else English', async () => {
    const { post, call } = shared()
    const spanish = { headers: { 'accept-language': 'xx, es;q=0.9, de;q=0.5' } }
    const refused = async (body: object, options = {}) =>
      (await post('/echo', { word: 5, ...body }, options)).body.detail

    expect(await refused({ language: 'de' }, spanish)).toBe(await detail('de', 'invalid_request'))
    expect(await refused({ locale: 'pt_br' }, spanish)).toBe(await detail('pt-BR', 'invalid_request'))
    expect(await refused({ language: 'xx' }, spanish)).toBe(await detail('es', 'invalid_request'))
    expect(await refused({ language: 7 }, spanish)).toBe(await detail('es', 'invalid_request'))
    expect(await refused({})).toBe(await detail('en', 'invalid_request'))

    const unknown = await call('POST', '/echo', { body: '{}', token: null, ...spanish })
    expect(unknown.body.detail).toBe(await detail('es', 'unauthorized'))
    expect((await call('GET', '/nothing', spanish)).body.detail).toBe(await detail('es', 'not_found'))
    const own = await post('/echo/broken', { language: 'fr' }, spanish)
    expect(own.body.detail).toBe(await detail('fr', 'script_error'))
  })

  test('counts in that language', async () => {
    const { post } = shared()

    const german = await post('/echo/slow', { language: 'de' })
    expect(german.body.detail).toMatch(/29[.,]5|30/)
    expect(german.body.title).toBe('Too soon')
  })
})
