// The rate of an HTTP carrier, where several engines have it between them.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { createTestEngine, until } from '../helpers.ts'
import { startRedis } from '../redis.ts'

const many = `export default ({ count }) => Promise.all(Array.from({ length: count }, (_, n) =>
  sendSms({ to: '+1201' + String(2000000 + n), text: 'message ' + n })))`

test('two engines send no faster than one, also when the second one has just come', async () => {
  const rate = 30
  const times: number[] = []
  const provider = createServer((_request, response) => {
    times.push(performance.now())
    response.end('{"id":"taken"}')
  })
  await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void (provider.closeAllConnections(), provider.close()))
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const request = { path: '/', json: { to: '{{to}}', text: '{{text}}' }, accepted: { status: ['2xx'] }, id: 'id' }
  const redis = await startRedis()
  const environment = {
    PATCHCORD_STORAGE: redis.url,
    PATCHCORD_SECRET: 'a secret for tests, long enough to be one',
    PATCHCORD_TOKEN: 'a-token-that-all-engines-know',
  }
  const config = {
    carriers: { main: { driver: 'http', baseUrl, rate, ...request } },
    engine: { scriptMessages: 500, scriptHostCalls: 500 },
  }
  const start = () => createTestEngine({ files: { 'many.ts': many }, config, environment })
  const rateOf = async (engine: Awaited<ReturnType<typeof start>>): Promise<number> =>
    (await engine.get('/admin/carriers')).body.carriers[0].rate

  const first = await start()
  expect((await first.post('/many', { count: 200 })).status).toBe(200)
  expect(await rateOf(first)).toBe(rate)
  const second = await start()
  await until(async () => (await rateOf(second)) === rate / 2 || undefined)
  expect(await rateOf(first)).toBe(rate / 2)
  await until(() => times.length === 200 || undefined)

  const busiest = Math.max(...times.map((from, at) => times.slice(at).filter(time => time - from < 1_000).length))
  expect(busiest).toBeLessThanOrEqual(rate * 1.1 + 2)
})
