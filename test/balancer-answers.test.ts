// What the balancer that we ship says for itself, and whom it believes.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { Pool } from 'undici'
import { expect, onTestFinished, test } from 'vitest'

import { startHaproxy } from './haproxy.ts'
import { newFolder, until } from './helpers.ts'
import { furnish, startEngine } from './http/engine-process.ts'

const token = 'a-token-that-all-engines-know'
const checkEveryMs = 100

/** Resolves with a server's port. */
async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void (server.closeAllConnections(), server.close()))
  return (server.address() as AddressInfo).port
}

/** Stands for an engine whose /readyz says what the test wants. */
async function openReadyz(): Promise<{ port: number; statuses: number[]; checks(): number }> {
  const statuses: number[] = []
  let checks = 0
  const server = createServer((_request, response) => {
    checks++
    response.writeHead(statuses.shift() ?? 200).end()
  })
  return { port: await listen(server), statuses, checks: () => checks }
}

const hold = `
export default async () => {
  await storage.set('begun', true)
  await new Promise(() => {})
}
export const begun = () => storage.get('begun')`

test('an engine that dies with a request leaves an answer that promises and denies nothing', async () => {
  const folder = await newFolder()
  await furnish(folder, { 'hold.ts': hold }, { engine: { scriptWallMs: 60_000 } })
  const engine = startEngine(folder, { PATCHCORD_TOKEN: token })
  const engineUrl = await engine.url()
  const other = await openReadyz()
  // Nothing is given to the other one: it is not ready.
  other.statuses.push(...Array.from({ length: 10_000 }, () => 503))
  const balancer = await startHaproxy([Number(new URL(engineUrl).port), other.port], checkEveryMs)
  await until(async () => !(await balancer.gives('engine-2')) || undefined)
  // A connection for each request: on a kept one the balancer would close it without a word.
  const pool = new Pool(balancer.url, { pipelining: 0 })
  onTestFinished(() => pool.destroy())
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const post = (path: string) => pool.request({ path, method: 'POST', headers, body: '{}' })

  const asked = post('/hold')
  await until(async () => (await (await post('/hold/begun')).body.json()) === true || undefined)
  engine.kill('SIGKILL')
  const answer = await asked
  expect(answer).toMatchObject({
    statusCode: 502,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '1', 'cache-control': 'no-store' },
  })
  expect(await answer.body.json()).toMatchObject({
    status: 502,
    code: 'storage_unavailable',
    detail: expect.stringContaining('not known'),
  })
  // Nobody is there any more.
  const next = await post('/hold')
  expect(next).toMatchObject({ statusCode: 503, headers: { 'content-type': 'application/problem+json' } })
  expect(await next.body.json()).toMatchObject({ detail: expect.stringContaining('Nothing was promised') })
})

test('one check that fails takes no engine out, two in a row do', async () => {
  const engines = [await openReadyz(), await openReadyz()] as const
  const balancer = await startHaproxy(
    engines.map(({ port }) => port),
    checkEveryMs,
  )
  const [one] = engines
  await until(() => one.checks() > 2 || undefined)
  one.statuses.push(503, 200, 503)
  const before = one.checks()
  await until(() => one.checks() > before + 5 || undefined)
  expect(await balancer.downs('engine-1')).toBe(0)

  one.statuses.push(503, 503)
  await until(async () => (await balancer.downs('engine-1')) === 1 || undefined)
  await until(() => balancer.gives('engine-1'))
  expect(await balancer.downs('engine-2')).toBe(0)
})
