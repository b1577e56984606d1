// What is listed of messages by their carrier, also while their scripts have still to hear of their end.

import { expect, test } from 'vitest'

import { listMessages, type MessageFilter, type MessagePage } from '../../engine/outbox/message-list.ts'
import { createPlace, message, puppet } from './open-outbox.ts'

/**
 * Messages for `main` and `backup` in turn, oldest first, every third of them
 * delivered; nobody has told their scripts.
 */
async function openWith(count: number) {
  const { clock, open } = await createPlace()
  const carriers = { main: puppet('main'), backup: puppet('backup') }
  const opened = open({ carriers: Object.values(carriers), hearsReports: () => true })
  await opened.outbox.start()
  const ids = { main: [] as string[], backup: [] as string[] }
  const final: string[] = []
  for (let n = 0; n < count; n++) {
    const carrier = n % 2 === 0 ? 'main' : 'backup'
    const { id } = message()
    await opened.outbox.accept(message({ id, carrier }))
    await opened.until(id, 'sent')
    ids[carrier].push(id)
    if (n % 3 === 0) {
      await carriers[carrier].report(`${carrier}-${id}`, 'delivered')
      final.push(id)
    }
  }
  return { ...opened, clock, ids, final }
}

async function pagesOf(list: (cursor: string | undefined) => Promise<MessagePage>): Promise<string[][]> {
  const pages: string[][] = []
  let cursor: string | undefined
  do {
    const { messages, next } = await list(cursor)
    pages.push(messages.map(({ id }) => id))
    cursor = next ?? undefined
  } while (cursor !== undefined)
  return pages
}

test('a final message is listed under its carrier before its script has heard of it, and after', async () => {
  const { outbox, ids, final } = await openWith(12)
  const list = async (filter: Partial<MessageFilter>) =>
    (await outbox.list({ limit: 100, ...filter })).messages.map(({ id }) => id)
  const both = async () => {
    expect(await list({ carrier: 'main' })).toEqual(ids.main.toReversed())
    expect(await list({ carrier: 'backup' })).toEqual(ids.backup.toReversed())
    const delivered = ids.main.filter(id => final.includes(id))
    expect(await list({ carrier: 'main', state: 'delivered' })).toEqual(delivered.toReversed())
    expect(await list({ carrier: 'main', state: 'sent' })).toHaveLength(ids.main.length - delivered.length)
  }
  await both()
  for (const { id } of await outbox.reports.claim(2)) await outbox.reports.done(id)
  await both()
  for (const { id } of await outbox.reports.claim(100)) await outbox.reports.done(id)
  await both()
})

test('the lane in which final messages wait is no carrier', async () => {
  const { outbox } = await openWith(3)
  expect(await outbox.list({ carrier: '@reports', limit: 10 })).toEqual({ messages: [], next: null })
})

test.each([1, 2, 3, 5])('pages of %i hold every message of a carrier once, newest first', async limit => {
  const { outbox, ids } = await openWith(20)
  const pages = await pagesOf(cursor => outbox.list({ carrier: 'main', cursor, limit }))
  expect(pages.flat()).toEqual(ids.main.toReversed())
  // All are full but the last one with anything in it.
  const full = pages.filter(page => page.length === limit).length
  expect(full).toBe(Math.floor(ids.main.length / limit))
})

test('what is accepted between two pages moves none of those that follow', async () => {
  const { outbox, ids } = await openWith(20)
  const pages = await pagesOf(async cursor => {
    const page = await outbox.list({ carrier: 'main', cursor, limit: 3 })
    for (const carrier of ['main', 'backup']) await outbox.accept(message({ carrier }))
    return page
  })
  expect(pages.flat()).toEqual(ids.main.toReversed())
})

test('among many messages of other carriers a page ends early, and the next ones find the rest', async () => {
  const { storage, clock, ids } = await openWith(40)
  const filter = { carrier: 'main', limit: 4 }
  const pages = await pagesOf(cursor => listMessages(storage.work, { ...filter, cursor }, clock(), 5))
  expect(pages.flat()).toEqual(ids.main.toReversed())
  const none = await pagesOf(cursor => listMessages(storage.work, { carrier: 'none', limit: 4, cursor }, clock(), 5))
  expect(none.flat()).toEqual([])
  expect(none.length).toBeGreaterThan(1)
})
