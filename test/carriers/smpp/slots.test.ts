// A network sold so many sessions: all engines together open no more.

import { setTimeout as wait } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createTestEngine, until } from '../../helpers.ts'
import { startRedis } from '../../redis.ts'
import { startNpmSmsc } from './npm-smsc.ts'
import { shareRedis } from '../../engines-redis.ts'
import { mainOf, sessionsOf, shareCarrier } from './shared-engines.ts'

const redis = shareRedis()

test('three engines have two sessions between them, each slot at one of them', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc, { sessions: 2 })
  const engines = await Promise.all([shared.start(), shared.start(), shared.start()])
  const counts = (): Promise<number[]> => Promise.all(engines.map(sessionsOf))
  const sorted = async (): Promise<number[]> => (await counts()).toSorted((a, b) => a - b)
  await until(async () => (await sorted()).join() === '0,1,1' || undefined)
  await wait(2_500)

  expect(await sorted()).toEqual([0, 1, 1])
  expect(smsc.bound).toEqual({ now: 2, most: 2 })
  const views = await Promise.all(engines.map(mainOf))
  const idle = views[(await counts()).indexOf(0)]
  expect(idle).toMatchObject({ state: 'up', ready: true, window: 0, inFlight: 0 })
  for (const { state, detail } of idle.sessions) {
    expect(state).toBe('transceiver elsewhere')
    expect(detail).toMatch(/^engine eng_\w+ has it$/)
  }
  for (const engine of engines) {
    expect((await engine.get('/readyz')).status).toBe(200)
    expect((await engine.get('/metrics')).body).toContain('patchcord_carrier_up{carrier="main"} 1')
  }
})

test('an engine that comes gets its part of the sessions, and nothing moves after that', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc, { sessions: 4 })
  const first = await shared.start()
  await until(async () => (await sessionsOf(first)) === 4 || undefined)
  const second = await shared.start()
  await until(async () => (await sessionsOf(second)) === 2 || undefined)
  const third = await shared.start()
  await until(async () => (await sessionsOf(third)) === 1 || undefined)
  await wait(1_500)
  const binds = smsc.binds.length
  await wait(2_500)

  expect(smsc.binds.length).toBe(binds)
  expect(binds).toBe(4 + 2 + 1)
  expect(smsc.bound).toEqual({ now: 4, most: 4 })
})

test('a message that is under way on a session which is given away is answered there first', async () => {
  const held: Array<() => void> = []
  const smsc = await startNpmSmsc((pdu, session, count) =>
    held.push(() => session.send(pdu.response({ message_id: `m${count}` }))),
  )
  const shared = shareCarrier(redis.url(), smsc, { sessions: 2, window: 1 })
  const first = await shared.start()
  await until(async () => (await sessionsOf(first)) === 2 || undefined)
  const { body: ids } = await first.post('/many', { count: 2 })
  await until(() => held.length === 2 || undefined)
  const second = await shared.start()
  await until(async () => (await mainOf(first)).sessions[1].state === 'transceiver unbinding' || undefined)
  await wait(1_000)
  expect(await sessionsOf(second)).toBe(0)
  for (const answer of held) answer()
  await until(async () => (await sessionsOf(second)) === 1 || undefined)

  for (const id of ids) {
    const { body } = await first.get(`/admin/messages/${id}`)
    expect(body.timeline.map(({ state }: { state: string }) => state)).toEqual(['queued', 'sent'])
  }
  expect(smsc.bound.most).toBe(2)
})

test('an engine that is killed loses its session to another one within five seconds', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc)
  const doomed = await shared.spawn()
  await until(() => smsc.bound.now === 1 || undefined)
  const heir = await shared.start()
  await until(async () => (await mainOf(heir)).state === 'up' || undefined)
  expect((await mainOf(heir)).sessions).toMatchObject([{ state: 'transceiver elsewhere' }])
  doomed.kill('SIGKILL')
  const killedAt = performance.now()
  const { id } = (await heir.post('/code', {})).body
  await until(async () => (await sessionsOf(heir)) === 1 || undefined)

  expect(performance.now() - killedAt).toBeLessThan(5_000)
  await heir.reaches(id, 'sent')
  const { body } = await heir.get(`/admin/messages/${id}`)
  expect(body).toMatchObject({ carrier: 'main', timeline: [{ state: 'queued' }, { state: 'sent' }] })
  expect(smsc.bound.most).toBe(1)
})

test('an engine that is stopped hands its session over', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc)
  const first = await shared.start()
  await until(() => smsc.bound.now === 1 || undefined)
  const second = await shared.start()
  expect(await sessionsOf(second)).toBe(0)
  await first.stop()
  const stoppedAt = performance.now()
  await until(() => smsc.bound.now === 1 || undefined)

  expect(performance.now() - stoppedAt).toBeLessThan(2_500)
  expect(smsc.bound.most).toBe(1)
  expect((await mainOf(second)).state).toBe('up')
})

test('an engine that was held up for long has lost its session, and sends nothing through it', async () => {
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url(), smsc)
  const sleeper = await shared.spawn()
  await until(() => smsc.bound.now === 1 || undefined)
  const heir = await shared.start()
  sleeper.kill('SIGSTOP')
  await until(async () => (await sessionsOf(heir)) === 1 || undefined)
  expect(smsc.bound.now).toBe(2)
  sleeper.kill('SIGCONT')
  await until(() => smsc.bound.now === 1 || undefined)
  await wait(2_000)

  expect(smsc.bound.now).toBe(1)
  expect(await sessionsOf(heir)).toBe(1)
})

test('while Redis is away for longer than the lease nobody is bound, and after that as many as before', async () => {
  const redis = await startRedis()
  const smsc = await startNpmSmsc()
  const shared = shareCarrier(redis.url, smsc, { sessions: 2 })
  const [one, other] = await Promise.all([shared.start(), shared.start()])
  await until(async () => ((await sessionsOf(one)) === 1 && (await sessionsOf(other)) === 1) || undefined)
  redis.pause()
  const awayAt = performance.now()
  await until(() => smsc.bound.now === 0 || undefined)
  expect(performance.now() - awayAt).toBeLessThan(4_000)
  await wait(3_000)
  redis.resume()
  await until(() => smsc.bound.now === 2 || undefined)

  expect(smsc.bound.most).toBe(2)
  const { body } = await until(async () => {
    const answer = await one.post('/code', {})
    return answer.status === 200 ? answer : undefined
  })
  await one.reaches(body.id, 'sent')
  expect((await one.get(`/admin/messages/${body.id}`)).body).toMatchObject({ carrier: 'main' })
})

test('over a storage of its own an engine opens all sessions at once, and keeps no lease', async () => {
  const smsc = await startNpmSmsc()
  const { config } = shareCarrier('', smsc, { sessions: 3 })
  const engine = await createTestEngine({ config })
  await until(() => smsc.bound.now === 3 || undefined)
  expect(await engine.engine.storage.entries.list('slots', '')).toEqual([])
})
