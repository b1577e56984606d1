// Each submit whose fate nobody knows may be a copy on the phone.

import { expect, onTestFinished, test } from 'vitest'

import { createPlace, message, puppet } from './open-outbox.ts'

const lost = async (): Promise<never> => {
  throw new Error('no answer')
}
const busy = async () => ({ accepted: false, verdict: 'later', error: 'queue full' }) as const
const pauses = { firstPauseMs: 1, longestPauseMs: 1 }

test('the eighth submit of unknown fate ends a message, whatever came in between', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  // The timeline keeps fewer entries than there are between two of them.
  for (let n = 1; n <= 20 * 12; n++) carrier.answers.push(n % 12 === 0 ? lost : busy)
  const { outbox, until } = place.open({ carriers: [carrier], settings: pauses })
  await outbox.start()
  const asked = message({ validForMs: 86_400_000 })
  await outbox.accept(asked)
  const poke = setInterval(() => {
    place.clock.advance(50)
    carrier.setRoom(100)
  }, 2)
  onTestFinished(() => clearInterval(poke))

  const ended = await until(asked.id, 'failed')
  expect(ended).toMatchObject({ attempts: 8 * 12, error: 'no answer' })
  expect(ended.timeline.length).toBeLessThanOrEqual(50)
})

test('of a message that an earlier version stored, those in its timeline count', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(lost)
  const { outbox, storage, until } = place.open({ carriers: [carrier], settings: pauses })
  const asked = message()
  await outbox.accept(asked)
  const item = (await storage.work.get('messages', asked.id))!
  const { uncertain: _, ...body } = JSON.parse(item.body)
  const entry = { at: place.clock(), state: 'uncertain', carrier: 'main', detail: 'no answer' }
  body.timeline = [...body.timeline, ...Array.from({ length: 7 }, () => entry)]
  await storage.work.settle('messages', asked.id, { body: JSON.stringify(body) })
  await outbox.start()
  expect(await until(asked.id, 'failed')).toMatchObject({ attempts: 1, error: 'no answer' })
})
