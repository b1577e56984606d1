// What several engines accept leaves through the sessions that they have between
// them, at the rate that the network sold.

import { setTimeout as wait } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { until, type TestEngine } from '../../helpers.ts'
import { startNpmSmsc } from './npm-smsc.ts'
import { shareRedis } from '../../engines-redis.ts'
import { mainOf, sessionsOf, shareCarrier } from './shared-engines.ts'

const redis = shareRedis()

async function firstWithSession(engines: TestEngine[]): Promise<[TestEngine, TestEngine]> {
  const at = await until(async () => {
    const counts = await Promise.all(engines.map(sessionsOf))
    return counts.includes(1) ? { index: counts.indexOf(1) } : undefined
  })
  return [engines[at.index]!, engines[1 - at.index]!]
}

/** The most that came within a second. */
function busiest(times: readonly number[]): number {
  return Math.max(...times.map((from, at) => times.slice(at).filter(time => time - from < 1_000).length))
}

test('the messages of both engines leave although only one has the session, a code within a moment', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc)
  const [sender, other] = await firstWithSession(await Promise.all([shared.start(), shared.start()]))
  await wait(1_500)
  const asked = await Promise.all([sender, other].map(engine => engine.post('/many', { count: 50 })))
  const ids: string[] = asked.flatMap(({ body }) => body)
  for (const id of ids) await other.reaches(id, 'sent')
  expect(smsc.submits).toHaveLength(100)

  const waits: number[] = []
  for (let times = 0; times < 10; times++) {
    const began = performance.now()
    const { body } = await other.post('/code', {})
    await other.reaches(body.id, 'sent')
    waits.push(performance.now() - began)
    const message = (await other.get(`/admin/messages/${body.id}`)).body
    expect(message.timeline.map((entry: { state: string; carrier: string }) => [entry.state, entry.carrier])).toEqual([
      ['queued', 'main'],
      ['sent', 'main'],
    ])
  }
  // Mostly: others have the machine too.
  expect(waits.toSorted((a, b) => a - b)[5]).toBeLessThan(400)
  expect(smsc.binds).toHaveLength(1)
})

test('a carrier that is down where its session is counts as down everywhere', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc, { reconnectMs: 60_000 })
  const [, other] = await firstWithSession(await Promise.all([shared.start(), shared.start()]))
  await until(async () => (await mainOf(other)).state === 'up' || undefined)
  await smsc.close()
  await until(async () => (await mainOf(other)).state === 'down' || undefined)

  const { body } = await other.post('/code', {})
  await other.reaches(body.id, 'delivered')
  expect((await other.get(`/admin/messages/${body.id}`)).body.carrier).toBe('backup')
})

test('the rate holds for all engines together, while one comes and one goes', async () => {
  const rate = 40
  const times: number[] = []
  const smsc = await startNpmSmsc((pdu, session, count) => {
    times.push(performance.now())
    session.send(pdu.response({ message_id: `m${count}` }))
  })
  const shared = shareCarrier(redis.url(), smsc, { sessions: 2, rate })
  const first = await shared.start()
  await until(async () => (await sessionsOf(first)) === 2 || undefined)
  expect((await mainOf(first)).rate).toBe(rate)
  const { body: ids } = await first.post('/many', { count: 400 })
  const second = await shared.start()
  await until(async () => (await sessionsOf(second)) === 1 || undefined)
  expect([(await mainOf(first)).rate, (await mainOf(second)).rate]).toEqual([rate / 2, rate / 2])
  await wait(2_000)
  await first.stop()
  await until(() => smsc.submits.length >= ids.length || undefined)
  for (const id of ids) await second.reaches(id, 'sent')

  expect(smsc.submits).toHaveLength(ids.length)
  expect(smsc.bound.most).toBe(2)
  // A bucket holds a tenth of a second's worth.
  expect(busiest(times)).toBeLessThanOrEqual(rate * 1.1 + 1)
  expect((times.at(-1)! - times[0]!) / 1_000).toBeLessThan((ids.length / rate) * 3)
})
