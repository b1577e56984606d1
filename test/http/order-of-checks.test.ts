import { describe, expect, test } from 'vitest'

import { shareEngine, type Answer, type TestEngine } from '../helpers.ts'

const echo = `
  export const fields = { default: { number: 'string' } }
  export default async request => request
  export const again = async () => 'again'
  export const onSms = async () => 'never'
  export const notAFunction = 5
`
const shared = shareEngine({ files: { 'echo.ts': echo } })
const tooLarge = JSON.stringify({ number: 'x'.repeat(16_385) })

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status, body: { status, code, type: 'about:blank' } })
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  expect(answer.body.title).toMatch(/\S/)
  expect(answer.body.detail).toMatch(/\S/)
}

// Each step mends one more thing; whatever is still wrong behind it does not show.
async function climb({ call, newToken }: TestEngine, right: string, missing: string, body: string): Promise<void> {
  const wrong = await newToken({ scopes: ['run:other'] })
  const text = { 'content-type': 'text/plain' }
  const post = 'POST'

  expectProblem(await call('PATCH', missing, { token: null, headers: text, body: tooLarge }), 401, 'unauthorized')
  expectProblem(await call('PATCH', right, { token: 'pc_wrong', headers: text, body: tooLarge }), 401, 'unauthorized')
  expectProblem(await call('PATCH', missing, { token: wrong, headers: text, body: tooLarge }), 404, 'not_found')
  const method = await call('PATCH', right, { token: wrong, headers: text, body: tooLarge })
  expectProblem(method, 405, 'method_not_allowed')
  expect(method.headers.get('allow')).toContain('POST')
  expectProblem(await call(post, right, { token: wrong, headers: text, body: tooLarge }), 403, 'forbidden')
  expectProblem(await call(post, right, { headers: text, body: tooLarge }), 415, 'unsupported_media_type')
  expectProblem(await call(post, right, { body: tooLarge }), 413, 'body_too_large')
  expectProblem(await call(post, right, { body: '{"number":' }), 400, 'invalid_json')
  expectProblem(await call(post, right, { body: '{"number":7,"name":"","scopes":[]}' }), 400, 'invalid_request')
  expect((await call(post, right, { body })).status).toBeLessThan(300)
}

describe('the order of the checks is 401, 404, 405, 403, 415, 413, 400', () => {
  test('at the address of a script', async () => {
    await climb(shared(), '/echo', '/nothing', '{"number":"1"}')
  })

  test('at an address of the administration', async () => {
    await climb(shared(), '/admin/tokens', '/admin/nothing', '{"name":"x","scopes":["run:*"]}')
  })
})

test('an address that cannot be read is one that is not there, told only to who has a token', async () => {
  const { call } = shared()

  for (const path of ['/%', '/echo/%E0%A4%A', `/${'x'.repeat(300)}`, `/echo/${'x'.repeat(300)}`]) {
    for (const method of ['GET', 'POST']) {
      expectProblem(await call(method, path, { token: null }), 401, 'unauthorized')
      const answer = await call(method, path)
      expectProblem(answer, 404, 'not_found')
      expect(answer.headers.get('x-run-id')).toMatch(/^run_/)
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  }
})

describe('addresses of scripts', () => {
  test('are default exports and exported functions, nothing else', async () => {
    const { post } = shared()

    expect(await post('/echo', { number: '1' })).toMatchObject({ status: 200, body: { number: '1' } })
    expect(await post('/echo/again', {})).toMatchObject({ status: 200, body: 'again' })
    const nowhere = ['', 'default', 'onSms', 'notAFunction', 'fields', 'toString', '__proto__', 'constructor', 'Again']
    for (const action of nowhere) expectProblem(await post(`/echo/${action}`, {}), 404, 'not_found')
    for (const path of ['/', '/ECHO', '/echo/again/more', '/lib', '/echo.ts', '/..%2fecho', '/__proto__', '/%00'])
      expectProblem(await post(path, {}), 404, 'not_found')
  })

  test('take POST alone, whatever the other method is', async () => {
    const { call } = shared()

    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'MKCOL', 'QUERY']) {
      const answer = await call(method, '/echo')
      expect(answer.status, method).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST')
    }
    expect((await call('PROPFIND', '/nothing')).status).toBe(404)
    expect((await call('PROPFIND', '/echo', { token: null })).status).toBe(401)
  })

  test('take JSON in UTF-8 and no other body', async () => {
    const { call } = shared()
    const send = (type: string, headers = {}) =>
      call('POST', '/echo', { body: '{"number":"1"}', headers: { 'content-type': type, ...headers } })

    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])
      expect((await send(type)).status, type).toBe(200)
    for (const type of [
      'text/json',
      'application/json; charset=latin1',
      'application/jsonx',
      'application/x-www-form-urlencoded',
      '',
    ])
      expectProblem(await send(type), 415, 'unsupported_media_type')
    expectProblem(await send('application/json', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type')
  })

  test('take a JSON object and nothing else', async () => {
    const { call } = shared()

    for (const body of ['', ' ', '[]', 'null', '"text"', '7', '{"a":1}{', '\ufeff{"number":', "{'a':1}"])
      expectProblem(await call('POST', '/echo', { body }), 400, 'invalid_json')
    const notUtf8 = Buffer.from('{"number":"\xff\xfe"}', 'latin1')
    expectProblem(await call('POST', '/echo', { body: notUtf8 }), 400, 'invalid_json')
    expectProblem(await call('POST', '/echo'), 415, 'unsupported_media_type')
  })

  test('take 16 KB and not a byte more, however it is sent', async () => {
    const { call, engine, token } = shared()
    const sized = (bytes: number) => `{"number":"${'x'.repeat(bytes - 13)}"}`

    expect((await call('POST', '/echo', { body: sized(16_384) })).status).toBe(200)
    expectProblem(await call('POST', '/echo', { body: sized(16_385) }), 413, 'body_too_large')
    // In pieces nothing tells the length beforehand.
    const piecemeal = await fetch(`${engine.url}/echo`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: new Blob([sized(40_000)]).stream(),
      duplex: 'half',
    })
    expect(piecemeal.status).toBe(413)
    expect(await piecemeal.json()).toMatchObject({ code: 'body_too_large' })
  })
})

describe('addresses of the administration', () => {
  test('tell the methods that they take', async () => {
    const { call } = shared()
    const allowed = async (method: string, path: string) => {
      const answer = await call(method, path)
      expect(answer.status, `${method} ${path}`).toBe(405)
      return answer.headers.get('allow')?.split(', ').sort()
    }

    expect(await allowed('PUT', '/admin/tokens')).toEqual(['GET', 'HEAD', 'POST'])
    expect(await allowed('GET', '/admin/tokens/tok_x')).toEqual(['DELETE'])
    expect(await allowed('HEAD', '/admin/loopback/inbound')).toEqual(['POST'])
    expect(await allowed('POST', '/admin/messages/x')).toEqual(['GET', 'HEAD'])
    expect(await allowed('DELETE', '/healthz')).toEqual(['GET', 'HEAD'])
    expect(await allowed('POST', '/docs')).toEqual(['GET', 'HEAD'])
    expect(await allowed('PROPFIND', '/docs/json')).toEqual(['GET', 'HEAD'])
  })
})
