// Several engines over one Redis: what one promised any other one keeps.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { shareRedis, surroundings, token } from './engines-redis.ts'
import { createTestEngine, newFolder, until, type TestEngine, type TestEngineOptions } from './helpers.ts'
import { furnish, startEngine } from './http/engine-process.ts'
import { config as workConfig, messagesOf, numbers, post, work } from './http/work.ts'

const redis = shareRedis()

function two(options: TestEngineOptions = {}): Promise<TestEngine[]> {
  const environment = { ...surroundings(redis.url()), ...options.environment }
  return Promise.all([1, 2].map(() => createTestEngine({ ...options, environment })))
}

const counting = `
export default async ({ n }) => {
  const { value } = await storage.increment('count:' + n)
  const sms = await sendSms({ to: '+12015550123', text: 'number ' + value })
  return { value, sms: sms.id }
}
export const later = () => schedule('go', null, { after: '1s' })
export const onTimer = () => storage.increment('rung')
export const rung = () => storage.get('rung')`

test('a verification that one engine began is checked at another, five times in all', async () => {
  const [one, other] = await two({ scripts: ['otp'] })
  const { body } = await one!.post('/otp', { number: '+12015550123' })
  const wrong = ['000000', '111111', '222222', '333333', '444444', '555555'].filter(code => code !== body.code)
  const guesses = wrong.slice(0, 5).map((code, at) => [one!, other!][at % 2]!.post('/otp/check', { id: body.id, code }))
  for (const answer of await Promise.all(guesses)) expect(answer.body.reason).toBe('wrong_code')

  expect(await other!.post('/otp/check', { id: body.id, code: body.code })).toMatchObject({
    status: 429,
    body: { code: 'too_many_checks' },
  })
})

test('the SMS of one number wait for each other, whichever engine is asked', async () => {
  const [one, other] = await two({ scripts: ['otp'] })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => [one!, other!][at % 2]!.post('/otp', { number: '+12015550123' })),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect((await one!.engine.outbox.list({ limit: 100 })).messages).toHaveLength(1)
  const accepted = [one!, other!].map(({ engine }) => engine.outbox.stats().accepted)
  expect(accepted.reduce((sum, count) => sum + count, 0)).toBe(1)
})

test('a token is known to all engines within a second, and forgotten by all', async () => {
  const [one, other] = await two({ files: { 'count.ts': counting } })
  const made = await one!.post('/admin/tokens', { name: 'new', scopes: ['run:*'] })
  const { id, token: text } = made.body as { id: string; token: string }
  await until(async () => (await other!.post('/count', { n: 1 }, { token: text })).status === 200 || undefined)

  await other!.call('DELETE', `/admin/tokens/${id}`)
  await until(async () => (await one!.post('/count', { n: 1 }, { token: text })).status === 401 || undefined)
})

test('one Idempotency-Key is one run, whichever engine is asked', async () => {
  const engines = await two({ files: { 'count.ts': counting } })
  const ask = (at: number) => engines[at % 2]!.post('/count', { n: 1 }, { headers: { 'idempotency-key': 'the-key' } })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(at)))
  const good = answers.filter(({ status }) => status === 200)
  expect(good.length).toBeGreaterThan(0)
  for (const { body } of good) expect(body.value).toBe(1)
  for (const { status, body } of answers.filter(answer => answer.status !== 200))
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'idempotency_in_progress' })

  expect((await ask(0)).body).toEqual((await ask(1)).body)
  expect((await engines[0]!.engine.outbox.list({ limit: 100 })).messages).toHaveLength(1)
})

test('a timer rings once, at an engine that lives', async () => {
  const [one, other] = await two({ files: { 'count.ts': counting } })
  for (let times = 0; times < 10; times++) await [one!, other!][times % 2]!.post('/count/later', {})
  await one!.stop()
  await until(async () => (await other!.post('/count/rung', {})).body === 10 || undefined)
  const { items } = await other!.engine.storage.work.list('timers', { limit: 20 })
  expect(items.map(({ state }) => state)).toEqual(Array(10).fill('done'))
})

test('a message that a killed engine was sending is uncertain, and another engine sends it', async () => {
  let hanging = true
  let submits = 0
  const provider = createServer((_request, response) => {
    submits++
    if (!hanging) response.end('{"id":"taken"}')
  })
  await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void (provider.closeAllConnections(), provider.close()))
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const accepted = { status: ['2xx'] }
  const main = { driver: 'http', baseUrl, path: '/', json: { to: '{{to}}', text: '{{text}}' }, accepted, id: 'id' }
  const environment = surroundings(redis.url())
  const folder = await newFolder()
  await furnish(folder, {}, { carriers: { main } })
  const doomed = startEngine(folder, environment)
  const sent = await post(await doomed.url(), token, '/sms', { number: '+12015550123', text: 'Hello' })
  await until(() => submits === 1 || undefined)
  const heir = await createTestEngine({ scripts: ['sms'], config: { carriers: { main } }, environment })
  hanging = false
  doomed.kill('SIGKILL')

  await heir.reaches(sent.body.id, 'sent')
  const { body } = await heir.get(`/admin/messages/${sent.body.id}`)
  expect(body.timeline.map(({ state }: { state: string }) => state)).toEqual(['queued', 'uncertain', 'queued', 'sent'])
  expect(submits).toBe(2)
})

test(
  'runs with a key that a killed engine had begun are finished by one that lives',
  { timeout: 300_000 },
  async () => {
    const folder = await newFolder()
    await furnish(folder, { 'work.ts': work }, workConfig)
    const environment = surroundings(redis.url())
    const heir = startEngine(folder, environment)
    const again = await heir.url()
    const takenUp = (): number => heir.stderr().split('run of a dead engine was ended').length - 1
    for (let round = 0; takenUp() === 0; round++) {
      expect(round).toBeLessThan(10)
      const doomed = startEngine(folder, environment)
      const url = await doomed.url()
      const all = numbers(round)
      const before = new Map<string, unknown>()
      const asking = all.map(async n => {
        const answer = await post(url, token, '/work', { n }, `key-${n}`).catch(() => undefined)
        if (answer?.status === 200) before.set(n, answer.body)
      })
      await until(() => before.size > 2 || undefined)
      doomed.kill('SIGKILL')
      await Promise.all(asking)

      for (const n of all) {
        const answer = await until(async () => {
          const { status, body } = await post(again, token, '/work', { n }, `key-${n}`)
          if (status === 409) return undefined
          return { status, body }
        })
        expect(answer).toMatchObject({ status: 200, body: { n, count: 13 } })
        expect(answer.body.list).toEqual([answer.body.code])
        expect(answer.body.stored).toBe(answer.body.code)
        if (before.has(n)) expect(answer.body).toEqual(before.get(n))
      }
      const messages = await messagesOf(again, token)
      expect(all.map(n => messages.get(`+1201${n}`))).toEqual(all.map(() => 1))
    }
  },
)

test('what the old engines of a rolling restart accept for a renamed carrier is sent by the new one', async () => {
  const environment = surroundings(redis.url())
  const before = { driver: 'loopback', failures: Array.from({ length: 100 }, () => 'later') }
  const after = { driver: 'loopback', receipt: 'none' }
  const old = await createTestEngine({ scripts: ['sms'], config: { carriers: { before } }, environment })
  const next = await createTestEngine({ scripts: ['sms'], config: { carriers: { after } }, environment })
  const sent = await old.post('/sms', { number: '+12015550123', text: 'Hello' })
  await old.stop()
  await next.reaches(sent.body.id, 'sent')
})
