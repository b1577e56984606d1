import { describe, expect, test } from 'vitest'

import { createTestEngine, type TestEngine } from '../helpers.ts'

const numberOf = (index: number) => `+120155501${10 + index}`

/** Sends one SMS after another; resolves with their ids, oldest first. */
async function send({ post }: TestEngine, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    const { body } = await post('/sms', { number: numberOf(index), text: `secret text ${index}`, ref: 'r' })
    ids.push(body.id)
  }
  return ids
}

const idsOf = (answer: { body: { messages: Array<{ id: string }> } }) => answer.body.messages.map(({ id }) => id)

describe('GET /admin/messages', () => {
  test('lists what was promised, newest first, never with its text', async () => {
    const engine = await createTestEngine({ scripts: ['sms'] })
    const ids = await send(engine, 3)
    await engine.reaches(ids[0]!, 'sent')

    const answer = await engine.get('/admin/messages')

    expect(answer.status).toBe(200)
    expect(idsOf(answer)).toEqual(ids.toReversed())
    expect(answer.body.next).toBeNull()
    expect(Object.keys(answer.body.messages[2]).sort()).toEqual(
      ['id', 'to', 'from', 'state', 'script', 'carrier', 'segments', 'createdAt', 'updatedAt', 'error'].sort(),
    )
    expect(answer.body.messages[2]).toMatchObject({ to: numberOf(0), script: 'sms', carrier: 'loopback', segments: 1 })
    for (const time of ['createdAt', 'updatedAt'])
      expect(answer.body.messages[2][time]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(JSON.stringify(answer.body)).not.toContain('secret')
  })

  test('comes in pages', async () => {
    const engine = await createTestEngine({ scripts: ['sms'] })
    const ids = await send(engine, 5)

    const seen: string[] = []
    let cursor: string | null = ''
    let pages = 0
    while (cursor !== null && pages++ < 10) {
      const page = await engine.get(`/admin/messages?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      expect(page.body.messages.length).toBeLessThanOrEqual(2)
      seen.push(...idsOf(page))
      cursor = page.body.next
    }
    expect(seen).toEqual(ids.toReversed())
  })

  test('is filtered by state, script, carrier and number', async () => {
    const files = { 'other.ts': `export default async ({ to }) => sendSms({ to, text: 'x' })` }
    const carriers = { main: { driver: 'loopback', receipt: 'none', failures: ['final'] } }
    const engine = await createTestEngine({ scripts: ['sms'], files, config: { carriers } })
    const [failed, sent] = (await send(engine, 2)) as [string, string]
    await engine.reaches(failed, 'failed')
    await engine.reaches(sent, 'sent')
    const other = (await engine.post('/other', { to: numberOf(0) })).body.id
    await engine.reaches(other, 'sent')
    const find = async (query: string) => idsOf(await engine.get(`/admin/messages?${query}`))

    expect(await find('state=failed')).toEqual([failed])
    expect(await find('state=sent')).toEqual([other, sent])
    expect(await find('script=sms')).toEqual([sent, failed])
    expect(await find('carrier=main')).toEqual([other, sent, failed])
    expect(await find('carrier=none')).toEqual([])
    expect(await find(`number=${encodeURIComponent(numberOf(0))}`)).toEqual([other, failed])
    expect(await find(`number=${numberOf(0)}`)).toEqual([other, failed])
    expect(await find(`number=${numberOf(0).slice(1)}&script=other`)).toEqual([other])
  })

  test('lists a final message under its carrier while its script has still to hear of it', async () => {
    const source = `export default async ({ to }) => (await sendSms({ to, text: 'x' })).id
      export const onReport = () => { throw new Error('not now') }`
    const carriers = { main: { driver: 'loopback', receiptAfterMs: 0 } }
    const engine = await createTestEngine({ files: { 'deaf.ts': source }, config: { carriers } })
    const ids: string[] = []
    for (let n = 0; n < 3; n++) ids.push((await engine.post('/deaf', { to: numberOf(n) })).body)
    for (const id of ids) await engine.reaches(id, 'delivered')

    const first = await engine.get('/admin/messages?carrier=main&limit=2')
    expect(idsOf(first)).toEqual([ids[2], ids[1]])
    const rest = await engine.get(`/admin/messages?carrier=main&limit=2&cursor=${first.body.next}`)
    expect(idsOf(rest)).toEqual([ids[0]])
    expect(idsOf(await engine.get('/admin/messages?carrier=main&state=delivered'))).toEqual(ids.toReversed())
  })

  test('refuses what it cannot filter by', async () => {
    const { get } = await createTestEngine()

    for (const query of ['state=lost', 'limit=0', 'limit=1001', 'limit=x', 'number=12', 'number=abc', 'cursor=%00'])
      expect(await get(`/admin/messages?${query}`), query).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      })
  })

  test('masks numbers without pii:read, and is not filtered by them then', async () => {
    const engine = await createTestEngine({ scripts: ['sms'] })
    const [id] = await send(engine, 1)
    const token = await engine.newToken({ scopes: ['admin'] })

    const list = await engine.get('/admin/messages', { token })
    expect(list.body.messages[0]).toMatchObject({ id, to: '+1201*****10' })
    const one = await engine.get(`/admin/messages/${id}`, { token })
    expect(one.body.to).toBe('+1201*****10')
    expect(JSON.stringify([list.body, one.body])).not.toContain('5550110')
    expect((await engine.get(`/admin/messages?number=${numberOf(0)}`, { token })).status).toBe(403)
  })
})

describe('GET /admin/messages/:id', () => {
  test('tells the life of one message', async () => {
    const carriers = { main: { driver: 'loopback', receiptAfterMs: 0, failures: ['later'] } }
    const engine = await createTestEngine({ scripts: ['sms'], config: { carriers } })
    const [id] = (await send(engine, 1)) as [string]
    await engine.reaches(id, 'delivered')

    const { status, body } = await engine.get(`/admin/messages/${id}`)

    expect(status).toBe(200)
    expect(body).toMatchObject({ id, state: 'delivered', to: numberOf(0), error: null })
    const states = body.timeline.map((event: { state: string }) => event.state)
    expect(states).toEqual(['queued', 'queued', 'sent', 'delivered'])
    for (const event of body.timeline) expect(Object.keys(event).sort()).toEqual(['at', 'carrier', 'detail', 'state'])
    expect(body.timeline[1]).toMatchObject({ carrier: 'main', detail: 'loopback: later' })
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  test('is 404 for a message that is not there', async () => {
    const { get } = await createTestEngine()
    for (const id of ['none', '__proto__', '%00', 'x'.repeat(200)])
      expect(await get(`/admin/messages/${id}`), id).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})
