// The wall clock is set back: by hand, or by a time server after a start with a wrong one.

import { expect, test, vi } from 'vitest'

import { createPlace, message, puppet } from './open-outbox.ts'

const hourMs = 3_600_000

test('a message that waits when the clock is set back goes out all the same', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  carrier.setRoom(0)
  const waiting = Array.from({ length: 250 }, () => message())
  for (const asked of waiting) await outbox.accept(asked)
  place.clock.advance(-hourMs)
  carrier.setRoom(300)

  for (const { id } of waiting) await until(id, 'sent')
  // In the order in which they came.
  expect(carrier.submissions.map(({ id }) => id)).toEqual(waiting.map(({ id }) => id))
})

test('a pause begins anew when the clock is set back, and one that begins after that is as long as ever', async () => {
  const place = await createPlace()
  const carrier = puppet('main')
  const busy = async () => ({ accepted: false, verdict: 'later', error: 'busy' }) as const
  carrier.answers.push(busy, busy)
  const { outbox, storage, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message({ validForMs: 86_400_000 })
  await outbox.accept(asked)
  const dueAfter = (ms: number) => async () =>
    expect(await storage.work.get('messages', asked.id)).toMatchObject({ owner: null, dueAt: place.clock() + ms })
  // The jitter of these tests is 0: half of the pause.
  await vi.waitFor(dueAfter(500))
  place.clock.advance(-hourMs)
  await vi.waitFor(dueAfter(500), { timeout: 5_000 })
  expect(carrier.submissions).toHaveLength(1)

  place.clock.advance(500)
  carrier.setRoom(100)
  await vi.waitFor(dueAfter(1_000))
  place.clock.advance(1_000)
  carrier.setRoom(100)
  expect(await until(asked.id, 'sent')).toMatchObject({ attempts: 3 })
})

test('what waits at a start goes out although the clock was set back before it', async () => {
  const place = await createPlace()
  const first = place.open({ carriers: [puppet('main')] })
  const asked = message()
  // Not started: nobody takes it.
  await first.outbox.accept(asked)
  await first.close()
  place.clock.advance(-hourMs)
  const { outbox, until } = place.open({ carriers: [puppet('main')] })
  await outbox.start()
  await until(asked.id, 'sent')
})

test('messages leave a carrier that is down although the clock is set back meanwhile', async () => {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  main.setReady(false)
  backup.setReady(false)
  const { outbox, until } = place.open({ carriers: [main, backup] })
  await outbox.start()
  const asked = message()
  await outbox.accept(asked)
  await outbox.carriers()
  place.clock.advance(-hourMs)
  await outbox.carriers()
  backup.setReady(true)
  place.clock.advance(6_000)
  expect(await until(asked.id, 'sent')).toMatchObject({ carrier: 'backup' })
})
