import { describe, expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const files = {
  'shop.ts': `
    export default async ({ number, text }) => {
      log.info('calling', number, { at: 'door 4711' })
      await storage.set('told:' + number, { text, tries: 3 })
      await storage.get('told:' + number)
      const sms = await sendSms({ to: number, text })
      return { id: sms.id, code: generateCode(), number, text, deep: [{ pin: '98-76', otp: 4321, count: 12 }] }
    }
    export const no = async ({ number }) => { throw refuse('too_soon', { status: 429, number, code: 'ABCD', retryAfter: 5 }) }
    export const broken = async ({ number }) => { throw new Error('cannot call ' + number) }
  `,
}
const number = '+12015550123'
const text = 'a very private text'

describe('GET /admin/runs', () => {
  test('lists runs, newest first, in pages and by script and status', async () => {
    const { post, get } = await createTestEngine({ files, scripts: ['sms'] })
    const ids: string[] = []
    for (const [path, body] of [
      ['/shop', { number, text }],
      ['/shop/no', { number }],
      ['/shop/broken', { number }],
      ['/sms', { number, text }],
    ] as const)
      ids.push((await post(path, body)).headers.get('x-run-id')!)
    const find = async (query: string) =>
      (await get(`/admin/runs?${query}`)).body.runs.map(({ id }: { id: string }) => id)
    const [ok, no, broken, sms] = ids

    expect(await find('')).toEqual(ids.toReversed())
    expect(await find('script=shop')).toEqual([broken, no, ok])
    expect(await find('status=answer')).toEqual([sms, ok])
    expect(await find('status=too_soon')).toEqual([no])
    expect(await find('status=script_error&script=shop')).toEqual([broken])
    expect(await find('status=running')).toEqual([])

    const first = (await get('/admin/runs?limit=3')).body
    expect(first.runs.map(({ id }: { id: string }) => id)).toEqual([sms, broken, no])
    expect(await find(`limit=3&cursor=${first.next}`)).toEqual([ok])
    expect((await get('/admin/runs?cursor=unknown')).status).toBe(400)
    expect(first.runs[0]).toEqual({
      id: sms,
      script: 'sms',
      version: expect.stringMatching(/^[a-p]{16}$/),
      action: 'default',
      trigger: 'http',
      status: 'answer',
      startedAt: expect.stringMatching(/Z$/),
      endedAt: expect.stringMatching(/Z$/),
      ms: expect.any(Number),
    })
  })
})

describe('GET /admin/runs/:id', () => {
  test('tells what the run did, step by step', async () => {
    const { post, get } = await createTestEngine({ files, sandboxLimits: { guesses: 0 } })
    const id = (await post('/shop', { number, text })).headers.get('x-run-id')

    const { status, body } = await get(`/admin/runs/${id}`)

    expect(status).toBe(200)
    expect(body).toMatchObject({ id, script: 'shop', status: 'answer' })
    const { trace } = body
    expect(trace.calls.map(({ name, result }: { name: string; result: string }) => [name, result])).toEqual([
      ['storage.set', 'ok'],
      ['storage.get', 'ok'],
      ['sendSms', 'ok'],
    ])
    expect(trace.turns.map(({ calls }: { calls: string[] }) => calls)).toEqual([
      ['storage.set'],
      ['storage.get'],
      ['sendSms'],
      [],
    ])
    for (const call of trace.calls)
      expect(call).toMatchObject({ at: expect.stringMatching(/Z$/), ms: expect.any(Number) })
    expect(trace.logs).toHaveLength(1)
    expect(trace.limits).toMatchObject({ hostCalls: { used: 3, limit: 50 }, messages: { used: 1, limit: 5 } })
    expect(trace.outcome.kind).toBe('answer')
    expect(trace.replays).toBe(0)
  })

  test('tells where a run was when its time was over, which limit it was, and what it had used', async () => {
    const stuck = `
      function deep() {
        for (;;);
      }
      export default async () => { await storage.increment('n'); deep() }`
    const { post, get } = await createTestEngine({
      files: { 'stuck.ts': stuck },
      config: { engine: { scriptCpuMs: 60 } },
    })
    const id = (await post('/stuck', {})).headers.get('x-run-id')

    const { trace } = (await get(`/admin/runs/${id}`)).body

    expect(trace.outcome).toMatchObject({
      kind: 'failure',
      code: 'script_timeout',
      limit: 'cpu',
      place: expect.stringMatching(/stuck\.ts:3:\d+$/),
    })
    expect(trace.outcome.detail).toMatch(/at deep \(.*stuck\.ts:3:\d+\)[^]*stuck\.ts:5:/)
    expect(trace.limits).toMatchObject({
      cpuMs: { used: expect.any(Number), limit: 60 },
      heapMb: { used: expect.any(Number), limit: 64 },
      hostCalls: { used: 1, limit: 50 },
    })
  })

  test('masks numbers and codes, shows texts and values as length and hash, and never the entropy', async () => {
    const { post, get } = await createTestEngine({ files })
    const answer = await post('/shop', { number, text })
    const body = (await get(`/admin/runs/${answer.headers.get('x-run-id')}`)).body

    const { request, calls, logs, outcome } = body.trace
    const hashed = { length: text.length, hash: expect.stringMatching(/^[\w-]{8}$/) }
    expect(request).toEqual({ number: '+***********', text: hashed })
    expect(calls[0].input).toEqual({
      key: 'told:+***********',
      value: { length: expect.any(Number), hash: expect.any(String) },
    })
    expect(calls[2].input).toEqual({ to: '+***********', text: hashed })
    expect(logs[0]).toMatchObject({ level: 'info', text: 'calling +*********** {"at":"door ****"}' })
    expect(outcome.value).toMatchObject({ code: '***', number: '+***********', text: hashed })
    expect(outcome.value.deep).toEqual([{ pin: '***', otp: '***', count: 12 }])

    const shown = JSON.stringify(body)
    for (const secret of [number.slice(1), '5550123', text, answer.body.code, '4711', '98-76', '4321', 'seed'])
      expect(shown, secret).not.toContain(secret)
  })

  test('masks what refusals and failures tell', async () => {
    const { post, get } = await createTestEngine({ files })
    const traceOf = async (path: string) =>
      (await get(`/admin/runs/${(await post(path, { number })).headers.get('x-run-id')}`)).body.trace

    expect((await traceOf('/shop/no')).outcome).toEqual({
      kind: 'refusal',
      code: 'too_soon',
      status: 429,
      facts: { number: '+***********', code: '***', retryAfter: 5 },
    })
    const { outcome } = await traceOf('/shop/broken')
    expect(outcome).toMatchObject({ kind: 'failure', code: 'script_error' })
    expect(outcome.detail).toMatch(/cannot call \+\*{11}\n {4}at .*shop\.ts:10:\d+/)
  })

  test('is 404 for a run that is not there', async () => {
    const { get } = await createTestEngine()
    expect(await get('/admin/runs/run_none')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})
