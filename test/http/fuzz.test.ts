// Whatever is sent, with a valid token and to right addresses: never an answer
// of 5xx, and an engine that goes on.

import { Agent, METHODS, request as httpRequest } from 'node:http'

import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'

import { createTestEngine, type TestEngine } from '../helpers.ts'
import { exchange, parseAnswer } from './raw-socket.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const requests = isLong ? 10_000 : 1_000
const batch = 50

const files = {
  'echo.ts': `
    export default async (request, call) => ({ ran: true, request, language: call.language, text: t('otp.message', request) })
    export const keep = async request => {
      await storage.set('last', request)
      return { ran: true, kept: await storage.get('last') }
    }
    export const read = async request => ({
      ran: true,
      numbers: Object.values(request).map(value => parseNumber(value, { country: request.country })),
      languages: Object.values(request).map(value => language(value, value)),
    })
  `,
}

interface Sent {
  method: string
  path: string
  type: string
  body: Buffer
  headers: Record<string, string>
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '')
const visible = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)) })

// What such a field may hold when somebody means it, or means harm.
const fieldValue = fc.oneof(
  fc.constantFrom('+12015550123', '12125551212', '00 49 (0) 1512 3456789', '+999', '\u0661\u0662\u0663', '\ud800', ''),
  fc.constantFrom('de', 'pt_BR', 'zh-Hant', 'xx-'.repeat(30), '__proto__', '$t(otp.message)', '{{number}}'),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.integer().map(count => 'x'.repeat(Math.abs(count % 2_000))),
)
const fieldName = fc.oneof(
  fc.constantFrom('number', 'text', 'from', 'ref', 'id', 'language', 'locale', 'country', 'count', 'lng', 'ns', 'to'),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'then', 'toJSON', 'length', ''),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const object = fc.dictionary(fieldName, fieldValue, { maxKeys: 8 }).map(json)
const sms = fc
  .record(
    { number: fieldValue, text: fieldValue, from: fieldValue, ref: fieldValue },
    { requiredKeys: ['number', 'text'] },
  )
  .map(json)
const noObject = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 300 }).map(text => Buffer.from(text)),
  fc.jsonValue().map(json),
  fc
    .constantFrom('{"__proto__":{"a":1},"constructor":{"prototype":null}}', '{"a":1e999}', '{"a":-0}')
    .map(text => Buffer.from(text)),
  fc.constantFrom(63, 64, 65, 4_000).map(depth => Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)),
  fc.constantFrom(16_000, 16_384, 17_408).map(length => json({ text: 'x'.repeat(length) })),
)
const types = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/json; charset=x',
  ';',
  '',
]
const headers = fc.record(
  {
    'accept-language': visible,
    'idempotency-key': fc.oneof(visible, fc.constantFrom('k', '"', '""')),
    'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
    accept: visible,
    cookie: visible,
    'x-forwarded-for': visible,
  },
  { requiredKeys: [] },
)
const paths = ['/echo', '/echo/keep', '/echo/read', '/sms', '/sms/status', '/otp', '/otp/check', '/otp/status']
const rightRequest: fc.Arbitrary<Sent> = fc.record({
  method: fc.constant('POST'),
  path: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('/echo', '/echo/keep', '/echo/read') },
    fc.constantFrom(...paths),
  ),
  type: fc.constant('application/json'),
  body: fc.oneof(object, sms),
  headers: headers.map(({ 'content-encoding': _encoding, ...rest }) => rest),
})
const oddRequest: fc.Arbitrary<Sent> = fc.record({
  method: fc.oneof(
    { weight: 3, arbitrary: fc.constant('POST') },
    fc.constantFrom(...METHODS.filter(method => method !== 'CONNECT')),
  ),
  path: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...paths) },
    fc.constantFrom('/admin/tokens', '/admin/messages?limit=5', '/admin/runs', '/admin/loopback/inbound', '/docs/json'),
    fc
      .array(fc.string({ unit: 'binary', maxLength: 20 }))
      .map(parts => `/${parts.map(part => encodeURIComponent(part.toWellFormed())).join('/')}`),
    visible.map(text => `/${text}`),
  ),
  type: fc.constantFrom(...types),
  body: fc.oneof(noObject, object),
  headers,
})

function send(
  { engine, token }: TestEngine,
  agent: Agent,
  sent: Sent,
): Promise<{ status: number; text: string; runId: unknown }> {
  const { hostname, port } = new URL(engine.url)
  const { method, path, type, body } = sent
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        agent,
        hostname,
        port,
        method,
        path,
        headers: {
          ...sent.headers,
          authorization: `Bearer ${token}`,
          ...(type === '' ? {} : { 'content-type': type }),
          'content-length': body.length,
        },
      },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode!, text, runId: response.headers['x-run-id'] }))
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

test(`${requests} requests of any kind get no answer of 5xx, and a third of them reach a script`, async () => {
  const engine = await createTestEngine({ scripts: ['sms', 'otp'], files, log: 'warn' })
  const agent = new Agent({ keepAlive: true, maxSockets: batch })
  onTestFinished(() => agent.destroy())
  let answered = 0
  let byScripts = 0

  const some = fc.array(fc.oneof({ weight: 4, arbitrary: rightRequest }, oddRequest), {
    minLength: batch,
    maxLength: batch,
  })
  await fc.assert(
    fc.asyncProperty(some, async all => {
      const answers = await Promise.all(all.map(one => send(engine, agent, one)))
      for (const [index, { status, text, runId }] of answers.entries()) {
        const { method, path, body } = all[index]!
        if (status >= 500 || status < 200) throw new Error(`${status} ${text} for ${method} ${path} ${body.toString()}`)
        expect(runId).toMatch(/^run_[a-p]{22}$/)
        answered++
        if (text.startsWith('{"ran":true')) byScripts++
      }
    }),
    // The message tells the culprit; shrinking would send thousands more.
    { numRuns: requests / batch, endOnFailure: true },
  )

  expect(answered).toBe(requests)
  expect(byScripts).toBeGreaterThan(requests / 3)
  expect(engine.engine.sandbox.stats().kills).toBe(0)
  expect((await engine.readLog()).split('\n').filter(line => line.includes('request failed'))).toEqual([])
}, 1_800_000)

test('garbage on the wire is refused or ignored, and the next request is served', async () => {
  const engine = await createTestEngine({ files, log: 'warn' })
  const body = '{"number":"+12015550123"}'
  const right = Buffer.from(
    `POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.token}\r\n` +
      `Content-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const change = fc.tuple(
    fc.nat(right.length - 1),
    fc.constantFrom('set', 'add', 'cut'),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  )
  const mutated = fc.array(change, { minLength: 1, maxLength: 4 }).map(changes => {
    let bytes = right
    for (const [at, how, piece] of changes) {
      const rest = how === 'add' ? at : at + piece.length
      bytes = Buffer.concat([bytes.subarray(0, at), how === 'cut' ? Buffer.alloc(0) : piece, bytes.subarray(rest)])
    }
    return bytes
  })
  const some = fc.array(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), { minLength: 25, maxLength: 25 })

  await fc.assert(
    fc.asyncProperty(some, async all => {
      const answers = await Promise.all(all.map(bytes => exchange(engine.engine.url, bytes)))
      for (const [index, answer] of answers.entries()) {
        if (answer === '') continue
        const { status, headers } = parseAnswer(answer)
        const said = `${answer.slice(0, 80)} for ${Buffer.from(all[index]!).toString('latin1')}`
        expect(status, said).toBeGreaterThanOrEqual(200)
        expect(status, said).toBeLessThan(500)
        expect(headers.get('x-run-id'), said).toMatch(/^run_/)
      }
      expect((await engine.post('/echo', {})).status).toBe(200)
    }),
    { numRuns: isLong ? 200 : 20, endOnFailure: true },
  )
}, 1_800_000)
