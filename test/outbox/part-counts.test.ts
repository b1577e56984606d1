// What is counted of a message whose parts are reported on one by one, and what is billed.

import { expect, test } from 'vitest'

import { cdrPages } from '../../engine/http/admin-cdr.ts'
import { createPlace, message, puppet } from './open-outbox.ts'

test('a message in three parts is sent once, when the network took it', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  carrier.answers.push(async () => ({ accepted: true, carrierIds: ['a', 'b', 'c'] }))
  const { outbox, storage, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const sentAt = place.clock()
  const asked = message({ text: 'x'.repeat(400) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  for (const part of ['a', 'b', 'c']) {
    place.clock.advance(10_000)
    await carrier.report(part, 'delivered')
  }

  const done = await until(asked.id, 'delivered')
  const [view] = await outbox.carriers()
  const shown = { format: 'ndjson', showsNumbers: false, countryOf: () => undefined } as const
  const pages = cdrPages(storage.work, { from: sentAt, to: sentAt + 1, now: place.clock(), ...shown })
  const [text] = await Array.fromAsync(pages)

  expect(done.timeline).toHaveLength(5)
  expect(view).toMatchObject({ states: { sent: 1, delivered: 1 }, sentMs: { total: 1, sumMs: 0 } })
  expect(view!.deliveredMs).toMatchObject({ total: 1, sumMs: 30_000 })
  expect(outbox.stats().states).toMatchObject({ sent: 1, delivered: 1 })
  expect(JSON.parse(text!)).toMatchObject({
    sent_at: new Date(sentAt).toISOString(),
    final_at: new Date(sentAt + 30_000).toISOString(),
  })
})

test('a message to a test number is counted where it ends as well', async () => {
  const place = await createPlace()
  const { outbox } = place.open({ carriers: [puppet('main')], testNumbers: { '+12015550199': '000000' } })
  await outbox.start()
  const asked = message({ to: '+12015550199' })
  for (let n = 0; n < 2; n++) await outbox.accept(asked)
  expect(outbox.stats()).toMatchObject({ accepted: 1, submitted: 0, states: { delivered: 1, sent: 0 } })
})
