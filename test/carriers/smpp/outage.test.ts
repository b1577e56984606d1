// A message centre is away under load: nothing is lost, nothing is submitted
// after its time, and it is not flooded when it is back.

import { expect, test } from 'vitest'

import { createTestEngine, until } from '../../helpers.ts'
import { startNpmSmsc } from './npm-smsc.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const outageMs = isLong ? 60_000 : 3_000
const perSecond = 50
const rate = 200
const shortMs = isLong ? 20_000 : 1_000

const script = `export default async ({ n, validFor }) =>
  (await sendSms({ to: '+1201' + String(2000000 + n), text: 'message ' + n, validFor })).id`

test(`a message centre that is away for ${outageMs / 1_000} s under load`, { timeout: 600_000 }, async () => {
  const submittedAt = new Map<string, number[]>()
  const smsc = await startNpmSmsc((pdu, session, count) => {
    const text = String((pdu.short_message as { message: unknown }).message)
    submittedAt.set(text, [...(submittedAt.get(text) ?? []), Date.now()])
    session.send(pdu.response({ message_id: `m${count}` }))
  })
  const engine = await createTestEngine({
    files: { 'broadcast.ts': script },
    config: {
      carriers: {
        main: {
          driver: 'smpp',
          url: `smpp://user:secret@127.0.0.1:${smsc.port}`,
          window: 10,
          rate,
          reconnectMs: 50,
          reconnectMostMs: 500,
        },
      },
    },
  })
  await until(() => engine.engine.outbox.carriers().then(([main]) => main!.ready || undefined))

  const asked: Array<Promise<{ n: number; id: string }>> = []
  const ask = (n: number): void => {
    // Every third one is worth nothing before the centre is back.
    const validMs = n % 3 === 0 ? shortMs : 3_600_000
    const request = engine.post('/broadcast', { n, validFor: `${validMs / 1_000}s` })
    asked.push(request.then(({ body }) => ({ n, id: body as string })))
  }
  const under = { load: true }
  const load = (async () => {
    for (let n = 0; under.load; n++) {
      ask(n)
      await new Promise(later => setTimeout(later, 1_000 / perSecond))
    }
  })()
  await until(() => submittedAt.size > 20)
  await smsc.close()
  await until(() => engine.engine.outbox.carriers().then(([main]) => main!.state === 'down' || undefined))
  await new Promise(later => setTimeout(later, outageMs))
  under.load = false
  await load
  const messages = await Promise.all(asked)
  const before = new Set(submittedAt.keys())
  const waiting = (await engine.engine.outbox.waiting()).main!
  await smsc.open()
  const backAt = Date.now()

  await until(async () => (await engine.engine.outbox.waiting()).main === 0)
  const ends = await Promise.all(
    messages.map(async ({ n, id }) => {
      const message = await until(async () => {
        const found = await engine.engine.outbox.get(id)
        return found?.state === 'queued' ? undefined : found
      })
      return { n, expiresAt: message.expiresAt, state: message.state, times: submittedAt.get(`message ${n}`) ?? [] }
    }),
  )
  // What is on its way when its time ends may arrive a moment later.
  const onItsWayMs = 1_000
  for (const { state, times, expiresAt } of ends) {
    expect(state).toBe(times.length > 0 ? 'sent' : 'expired')
    for (const at of times) expect(at).toBeLessThanOrEqual(expiresAt + onItsWayMs)
  }
  // Those that could wait have all been sent, and those that could not were there.
  expect(ends.filter(({ n, state }) => n % 3 !== 0 && state !== 'sent')).toEqual([])
  const lapsed = ends.filter(({ state }) => state === 'expired').length
  expect(lapsed).toBeGreaterThan(10)
  const caughtUp = [...submittedAt.values()].flat().filter(at => at >= backAt)
  expect(caughtUp.length).toBeGreaterThanOrEqual(waiting - lapsed - before.size)
  // A bucket holds a tenth of a second's worth: it cannot have been done sooner.
  const leastMs = ((caughtUp.length - rate / 10) / rate) * 1_000
  expect(Math.max(...caughtUp) - backAt).toBeGreaterThanOrEqual(leastMs - 50)
})
