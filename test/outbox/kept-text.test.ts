// A text is kept no longer than it can be needed.

import { expect, test, vi } from 'vitest'

import { createPlace, message, puppet } from './open-outbox.ts'

async function open() {
  const place = await createPlace()
  const [main, backup] = [puppet('main'), puppet('backup')]
  const opened = place.open({ carriers: [main, backup] })
  await opened.outbox.start()
  const body = async (id: string): Promise<string> => (await opened.storage.work.get('messages', id))!.body
  return { place, main, backup, body, ...opened }
}

test('the text of a message that is sent is gone, where no other carrier may ask for it', async () => {
  const { outbox, until, body } = await open()
  const [plain, bound, other] = [{}, { failover: true, carrier: 'main' }, { failover: true }].map(message)
  for (const asked of [plain!, bound!, other!]) {
    await outbox.accept(asked)
    await until(asked.id, 'sent')
  }
  expect(await body(plain!.id)).not.toContain('483920')
  expect(await body(bound!.id)).not.toContain('483920')
  expect(await body(other!.id)).toContain('483920')
})

test('a message in parts forgets its text with the first report after its end', async () => {
  const { place, main, outbox, until, body } = await open()
  main.answers.push(async () => ({ accepted: true, carrierIds: ['a', 'b', 'c'] }))
  const asked = message({ failover: true, validForMs: 60_000 })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await main.report('a', 'delivered')
  expect(await body(asked.id)).toContain('483920')
  place.clock.advance(60_000)
  await main.report('b', 'delivered')
  await vi.waitFor(async () => expect(await body(asked.id)).not.toContain('483920'))
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'sent' })
})
