import { describe, expect, test } from 'vitest'

import type { HttpProvider } from '../../engine/carriers/over-http/http-carrier.ts'
import { until } from '../helpers.ts'
import { startMade, startProvider, submission } from './provider.ts'
import { makeSimple, openSimple } from './simple-provider.ts'
import { stopTime } from './stop-time.ts'
import { startWaiting } from './waiting-provider.ts'

describe('room', () => {
  test('is the window less what is under way, and news of it comes when there is some again', async () => {
    const waiting: Array<() => void> = []
    const provider = await startProvider((_, response) => void waiting.push(() => response.end('{"id":"x"}')))
    const { carrier, rooms } = await openSimple({ baseUrl: provider.url, window: 2 })
    expect([carrier.room(), carrier.ready()]).toEqual([2, true])

    const submits = [carrier.submit(submission()), carrier.submit(submission())]
    expect([carrier.room(), carrier.status().inFlight]).toEqual([0, 2])
    await until(() => waiting.length === 2)
    const before = rooms()
    waiting.pop()?.()
    await Promise.race(submits)
    expect([carrier.room(), rooms() - before]).toEqual([1, 1])
    waiting.pop()?.()
    await Promise.all(submits)
    expect([carrier.room(), rooms() - before]).toEqual([2, 1])
  })

  test('is told of also where the timer was early and the bucket filled a moment later', async () => {
    const provider = await startProvider()
    let now = 0
    let stepMs = 0
    const refusing: Partial<HttpProvider> = {
      request() {
        throw new Error('not now')
      },
    }
    const settings = { baseUrl: provider.url, rate: 10 }
    const { carrier, rooms } = await startMade(makeSimple(settings, refusing, {}, () => (now += stepMs)))
    const pass = stopTime()
    await carrier.submit(submission())
    const before = rooms()

    // Of two reads of the clock only the second one sees a whole token.
    now = 99.5
    stepMs = 0.4
    pass(100)
    expect(rooms() - before).toBe(0)
    pass(1)
    expect([rooms() - before, carrier.room()]).toEqual([1, 1])
  })

  test('is told of after an answer that opened the window before the bucket had filled', async () => {
    const { provider, next } = await startWaiting()
    let now = 0
    const settings = { baseUrl: provider.url, rate: 10, window: 1 }
    const { carrier, rooms } = await startMade(makeSimple(settings, {}, {}, () => now))
    const pass = stopTime()
    const call = next()
    const submit = carrier.submit(submission())
    const answer = await call
    now = 99
    pass(100)
    const before = rooms()
    answer()
    await submit
    expect([carrier.room(), rooms() - before]).toEqual([0, 0])
    now = 100
    pass(2)
    expect([carrier.room(), rooms() - before]).toEqual([1, 1])
  })

  test('is limited by the rate, and news of it comes when the next one may go', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const { carrier, rooms } = await openSimple({ baseUrl: provider.url, rate: 10 })
    expect([carrier.room(), carrier.status().rate]).toEqual([1, 10])
    const before = rooms()
    const submit = carrier.submit(submission())
    expect(carrier.room()).toBe(0)
    await submit
    await until(() => rooms() > before)
    expect(carrier.room()).toBe(1)
  })

  test('there is none before the start and after the stop, which lets what is under way end', async () => {
    const waiting: Array<() => void> = []
    const provider = await startProvider((_, response) => void waiting.push(() => response.end('{"id":"x1"}')))
    const carrier = makeSimple({ baseUrl: provider.url })
    expect([carrier.room(), carrier.ready()]).toEqual([0, false])
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later' })

    await startMade(carrier)
    const submit = carrier.submit(submission())
    await until(() => waiting.length === 1)
    const stop = carrier.stop()
    expect([carrier.room(), carrier.ready()]).toEqual([0, false])
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later', error: 'the carrier is stopped' })
    waiting.pop()?.()
    expect(await submit).toMatchObject({ accepted: true })
    await stop
    await until(() => provider.sockets.size === 0)
  })
})

describe('a stop', () => {
  test('waits a second for what is under way, and breaks off the rest as unknown', async () => {
    const { provider, next } = await startWaiting()
    const { carrier } = await openSimple({ baseUrl: provider.url, window: 1, timeoutMs: 60_000 })
    const pass = stopTime()
    const call = next()
    const submit = carrier.submit(submission())
    await call
    const waiting = carrier.submit(submission())
    const broken = expect(submit).rejects.toThrow('the carrier is stopped')
    const stop = carrier.stop()
    pass(999)
    await new Promise(resolve => setImmediate(resolve))
    expect(carrier.status().inFlight).toBe(2)

    pass(1)
    await stop
    await broken
    expect(await waiting).toEqual({ accepted: false, verdict: 'later', error: 'the carrier is stopped' })
    expect(carrier.status().inFlight).toBe(0)
    expect(provider.calls).toHaveLength(1)
  })
})
