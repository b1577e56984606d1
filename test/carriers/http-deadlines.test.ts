// When the time of a request is over: before it was written nothing was sent,
// after that nobody knows.

import { expect, test } from 'vitest'

import { startMade, startProvider, submission, type Answering } from './provider.ts'
import { makeSimple, openSimple } from './simple-provider.ts'
import { stopTime } from './stop-time.ts'
import { startWaiting } from './waiting-provider.ts'

/** A provider that never answers. */
async function startSilent() {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const silent: Answering = () => {
    resolve()
    return undefined
  }
  return { provider: await startProvider(silent), asked }
}

test('no answer in time leaves it unknown', async () => {
  const { provider, asked } = await startSilent()
  const { carrier } = await openSimple({ baseUrl: provider.url, timeoutMs: 700 })
  const pass = stopTime()
  const submit = carrier.submit(submission())
  await asked
  pass(700)
  await expect(submit).rejects.toThrow('no answer within 700 ms')
  expect(provider.calls).toHaveLength(1)
})

test('one that waited in vain for a connection is not sent afterwards', async () => {
  const { provider, asked } = await startSilent()
  const { carrier } = await openSimple({ baseUrl: provider.url, timeoutMs: 700, window: 1 })
  const pass = stopTime()
  const first = carrier.submit(submission({ text: 'first' }))
  await asked
  const second = carrier.submit(submission({ text: 'second' }))
  pass(700)
  await expect(first).rejects.toThrow('no answer within 700 ms')
  expect(await second).toMatchObject({ verdict: 'elsewhere', error: 'cannot connect: no connection within 700 ms' })

  provider.answers({ body: { id: 'x3' } })
  expect(await carrier.submit(submission({ text: 'third' }))).toMatchObject({ accepted: true })
  expect(provider.calls.map(call => call.form.text)).toEqual(['first', 'third'])
})

test('the time for the answer begins when the request leaves, not while it waits for a connection', async () => {
  const { provider, next } = await startWaiting()
  const { carrier } = await openSimple({ baseUrl: provider.url, timeoutMs: 700, window: 1 })
  const pass = stopTime()
  const [firstCall, secondCall] = [next(), next()]
  const first = carrier.submit(submission())
  const answerFirst = await firstCall
  const second = carrier.submit(submission())
  pass(600)
  answerFirst()
  expect(await first).toMatchObject({ accepted: true })
  const answerSecond = await secondCall
  pass(600)
  answerSecond()
  expect(await second).toMatchObject({ accepted: true })
  expect(provider.calls).toHaveLength(2)
})

test('a full window is on the wire at once: none waits for the answer to another', async () => {
  const { provider, next } = await startWaiting()
  const { carrier } = await openSimple({ baseUrl: provider.url })
  const calls = Array.from({ length: carrier.room() }, next)
  const submits = calls.map(() => carrier.submit(submission()))
  for (const answer of await Promise.all(calls)) answer()
  expect(await Promise.all(submits)).toHaveLength(32)
})

test('what became worthless while it waited for a connection is not written', async () => {
  const { provider, next } = await startWaiting()
  let now = 1_000_000
  const { carrier } = await startMade(makeSimple({ baseUrl: provider.url, window: 1 }, {}, { clock: () => now }))
  const call = next()
  const first = carrier.submit(submission({ text: 'first' }))
  const answer = await call
  const late = carrier.submit(submission({ text: 'late', expiresAt: now + 2_000 }))
  now += 2_000
  answer()
  expect(await first).toMatchObject({ accepted: true })
  expect(await late).toEqual({
    accepted: false,
    verdict: 'later',
    unasked: true,
    error: 'the message ran out of time before there was a connection',
  })
  provider.answers({ body: { id: 'x3' } })
  expect(await carrier.submit(submission({ text: 'third' }))).toMatchObject({ accepted: true })
  expect(provider.calls.map(call => call.form.text)).toEqual(['first', 'third'])
})
