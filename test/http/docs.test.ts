import { createRequire } from 'node:module'

import { describe, expect, test } from 'vitest'

import { createTestEngine, type TestEngine } from '../helpers.ts'

interface Operation {
  operationId?: string
  security?: unknown[]
  parameters?: Array<{ name: string; in: string; required?: boolean; schema: object }>
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>
}
interface Document {
  openapi: string
  info: { title: string; version: string }
  security?: unknown[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> }
}

const typed = `
  export const fields = {
    default: { number: 'string', language: 'string?', count: 'integer', tags: 'array?' },
    check: { code: 'string' },
  }
  export default async request => request
  export const check = async request => request
  export const onSms = async () => {}
`
const files = { 'typed.ts': typed }
const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

async function readDocument({ get }: TestEngine): Promise<Document> {
  const { status, body } = await get('/docs/json', { token: null })
  expect(status).toBe(200)
  return body
}

const operationsOf = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

describe('the API reference', () => {
  test('is a sound OpenAPI 3.1 document', async () => {
    const document = await readDocument(await createTestEngine({ files, scripts: ['sms'] }))
    const Ajv = createRequire(import.meta.url)('ajv/dist/2020.js').default
    const ajv = new Ajv({ strict: false })

    expect(document.openapi).toMatch(/^3\.1\.\d$/)
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    for (const schema of Object.values(document.components.schemas)) expect(ajv.validateSchema(schema)).toBe(true)
    const ids: string[] = []
    for (const { path, method, operation } of operationsOf(document)) {
      const place = `${method} ${path}`
      expect(path).toMatch(/^\/[^:*?#]*$/)
      expect(methods.has(method), place).toBe(true)
      if (operation.operationId !== undefined) ids.push(operation.operationId)
      const declared = operation.parameters?.filter(one => one.in === 'path').map(one => one.name) ?? []
      expect(declared.sort(), place).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]!).sort())
      expect(Object.keys(operation.responses).length, place).toBeGreaterThan(0)
      const schemas = [
        ...(operation.parameters ?? []).map(one => one.schema),
        ...Object.values(operation.requestBody?.content ?? {}).map(one => one.schema),
      ]
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status, place).toMatch(/^([1-5](\d\d|XX)|default)$/)
        expect(response.description, place).toEqual(expect.any(String))
        for (const { schema } of Object.values(response.content ?? {})) if (schema !== undefined) schemas.push(schema)
      }
      for (const schema of schemas) expect(ajv.validateSchema(schema), `${place} ${JSON.stringify(schema)}`).toBe(true)
    }
    expect(new Set(ids).size).toBe(ids.length)
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(document.components.schemas).toHaveProperty(name!)
  })

  test('shows every script with its fields, as the scripts are now', async () => {
    const engine = await createTestEngine({ files })
    const { paths } = await readDocument(engine)

    const schemaOf = (path: string) => paths[path]?.post?.requestBody?.content['application/json']?.schema
    expect(schemaOf('/typed')).toEqual({
      type: 'object',
      properties: {
        number: { type: 'string' },
        language: { type: 'string' },
        count: { type: 'integer' },
        tags: { type: 'array' },
      },
      required: ['number', 'count'],
    })
    expect(schemaOf('/typed/check')).toMatchObject({ required: ['code'] })
    expect(
      Object.keys(paths)
        .filter(path => path.startsWith('/typed'))
        .sort(),
    ).toEqual(['/typed', '/typed/check'])

    await engine.writeScript('fresh.ts', 'export default () => 1')
    await expect
      .poll(async () => Object.keys((await readDocument(engine)).paths), { timeout: 20_000 })
      .toContain('/fresh')
  })

  test('says what the list of a day for billing takes and gives', async () => {
    const { paths } = await readDocument(await createTestEngine())
    const { parameters, responses } = paths['/admin/cdr']!.get!

    expect(parameters?.map(({ name, required }) => [name, required])).toEqual([
      ['day', true],
      ['format', false],
    ])
    expect(parameters?.[1]?.schema).toMatchObject({ enum: ['csv', 'ndjson'] })
    expect(Object.keys(responses[200]?.content ?? {})).toEqual(['text/csv', 'application/x-ndjson'])
  })

  test('is a page for people too, without a token', async () => {
    const { get } = await createTestEngine()
    const page = await get('/docs', { token: null })

    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    const parts = [...page.body.matchAll(/(?:src|href)="\.?\/?([^"]+)"/g)].map((match: string[]) => match[1]!)
    expect(parts.length).toBeGreaterThan(0)
    for (const part of parts) {
      const url = new URL(part, 'http://x/docs/').pathname.replace('/docs/docs', '/docs')
      expect((await get(url.startsWith('/docs') ? url : `/docs${url}`, { token: null })).status, part).toBe(200)
    }
  })
})

describe('every address that the API reference names', () => {
  test('wants a token with its scope, unless it is open to all', async () => {
    const engine = await createTestEngine({ files, scripts: ['sms'] })
    const document = await readDocument(engine)
    const runsOtp = await engine.newToken({ scopes: ['run:otp'] })
    const open: string[] = []

    for (const { path, method, operation } of operationsOf(document)) {
      const place = `${method.toUpperCase()} ${path}`
      const call = (token: string | null) =>
        engine.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'), {
          token,
          body: method === 'get' ? undefined : '{}',
        })
      if (operation.security?.length === 0) {
        open.push(place)
        expect((await call(null)).status, place).toBe(200)
        continue
      }
      expect(operation.security ?? document.security, place).toEqual([{ token: [] }])
      expect((await call(null)).status, place).toBe(401)
      expect((await call('pc_wrong')).status, place).toBe(401)
      expect((await call(runsOtp)).status, place).toBe(403)
    }
    expect(open.sort()).toEqual(['GET /healthz', 'GET /readyz'])
  })

  test('includes the whole administration', async () => {
    const document = await readDocument(await createTestEngine())
    const places = operationsOf(document).map(({ path, method }) => `${method.toUpperCase()} ${path}`)

    expect(places).toEqual(
      expect.arrayContaining([
        'GET /healthz',
        'GET /readyz',
        'GET /admin/messages',
        'GET /admin/messages/{id}',
        'GET /admin/loopback',
        'POST /admin/loopback/inbound',
        'GET /admin/scripts',
        'GET /admin/scripts/{name}',
        'GET /admin/runs',
        'GET /admin/runs/{id}',
        'GET /admin/tokens',
        'POST /admin/tokens',
        'DELETE /admin/tokens/{id}',
        'GET /admin/carriers',
        'GET /admin/stats',
        'GET /admin/cdr',
        'GET /metrics',
      ]),
    )
  })
})

test('/healthz looks at nothing, /readyz at the storage and the carriers', async () => {
  const { get, engine } = await createTestEngine()
  expect(await get('/healthz', { token: null })).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await get('/readyz', { token: null })).toMatchObject({ status: 200, body: { status: 'ready' } })

  await engine.outbox.stop()
  expect(await get('/readyz', { token: null })).toMatchObject({ status: 503, body: { code: 'overloaded' } })
  await engine.storage.close()
  const away = await get('/readyz', { token: null })
  expect(away).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
  expect(away.headers.get('retry-after')).toMatch(/^\d+$/)
  expect((await get('/healthz', { token: null })).status).toBe(200)
})
