import { Readable } from 'node:stream'

import { beforeEach, describe, expect, test } from 'vitest'

import { cdrPages } from '../../engine/http/admin-cdr.ts'
import { createTestEngine, shareEngine, type TestEngine } from '../helpers.ts'
import { readCsv } from './csv.ts'

const columns =
  'id,created_at,sent_at,final_at,script,ref,from,to,country,carrier,state,segments,encoding,attempts,priority,error'
const dayMs = 86_400_000

/** Noon of the day that it is for all engines here. */
let now = Date.UTC(2026, 10, 22, 12)
let day = '2026-11-22'
const clock = () => now
const prompt = { main: { driver: 'loopback', receiptAfterMs: 0 } }

// Each test has a day of its own.
beforeEach(() => {
  now = (Math.floor(now / dayMs) + 2.5) * dayMs
  day = new Date(now).toISOString().slice(0, 10)
})

/** What stands in the lines of an NDJSON answer. */
async function rowsOf(
  { engine, token }: TestEngine,
  query: string,
  own = token,
): Promise<Array<Record<string, unknown>>> {
  const url = `${engine.url}/admin/cdr?format=ndjson&${query}`
  const response = await fetch(url, { headers: { authorization: `Bearer ${own}` } })
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const text = await response.text()
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
}

const send = async ({ post }: TestEngine, body: object): Promise<string> =>
  (await post('/sms', { number: '+12015550123', text: 'secret text', ...body })).body.id

describe('GET /admin/cdr', () => {
  const shared = shareEngine({ scripts: ['sms'], config: { carriers: prompt }, clock })

  test('tells of each message of the day, oldest first, as CSV', async () => {
    const engine = shared()
    const sendAt = async (time: number, body: object = {}) => {
      now = time
      const id = await send(engine, body)
      await engine.reaches(id, 'delivered')
      return id
    }
    const start = (Math.floor(now / dayMs) + 1) * dayMs
    await sendAt(start - 1)
    const first = await sendAt(start, { number: '+447400123456', ref: 'order 1', from: 'Shop' })
    const last = await sendAt(start + dayMs - 1)
    await sendAt(start + dayMs)
    day = new Date(start).toISOString().slice(0, 10)

    const { status, headers, body } = await engine.get(`/admin/cdr?day=${day}`)

    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(headers.get('content-disposition')).toBe(`attachment; filename="cdr-${day}.csv"`)
    expect(body.split('\r\n')[0]).toBe(columns)
    expect(readCsv(body)).toEqual([
      {
        id: first,
        created_at: `${day}T00:00:00.000Z`,
        sent_at: `${day}T00:00:00.000Z`,
        final_at: `${day}T00:00:00.000Z`,
        script: 'sms',
        ref: 'order 1',
        from: 'Shop',
        to: '+447400123456',
        country: 'GB',
        carrier: 'main',
        state: 'delivered',
        segments: '1',
        encoding: 'gsm7',
        attempts: '1',
        priority: 'bulk',
        error: '',
      },
      expect.objectContaining({ id: last, created_at: `${day}T23:59:59.999Z`, country: 'US', ref: '' }),
    ])
    expect(body).not.toContain('secret')
  })

  test('tells the same as NDJSON, by format or by Accept', async () => {
    const carriers = { main: { driver: 'loopback', receipt: 'none', failures: ['final'] } }
    const engine = await createTestEngine({ scripts: ['sms'], config: { carriers }, clock })
    const failed = await send(engine, {})
    await engine.reaches(failed, 'failed')
    const sent = await send(engine, { text: 'Grüße 🙂', ref: 'r' })
    await engine.reaches(sent, 'sent')

    const rows = await rowsOf(engine, `day=${day}`)

    expect(rows).toMatchObject([
      { id: failed, state: 'failed', sent_at: null, final_at: `${day}T12:00:00.000Z`, error: 'loopback: final' },
      { id: sent, state: 'sent', final_at: null, encoding: 'ucs2', segments: 1, attempts: 1, ref: 'r', error: null },
    ])
    for (const row of rows) expect(Object.keys(row).join(',')).toBe(columns)

    const typeFor = async (accept: string, query = '') =>
      (await engine.call('HEAD', `/admin/cdr?day=${day}${query}`, { headers: { accept } })).headers.get('content-type')
    expect(await typeFor('application/x-ndjson')).toContain('ndjson')
    expect(await typeFor('text/html, application/x-ndjson, */*;q=0.1')).toContain('ndjson')
    expect(await typeFor('text/csv, application/x-ndjson')).toContain('csv')
    expect(await typeFor('application/x-ndjson;q=0.2, text/csv;q=0.9')).toContain('csv')
    expect(await typeFor('*/*')).toContain('csv')
    expect(await typeFor('image/png')).toContain('csv')
    expect(await typeFor('application/x-ndjson', '&format=csv')).toContain('csv')
  })

  test('masks numbers without pii:read', async () => {
    const engine = shared()
    await send(engine, {})
    const token = await engine.newToken({ scopes: ['admin'] })

    const { body } = await engine.get(`/admin/cdr?day=${day}`, { token })
    for (const [row] of [readCsv(body), await rowsOf(engine, `day=${day}`, token)])
      expect(row).toMatchObject({ to: '+1201*****23', country: 'US' })
    expect(body).not.toContain('5550123')
  })

  test('keeps cells whole, and makes none a formula', async () => {
    const engine = shared()
    const refs = ['a,b', 'say "hi"', '=1+1', '+1-2', '-1', '@SUM(A1)', "'x", 'two\r\nlines', '+12015550100', 'plain']
    for (const ref of refs) await send(engine, { ref })

    const rows = readCsv((await engine.get(`/admin/cdr?day=${day}`)).body)

    expect(rows.map(({ ref }) => ref)).toEqual(
      refs.map(ref => (['=1+1', '+1-2', '-1', '@SUM(A1)'].includes(ref) ? `'${ref}` : ref)),
    )
    expect(new Set(rows.map(({ to }) => to))).toEqual(new Set(['+12015550123']))
    expect((await rowsOf(engine, `day=${day}`)).map(({ ref }) => ref)).toEqual(refs)
  })

  test('has a header and no row for a day without messages', async () => {
    const { get, call } = shared()
    for (const empty of [day, '1970-01-01', '9999-12-31'])
      expect((await get(`/admin/cdr?day=${empty}`)).body).toBe(`${columns}\r\n`)
    expect((await get(`/admin/cdr?day=${day}&format=ndjson`)).body).toBe('')
    expect(await call('HEAD', `/admin/cdr?day=${day}`)).toMatchObject({ status: 200, body: '' })
  })

  test('refuses what is no day and no format', async () => {
    const { get } = shared()
    const wrong = ['', 'day=', 'day=today', 'day=2026-02-30', 'day=2026-13-01', 'day=22-11-2026', 'day=2026-11-22T00']
    for (const query of [...wrong, `day=${day}&format=xml`, `day=${day}&day=${day}`])
      expect(await get(`/admin/cdr?${query}`), query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test('is for administrators', async () => {
    const engine = shared()
    const token = await engine.newToken({ scopes: ['metrics', 'pii:read'] })
    expect((await engine.get(`/admin/cdr?day=${day}`, { token })).status).toBe(403)
    expect((await engine.get(`/admin/cdr?day=${day}`, { token: null })).status).toBe(401)
  })

  test('is a problem, not half a file, when the storage is away', async () => {
    const { get, engine } = await createTestEngine({ clock })
    await engine.storage.close()
    const { status, headers, body } = await get(`/admin/cdr?day=${day}`)
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'storage_unavailable' })
    expect(headers.get('content-disposition')).toBeNull()
  })
})

describe('a day with thousands of messages', () => {
  const count = 2_750
  const shared = shareEngine({ config: { testNumbers: { '+12015550123': '000000' } }, clock })

  beforeEach(async () => {
    const accept = (index: number) =>
      shared().engine.outbox.accept({
        id: `${day} ${index}`,
        script: 'sms',
        to: '+12015550123',
        text: 'x',
        validForMs: 60_000,
        priority: index % 2 === 0 ? 'otp' : 'bulk',
      })
    // Page boundaries fall inside one millisecond, and inside others.
    for (let index = 0; index < count; index += 550) {
      await Promise.all(Array.from({ length: 550 }, (_, more) => accept(index + more)))
      now += index < count / 2 ? 0 : 1
    }
  })

  test('comes whole, without doubles, oldest first', async () => {
    const engine = shared()

    const rows = readCsv((await engine.get(`/admin/cdr?day=${day}`)).body)

    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, index) => `${day} ${index}`))
    expect(rows.slice(0, 2).map(({ priority }) => priority)).toEqual(['otp', 'bulk'])
    expect((await rowsOf(engine, `day=${day}`)).map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
  })

  test('is read from the storage as fast as the client reads, page by page', async () => {
    const { work } = shared().engine.storage
    let pages = 0
    let rows = 0
    const counted: Pick<typeof work, 'created'> = {
      async created(queue, range) {
        const page = await work.created(queue, range)
        pages++
        rows = Math.max(rows, page.items.length)
        return page
      },
    }
    const range = { from: now - dayMs / 2, to: now + dayMs / 2, now, showsNumbers: true, countryOf: () => undefined }
    const stream = Readable.from(cdrPages(counted, { ...range, format: 'csv' }), { objectMode: false })

    let text = ''
    for await (const chunk of stream) {
      text += chunk
      const sofar = text.split('\r\n').length
      // Of what was read, all but what a stream buffers (64 KB) has been taken by the client.
      expect(pages * rows - sofar).toBeLessThan(1_000)
    }
    expect(readCsv(text)).toHaveLength(count)
    expect(rows).toBeLessThanOrEqual(500)

    pages = 0
    const left = Readable.from(cdrPages(counted, { ...range, format: 'csv' }), { objectMode: false })
    for await (const chunk of left) {
      expect(String(chunk)).toContain(columns)
      break
    }
    expect(left.destroyed).toBe(true)
    expect(pages).toBeLessThan(10)
  })
})
