// A script that ended its sandbox too often is suspended until somebody
// releases or changes it.

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'

const files = {
  'brute.ts': `
    export default () => 'served'
    export const later = () => schedule('ring', {}, { after: '1s' })
    export const onTimer = async () => { await storage.increment('rang') }
    export const rang = async () => (await storage.get('rang')) ?? 0
    export const onSms = async () => { await storage.increment('rang') }`,
  'good.ts': `export default () => 'good'`,
}
const config = { inbound: [{ to: '12', script: 'brute' }] }

function suspend({ engine: { sandbox } }: TestEngine): void {
  for (let kill = 0; kill < 10; kill++) sandbox.standings.killed(sandbox.library.get('brute')!)
}

test('a suspended script answers 503 with a Retry-After, and is shown as such', async () => {
  const engine = await createTestEngine({ files, config })
  expect((await engine.get('/admin/scripts/brute')).body).toMatchObject({ state: 'active', lane: 'fast' })

  suspend(engine)
  const refused = await engine.post('/brute', {}, { headers: { 'idempotency-key': 'k' } })

  expect(refused).toMatchObject({ status: 503, body: { code: 'script_suspended', retryAfter: 60 } })
  expect(refused.headers.get('retry-after')).toBe('60')
  const { body } = await engine.get('/admin/scripts')
  expect(body.scripts).toMatchObject([
    { name: 'brute', state: 'suspended', lane: 'own' },
    { name: 'good', state: 'active', lane: 'fast' },
  ])
  expect((await engine.post('/good', {})).body).toBe('good')
  expect((await engine.readLog()).match(/"msg":"script suspended"/g)).toHaveLength(1)
})

test('it is released by an operator, and the same key may be asked with again', async () => {
  const engine = await createTestEngine({ files, config })
  suspend(engine)
  const key = { headers: { 'idempotency-key': 'k' } }
  expect((await engine.post('/brute', {}, key)).status).toBe(503)

  const runsOnly = await engine.newToken({ scopes: ['run:*'] })
  expect((await engine.post('/admin/scripts/brute/release', {}, { token: runsOnly })).status).toBe(403)
  expect((await engine.post('/admin/scripts/none/release', {})).status).toBe(404)
  const released = await engine.post('/admin/scripts/brute/release', {})

  expect(released).toMatchObject({ status: 200, body: { name: 'brute', state: 'active', lane: 'fast' } })
  expect(released.body).toEqual((await engine.get('/admin/scripts/brute')).body)
  expect(await engine.post('/brute', {}, key)).toMatchObject({ status: 200, body: 'served' })
})

test('a changed file begins anew', async () => {
  const engine = await createTestEngine({ files, config })
  suspend(engine)

  await engine.writeScript('brute.ts', `export default () => 'mended'`)

  await until(async () => (await engine.post('/brute', {})).body === 'mended' || undefined)
  expect((await engine.get('/admin/scripts/brute')).body).toMatchObject({ state: 'active', lane: 'fast' })
})

test('its timers wait, and so do SMS to it', async () => {
  const engine = await createTestEngine({ files, config })
  await engine.post('/brute/later', {})
  suspend(engine)

  await until(async () => (await engine.readLog()).includes('timer is tried again') || undefined)
  const sms = { from: '+12015550123', to: '12', text: 'hello' }
  expect((await engine.post('/admin/loopback/inbound', sms)).status).toBe(202)
  await until(async () => (await engine.readLog()).includes('inbound SMS is tried again') || undefined)

  for (const [queue, line] of [
    ['timers', /timer is tried again/g],
    ['inbound', /inbound SMS is tried again/g],
  ] as const) {
    expect((await engine.readLog()).match(line)).toHaveLength(1)
    const waiting = await until(async () => {
      const [item] = (await engine.engine.storage.work.list(queue, { limit: 10 })).items
      return item?.owner === null ? item : undefined
    })
    expect(waiting).toMatchObject({ state: 'waiting' })
    expect(waiting.dueAt! - Date.now()).toBeGreaterThan(30_000)
  }
})
