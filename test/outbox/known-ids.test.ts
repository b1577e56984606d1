import { expect, onTestFinished, test } from 'vitest'

import { createKnownIds } from '../../engine/outbox/known-ids.ts'
import { carrierAlias } from '../../engine/outbox/message.ts'
import { openStorage } from '../../engine/storage/list.ts'
import { secret, shareRedis } from '../engines-redis.ts'

const redis = shareRedis()

test('an id that a carrier gave out again, to another engine, leads to the message that got it last', async () => {
  const url = redis.url()
  const [one, other] = await Promise.all([1, 2].map(() => openStorage(url, { secret, clock: Date.now })))
  onTestFinished(async () => void (await Promise.all([one!.close(), other!.close()])))
  let now = 0
  const known = createKnownIds({ ...one!, monotonic: () => now })
  async function send({ work }: typeof one & {}, id: string) {
    const timeline = [{ at: Date.now(), state: 'sent', carrier: 'main', detail: null }]
    const common = { queue: 'messages', lane: 'main', priority: 0, state: 'sent', tags: {}, expiresAt: null }
    await work.schedule({ ...common, id, dueAt: null, body: JSON.stringify({ timeline }) })
    await work.settle('messages', id, { alias: carrierAlias('main', '7') })
  }
  await send(one!, 'm1')
  known.add('main', '7', 'm1', Promise.resolve())
  expect(await known.lookUp('main', ['7'])).toEqual([{ carrierId: '7', id: 'm1' }])
  await send(other!, 'm2')
  now += 60_000
  expect(await known.lookUp('main', ['7'])).toEqual([{ carrierId: '7', id: 'm2' }])
})
