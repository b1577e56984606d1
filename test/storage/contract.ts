// What every storage driver has to do: the suite that each one's test runs.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NewWork, Storage, WorkItem } from '../../engine/storage/storage.ts'

export interface OpenedStorage {
  storage: Storage
  /** Closes it and leaves nothing behind. */
  remove(): Promise<void>
}

/** `open` gives a fresh, empty storage that lives by `clock`. */
export function storageContract(name: string, open: (clock: () => number) => Promise<OpenedStorage>): void {
  const start = 1_800_000_000_000
  let now = start
  let opened: OpenedStorage
  let storage: Storage

  beforeEach(async () => {
    now = start
    opened = await open(() => now)
    storage = opened.storage
  })
  afterEach(() => opened.remove())

  describe(`${name}: entries`, () => {
    const value = async (key: string, space = 's') => (await storage.entries.get(space, key))?.value

    test('gives back what was set, in its own space only', async () => {
      expect(await storage.entries.set('s', 'a', 'text')).toBe(true)
      expect(await storage.entries.get('s', 'a')).toMatchObject({ key: 'a', value: 'text', expiresAt: null })
      expect(await value('a', 'other')).toBeUndefined()
      expect(await value('b')).toBeUndefined()
    })

    test('tells one space and key from another where together they read the same', async () => {
      await storage.entries.set('s', 'a:b', '1')
      expect(await value('b', 's:a')).toBeUndefined()
      expect(await storage.entries.list('s:a', '')).toEqual([])
    })

    test('forgets an entry when its time has passed, for every operation', async () => {
      for (const key of ['get', 'delete', 'replace', 'increment', 'ifAbsent', 'list:x'])
        await storage.entries.set('s', key, '7', { ttlMs: 1000 })
      expect((await storage.entries.get('s', 'get'))?.expiresAt).toBe(start + 1000)
      const { version = 0 } = (await storage.entries.get('s', 'replace')) ?? {}
      now += 999
      expect(await value('get')).toBe('7')
      now += 1
      expect(await value('get')).toBeUndefined()
      expect(await storage.entries.delete('s', 'delete')).toBe(false)
      expect(await storage.entries.replace('s', 'replace', { version, value: 'x' })).toBe(false)
      expect(await storage.entries.replace('s', 'replace', { version: null, value: 'x' })).toBe(true)
      expect(await storage.entries.increment('s', 'increment')).toEqual({ value: 1, expiresAt: null })
      expect(await storage.entries.set('s', 'ifAbsent', 'x', { ifAbsent: true })).toBe(true)
      expect(await storage.entries.list('s', 'list')).toEqual([])
    })

    test('an entry whose time has passed before it is written is never there', async () => {
      await storage.entries.set('s', 'a', '1', { ttlMs: -120_000 })
      expect(await storage.entries.replace('s', 'b', { version: null, value: '1', ttlMs: -120_000 })).toBe(true)
      expect(await value('a')).toBeUndefined()
      expect(await storage.entries.list('s', '')).toEqual([])
    })

    test('set takes the lifetime away when it names none', async () => {
      await storage.entries.set('s', 'a', '1', { ttlMs: 1000 })
      await storage.entries.set('s', 'a', '2')
      now += 5000
      expect(await storage.entries.get('s', 'a')).toMatchObject({ value: '2', expiresAt: null })
    })

    test('of a hundred parallel sets with ifAbsent one wins', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => storage.entries.set('s', 'a', String(i), { ifAbsent: true })),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect(await value('a')).toBe(String(answers.indexOf(true)))
    })

    test('delete tells whether there was one', async () => {
      await storage.entries.set('s', 'a', '1')
      expect(await storage.entries.delete('s', 'a')).toBe(true)
      expect(await storage.entries.delete('s', 'a')).toBe(false)
      expect(await value('a')).toBeUndefined()
    })

    test('counts two hundred parallel increments, each once', async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => storage.entries.increment('s', 'n')))
      const values = answers.map(answer => answer?.value ?? 0).sort((a, b) => a - b)
      expect(values).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
      expect(await value('n')).toBe('200')
    })

    test('a counter keeps its first lifetime and goes down too', async () => {
      expect(await storage.entries.increment('s', 'n', { by: 5, ttlMs: 1000 })).toEqual({
        value: 5,
        expiresAt: start + 1000,
      })
      now += 500
      expect(await storage.entries.increment('s', 'n', { by: -7, ttlMs: 9000 })).toEqual({
        value: -2,
        expiresAt: start + 1000,
      })
      now += 500
      expect(await storage.entries.increment('s', 'n')).toEqual({ value: 1, expiresAt: null })
    })

    test('increment goes on from a whole number that was set, and leaves anything else alone', async () => {
      await storage.entries.set('s', 'n', '41', { ttlMs: 1000 })
      expect(await storage.entries.increment('s', 'n')).toEqual({ value: 42, expiresAt: start + 1000 })
      expect(await storage.entries.list('s', 'n')).toEqual([{ key: 'n', value: '42' }])
      for (const text of ['', 'x', '1.5', '007', '"1"', ' 1', '1e3', '99999999999999999999', '{}']) {
        await storage.entries.set('s', 'odd', text)
        expect(await storage.entries.increment('s', 'odd')).toBeUndefined()
        expect(await value('odd')).toBe(text)
      }
    })

    test('a counter can be replaced, set and counted on', async () => {
      await storage.entries.increment('s', 'n', { by: 3 })
      const { version = 0 } = (await storage.entries.get('s', 'n')) ?? {}
      expect(await storage.entries.replace('s', 'n', { version, value: '10' })).toBe(true)
      expect(await storage.entries.increment('s', 'n')).toMatchObject({ value: 11 })
      await storage.entries.set('s', 'n', 'text')
      expect(await value('n')).toBe('text')
    })

    test('of parallel replaces of one version one is written', async () => {
      await storage.entries.set('s', 'a', 'first')
      const { version = 0 } = (await storage.entries.get('s', 'a')) ?? {}
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => storage.entries.replace('s', 'a', { version, value: String(i) })),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      const after = await storage.entries.get('s', 'a')
      expect(after?.value).toBe(String(answers.indexOf(true)))
      expect(after?.version).toBeGreaterThan(version)
    })

    test('replace with null writes only where there is none, and deletes with undefined', async () => {
      expect(await storage.entries.replace('s', 'a', { version: null, value: undefined })).toBe(true)
      expect(await storage.entries.replace('s', 'a', { version: null, value: '1', ttlMs: 1000 })).toBe(true)
      expect(await storage.entries.replace('s', 'a', { version: null, value: '2' })).toBe(false)
      const { version = 0 } = (await storage.entries.get('s', 'a')) ?? {}
      expect(await storage.entries.replace('s', 'a', { version: version + 1, value: undefined })).toBe(false)
      expect(await storage.entries.replace('s', 'a', { version, value: undefined })).toBe(true)
      expect(await value('a')).toBeUndefined()
    })

    test('replace keeps the lifetime unless it is given one', async () => {
      await storage.entries.set('s', 'a', '1', { ttlMs: 1000 })
      const first = await storage.entries.get('s', 'a')
      await storage.entries.replace('s', 'a', { version: first?.version ?? 0, value: '2' })
      const second = await storage.entries.get('s', 'a')
      expect(second).toMatchObject({ value: '2', expiresAt: start + 1000 })
      await storage.entries.replace('s', 'a', { version: second?.version ?? 0, value: '3', ttlMs: 5000 })
      expect((await storage.entries.get('s', 'a'))?.expiresAt).toBe(start + 5000)
    })

    test('a version of an entry that was deleted and set again is not the old one', async () => {
      const seen = new Set<number | undefined>()
      for (let round = 0; round < 3; round++) {
        await storage.entries.set('s', 'a', '1')
        seen.add((await storage.entries.get('s', 'a'))?.version)
        await storage.entries.set('s', 'a', '2')
        seen.add((await storage.entries.get('s', 'a'))?.version)
        await storage.entries.delete('s', 'a')
      }
      expect(seen.size).toBe(6)
    })

    test('lists by whole segments', async () => {
      for (const key of ['a', 'a:b', 'a:b:c', 'a:bc', 'a:b ', 'b', 'a:b:'])
        await storage.entries.set('s', key, `=${key}`)
      const keys = async (prefix: string) => (await storage.entries.list('s', prefix)).map(entry => entry.key).sort()
      expect(await keys('a:b')).toEqual(['a:b', 'a:b:', 'a:b:c'])
      expect(await keys('a')).toEqual(['a', 'a:b', 'a:b ', 'a:b:', 'a:b:c', 'a:bc'])
      expect(await keys('')).toHaveLength(7)
      expect(await keys('a:b:c:d')).toEqual([])
      expect(await storage.entries.list('s', 'b')).toEqual([{ key: 'b', value: '=b' }])
    })

    test('lists at most the limit, a hundred unless told', async () => {
      await Promise.all(Array.from({ length: 130 }, (_, i) => storage.entries.set('s', `k:${i}`, '')))
      expect(await storage.entries.list('s', 'k')).toHaveLength(100)
      expect(await storage.entries.list('s', 'k', { limit: 7 })).toHaveLength(7)
      const all = await storage.entries.list('s', '', { limit: 500 })
      expect(new Set(all.map(entry => entry.key)).size).toBe(130)
    })

    test('takes any key and any value', async () => {
      const odd = ['', ':', '::', 'a:', ':a', '%', '_', 'a%', '*', '?', '[a]', '\\', "'", '"', '\0', '\n', ' ', '{a}']
      const keys = [...odd, '__proto__', 'constructor', 'é', 'e\u0301', '電話', '😀', '\ud83d', '\ud83e', '\ufffd']
      keys.push('x'.repeat(1000), ':'.repeat(1000), 'y:'.repeat(500))
      for (const key of keys) expect(await storage.entries.set('s', key, `=${key}`, { ifAbsent: true })).toBe(true)
      for (const key of keys) {
        expect(await value(key)).toBe(`=${key}`)
        expect(await storage.entries.list('s', key, { limit: 1000 })).toContainEqual({ key, value: `=${key}` })
      }
      expect(await storage.entries.list('s', '', { limit: 1000 })).toHaveLength(keys.length)
      const large = '0123456789abcdef'.repeat(4096)
      await storage.entries.set('__proto__', 'large', large)
      expect(await value('large', '__proto__')).toBe(large)
    })
  })

  describe(`${name}: due work`, () => {
    const queue = 'messages'
    const work = (id: string, item: Partial<NewWork> = {}): NewWork => ({
      queue,
      id,
      lane: 'main',
      priority: 0,
      dueAt: now,
      state: 'queued',
      tags: { script: 'otp', number: '+12015550123' },
      body: `body of ${id}`,
      expiresAt: null,
      ...item,
    })
    /** Tags are only there to find it by. */
    const kept = (id: string, item?: Partial<NewWork>): Omit<NewWork, 'tags'> => {
      const { tags: _tags, ...rest } = work(id, item)
      return rest
    }
    const claim = (limit: number, { owner = 'one', lane = 'main' } = {}) =>
      storage.work.claim(queue, lane, { owner, now, limit })
    const ids = (items: WorkItem[]) => items.map(item => item.id)

    test('what is scheduled as claimed is its owner’s from the beginning', async () => {
      const item = await storage.work.scheduleClaimed(work('m1'), 'one')
      expect(item).toMatchObject({ id: 'm1', owner: 'one', body: 'body of m1' })
      expect(await storage.work.scheduleClaimed(work('m1'), 'two')).toBeUndefined()
      expect(await claim(10)).toEqual([])
      expect(ids(await storage.work.orphans(queue, ['two'], 10))).toEqual(['m1'])
      expect(await storage.work.settle(queue, 'm1', { state: 'sent', dueAt: null }, { version: item!.version })).toBe(
        true,
      )
      expect(await storage.work.get(queue, 'm1')).toMatchObject({ state: 'sent', owner: null })
    })

    test('an item can have another name, which it keeps until it is taken away', async () => {
      const other = (alias: string) => storage.work.byAlias(queue, alias).then(item => item?.id)
      for (const id of ['m1', 'm2']) await storage.work.schedule(work(id))
      await storage.work.settle(queue, 'm1', { state: 'sent', alias: 'main\n17' })
      expect(await storage.work.byAlias(queue, 'main\n17')).toMatchObject({
        id: 'm1',
        state: 'sent',
        body: 'body of m1',
      })
      expect(await storage.work.byAlias('timers', 'main\n17')).toBeUndefined()
      await storage.work.settle(queue, 'm1', { priority: 1 })
      expect(await other('main\n17')).toBe('m1')
      // A name that is given out again leads to who got it last, whichever was scheduled first.
      await storage.work.settle(queue, 'm2', { alias: 'main\n17' })
      expect(await other('main\n17')).toBe('m2')
      await storage.work.settle(queue, 'm1', { alias: 'main\n17' })
      expect(await other('main\n17')).toBe('m1')
      await storage.work.settle(queue, 'm2', { alias: 'main\n17' })
      await storage.work.settle(queue, 'm1', { priority: 2 })
      expect(await other('main\n17')).toBe('m2')
      await storage.work.settle(queue, 'm2', { alias: null })
      expect(await other('main\n17')).toBe('m1')
      expect(await other('m1')).toBeUndefined()
    })

    test('gives back what was scheduled', async () => {
      expect(await storage.work.schedule(work('m1'))).toBe(true)
      expect(await storage.work.get(queue, 'm1')).toEqual({
        ...kept('m1'),
        owner: null,
        version: expect.any(Number),
        createdAt: start,
        updatedAt: start,
      })
      expect(await storage.work.get('timers', 'm1')).toBeUndefined()
      await storage.work.schedule(work('bare', { tags: {}, body: '' }))
      expect(await storage.work.get(queue, 'bare')).toMatchObject({ body: '' })
    })

    test('refuses an id that its queue has already, and changes nothing', async () => {
      const answers = await Promise.all([1, 2, 3].map(n => storage.work.schedule(work('m1', { body: `${n}` }))))
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect((await storage.work.get(queue, 'm1'))?.body).toBe(`${answers.indexOf(true) + 1}`)
      expect(await storage.work.schedule(work('m1', { queue: 'timers' }))).toBe(true)
    })

    test('claims what is due in a lane, by priority, then by time', async () => {
      await storage.work.schedule(work('bulk', { priority: 5, dueAt: start - 9000 }))
      await storage.work.schedule(work('late', { dueAt: start - 1 }))
      await storage.work.schedule(work('early', { dueAt: start - 1000 }))
      await storage.work.schedule(work('future', { dueAt: start + 1 }))
      await storage.work.schedule(work('done', { dueAt: null }))
      await storage.work.schedule(work('elsewhere', { lane: 'backup' }))
      await storage.work.schedule(work('timer', { queue: 'timers' }))
      const first = await claim(2)
      expect(ids(first)).toEqual(['early', 'late'])
      expect(first[0]).toMatchObject({ owner: 'one', body: 'body of early' })
      expect(ids(await claim(10))).toEqual(['bulk'])
      expect(await claim(10)).toEqual([])
      now += 1
      expect(ids(await claim(10))).toEqual(['future'])
      expect(await claim(0, { lane: 'backup' })).toEqual([])
    })

    test('never gives one item to two owners', async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => storage.work.schedule(work(`m${i}`, { priority: i % 3 }))),
      )
      const claims = await Promise.all(Array.from({ length: 30 }, (_, i) => claim(7, { owner: `owner ${i}` })))
      const claimed = claims.flatMap(ids)
      expect(claimed).toHaveLength(100)
      expect(new Set(claimed).size).toBe(100)
      for (const [i, items] of claims.entries())
        for (const item of items) expect((await storage.work.get(queue, item.id))?.owner).toBe(`owner ${i}`)
    })

    test('settle changes what is given, frees the claim and leaves the rest', async () => {
      await storage.work.schedule(work('m1', { expiresAt: start + 90_000 }))
      const [claimed] = await claim(1)
      now += 10
      expect(await storage.work.settle(queue, 'm1', { state: 'sent', dueAt: null })).toBe(true)
      expect(await storage.work.get(queue, 'm1')).toEqual({
        ...kept('m1', { state: 'sent', dueAt: null, expiresAt: start + 90_000 }),
        owner: null,
        version: expect.any(Number),
        createdAt: start,
        updatedAt: start + 10,
      })
      expect((await storage.work.get(queue, 'm1'))?.version).toBeGreaterThan(claimed?.version ?? Infinity)
      const change = { lane: 'backup', priority: 3, dueAt: start, state: 'queued', body: 'new', expiresAt: null }
      expect(await storage.work.settle(queue, 'm1', change)).toBe(true)
      expect(await storage.work.get(queue, 'm1')).toMatchObject(change)
      expect(ids(await claim(5, { lane: 'backup' }))).toEqual(['m1'])
      expect(await storage.work.settle(queue, 'nobody', { state: 'sent' })).toBe(false)
    })

    test('settle with a version writes only on that one', async () => {
      await storage.work.schedule(work('m1'))
      const [item] = await claim(1)
      const version = item?.version ?? 0
      const answers = await Promise.all(
        ['a', 'b', 'c'].map(state => storage.work.settle(queue, 'm1', { state }, { version })),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect((await storage.work.get(queue, 'm1'))?.state).toBe(['a', 'b', 'c'][answers.indexOf(true)])
    })

    test('tells what waits in a lane and when the next is due', async () => {
      expect(await storage.work.nextDue(queue, 'main')).toBeNull()
      expect(await storage.work.waiting(queue, 'main')).toBe(0)
      await storage.work.schedule(work('a', { priority: 0, dueAt: start + 300 }))
      await storage.work.schedule(work('b', { priority: 9, dueAt: start + 100 }))
      await storage.work.schedule(work('c', { dueAt: start - 50 }))
      await storage.work.schedule(work('d', { lane: 'backup', dueAt: start - 500 }))
      await storage.work.schedule(work('e', { dueAt: null }))
      expect(await storage.work.waiting(queue, 'main')).toBe(3)
      expect(await storage.work.nextDue(queue, 'main')).toBe(start - 50)
      await claim(1)
      expect(await storage.work.waiting(queue, 'main')).toBe(2)
      expect(await storage.work.nextDue(queue, 'main')).toBe(start + 100)
    })

    test('lists newest first, by state, lane, script and number', async () => {
      await storage.work.schedule(work('a'))
      now += 1
      await storage.work.schedule(work('b', { state: 'sent', lane: 'backup' }))
      now += 1
      await storage.work.schedule(work('c', { tags: { script: 'sms', number: '+442071838750' } }))
      now += 1
      await storage.work.schedule(work('d', { tags: {}, state: 'sent' }))
      await storage.work.schedule(work('t', { queue: 'timers' }))
      const found = async (filter: object) => ids((await storage.work.list(queue, { limit: 10, ...filter })).items)
      expect(await found({})).toEqual(['d', 'c', 'b', 'a'])
      expect(await found({ state: 'sent' })).toEqual(['d', 'b'])
      expect(await found({ lane: 'backup' })).toEqual(['b'])
      expect(await found({ script: 'otp' })).toEqual(['b', 'a'])
      expect(await found({ number: '+442071838750' })).toEqual(['c'])
      expect(await found({ number: '+12015550123', state: 'queued' })).toEqual(['a'])
      expect(await found({ number: '+12015550123', script: 'sms' })).toEqual([])
      expect(await found({ script: '+12015550123' })).toEqual([])
    })

    test('pages are complete and without doubles while new work arrives and some goes', async () => {
      for (let i = 0; i < 53; i++) await storage.work.schedule(work(`m${i}`, { state: i % 2 ? 'sent' : 'queued' }))
      for (const [filter, total] of [
        [{}, 53],
        [{ state: 'sent' }, 26],
        [{ number: '+12015550123' }, 53],
      ] as const) {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await storage.work.list(queue, { ...filter, limit: 10, ...(cursor && { cursor }) })
          seen.push(...ids(page.items))
          cursor = page.next ?? undefined
          await storage.work.schedule(
            work(`later ${seen.length} ${total} ${JSON.stringify(filter)}`, { state: 'sent' }),
          )
        } while (cursor)
        const early = seen.filter(id => !id.startsWith('later'))
        expect(early).toHaveLength(total)
        expect(new Set(seen).size).toBe(seen.length)
        // What came while the pages were read belongs to none of them.
        for (const { id } of (await storage.work.list(queue, { limit: 100 })).items)
          if (id.startsWith('later')) await storage.work.delete(queue, id)
      }
    })

    test('a last page that is full has no next', async () => {
      for (let i = 0; i < 4; i++) await storage.work.schedule(work(`m${i}`))
      const first = await storage.work.list(queue, { limit: 2 })
      const last = await storage.work.list(queue, { limit: 2, cursor: first.next ?? '' })
      expect(ids([...first.items, ...last.items])).toEqual(['m3', 'm2', 'm1', 'm0'])
      expect(last.next).toBeNull()
      expect(await storage.work.list('empty', { limit: 2 })).toEqual({ items: [], next: null })
    })

    test('refuses a cursor that it never gave', async () => {
      for (const cursor of ['', 'x', '-1', '1; DROP TABLE work', '9'.repeat(40)])
        await expect(storage.work.list(queue, { limit: 2, cursor })).rejects.toMatchObject({ code: 'invalid_request' })
    })

    test('gives what was created in a span of time, oldest first', async () => {
      const created = async (from: number, to: number) => {
        const { items, next } = await storage.work.created(queue, { from, to, limit: 100 })
        expect(next).toBeNull()
        return ids(items)
      }
      expect(await created(start - 1000, start + 1000)).toEqual([])
      await storage.work.schedule(work('t', { queue: 'timers' }))
      for (let i = 0; i < 50; i++) {
        await storage.work.schedule(work(`m${i}`))
        now += 10
      }
      await storage.work.settle(queue, 'm7', { state: 'sent', lane: 'backup', dueAt: null })
      await storage.work.delete(queue, 'm8')
      await storage.work.schedule(work('gone', { expiresAt: now + 1 }))
      now += 1
      expect(await created(start + 50, start + 101)).toEqual(['m5', 'm6', 'm7', 'm9', 'm10'])
      expect(await created(start + 51, start + 60)).toEqual([])
      expect((await created(0, now + 1))[0]).toBe('m0')
      expect(await created(0, now + 1)).toHaveLength(49)
      expect(await created(now, now + 10_000_000)).toEqual([])
      expect(await created(0, start)).toEqual([])
    })

    test('pages by creation are complete and without doubles, also inside one millisecond', async () => {
      for (let i = 0; i < 53; i++) await storage.work.schedule(work(`m${i}`))
      const seen: string[] = []
      const deleted: string[] = []
      let cursor: string | undefined
      do {
        const range = { from: start, to: start + 1, limit: 10, ...(cursor && { cursor }) }
        const page = await storage.work.created(queue, range)
        expect(page.items.length).toBeLessThanOrEqual(10)
        seen.push(...ids(page.items))
        cursor = page.next ?? undefined
        // The last that was seen, and the one that the next page would begin with.
        const last = seen.at(-1)!
        await storage.work.delete(queue, last)
        const following = `m${Number(last.slice(1)) + 1}`
        if (await storage.work.delete(queue, following)) deleted.push(following)
        now += 1
        await storage.work.schedule(work(`later ${now}`))
      } while (cursor)
      expect(deleted).toEqual(['m10', 'm21', 'm32', 'm43'])
      expect(seen).toEqual(Array.from({ length: 53 }, (_, i) => `m${i}`).filter(id => !deleted.includes(id)))
    })

    test('refuses a cursor by creation that it never gave', async () => {
      for (const cursor of ['', 'x', '-1', '9'.repeat(40)])
        await expect(storage.work.created(queue, { from: 0, to: now, limit: 2, cursor })).rejects.toMatchObject({
          code: 'invalid_request',
        })
    })

    test('finds by creation what came while the clock was set back', async () => {
      const times = [0, 100, 200, -3_000_000, -2_999_900, 300, 400].map(offset => start + offset)
      for (const [i, time] of times.entries()) {
        now = time
        await storage.work.schedule(work(`m${i}`))
      }
      for (const [i, time] of times.entries()) {
        const { items } = await storage.work.created(queue, { from: time, to: time + 1, limit: 10 })
        expect(ids(items)).toEqual([`m${i}`])
      }
    })

    test('finds the orphans of other owners until they are settled', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await storage.work.schedule(work(id))
      await claim(2, { owner: 'dead' })
      await claim(1, { owner: 'alive' })
      expect(ids(await storage.work.orphans(queue, ['alive'], 10)).sort()).toEqual(['a', 'b'])
      expect(await storage.work.orphans(queue, ['alive'], 1)).toHaveLength(1)
      expect(await storage.work.orphans('timers', ['alive'], 10)).toEqual([])
      await storage.work.settle(queue, 'a', {})
      expect(ids(await storage.work.orphans(queue, ['alive'], 10))).toEqual(['b'])
      expect(ids(await claim(10, { owner: 'alive' }))).toEqual(['a', 'd'])
    })

    test('deletes work, claimed or not', async () => {
      await storage.work.schedule(work('m1'))
      await claim(1)
      expect(await storage.work.delete(queue, 'm1')).toBe(true)
      expect(await storage.work.delete(queue, 'm1')).toBe(false)
      expect(await storage.work.get(queue, 'm1')).toBeUndefined()
    })

    test('work past its time is gone from sight and makes room for its id', async () => {
      await storage.work.schedule(work('m1', { dueAt: null, expiresAt: start + 1000 }))
      now += 1000
      expect(await storage.work.get(queue, 'm1')).toBeUndefined()
      expect((await storage.work.list(queue, { limit: 10 })).items).toEqual([])
      expect(await storage.work.schedule(work('m1', { body: 'again' }))).toBe(true)
      expect((await storage.work.get(queue, 'm1'))?.body).toBe('again')
    })

    test('work past its time is neither claimed nor an orphan, and holds up nothing behind it', async () => {
      const soon = { expiresAt: start + 1000 }
      await storage.work.schedule(work('held', soon))
      const [held] = await claim(10, { owner: 'dead' })
      for (const id of ['a', 'b']) await storage.work.schedule(work(id, soon))
      now += 1000
      await storage.work.schedule(work('c'))
      expect(await storage.work.orphans(queue, ['one'], 10)).toEqual([])
      expect(ids(await claim(1))).toEqual(['c'])
      expect(await storage.work.nextDue(queue, 'main')).toBeNull()
      expect(held?.id).toBe('held')
    })
  })

  describe(`${name}: ahead of the disk`, () => {
    test('what one does the next sees, and everybody once it is kept', async () => {
      const { entries, kept } = storage.ahead
      expect(kept()).toBeUndefined()
      expect(await entries.set('s', 'a', '1')).toBe(true)
      expect(await entries.increment('s', 'n')).toMatchObject({ value: 1 })
      const found = await entries.get('s', 'a')
      expect(found).toMatchObject({ value: '1' })
      expect(await entries.replace('s', 'a', { version: found!.version, value: '2' })).toBe(true)
      expect(await storage.ahead.work.schedule({ ...item, id: 'm1' })).toBe(true)
      expect(await storage.ahead.work.get('messages', 'm1')).toMatchObject({ id: 'm1' })
      await kept()
      expect(kept()).toBeUndefined()
      expect(await storage.entries.get('s', 'a')).toMatchObject({ value: '2' })
      expect(await storage.work.claim('messages', 'main', { owner: 'me', now, limit: 9 })).toHaveLength(1)
    })

    test('a read that sees something of it waits until it is kept', async () => {
      await storage.ahead.entries.set('s', 'a', '1')
      expect(await storage.entries.get('s', 'a')).toMatchObject({ value: '1' })
      expect(storage.ahead.kept()).toBeUndefined()
    })

    test('its lots are told apart: one more after each that was kept', async () => {
      const { entries, lot } = storage.ahead
      const first = lot()
      await entries.set('s', 'a', '1')
      await entries.set('s', 'b', '1')
      const kept = storage.ahead.kept()
      expect(kept === undefined || lot() === first).toBe(true)
      await kept
      expect(lot()).toBeGreaterThanOrEqual(first)
      if (kept !== undefined) expect(lot()).toBe(first + 1)
    })

    test('is kept before long, though nobody asks for it', async () => {
      await storage.ahead.entries.set('s', 'a', '1')
      await expect.poll(() => storage.ahead.kept()).toBeUndefined()
    })

    test('closing keeps it, and nothing is done after that', async () => {
      await storage.ahead.entries.set('s', 'a', '1')
      const kept = storage.ahead.kept()
      await storage.close()
      await kept
      await expect(storage.ahead.entries.set('s', 'b', '1')).rejects.toMatchObject({ code: 'storage_unavailable' })
      expect(storage.ahead.kept()).toBeUndefined()
    })

    const item: NewWork = {
      queue: 'messages',
      id: '',
      lane: 'main',
      priority: 0,
      dueAt: start,
      state: 'queued',
      tags: {},
      body: '',
      expiresAt: null,
    }
  })

  describe(`${name}: as a whole`, () => {
    test('is ready while it is open, and promises nothing afterwards', async () => {
      await storage.ready()
      const last = storage.entries.set('s', 'a', '1')
      await storage.close()
      expect(await last).toBe(true)
      await storage.close()
      const refused = { code: 'storage_unavailable', facts: { retryAfter: expect.any(Number) } }
      await expect(storage.ready()).rejects.toMatchObject(refused)
      await expect(storage.entries.get('s', 'a')).rejects.toMatchObject(refused)
      await expect(storage.entries.set('s', 'a', '1')).rejects.toMatchObject(refused)
      await expect(storage.work.nextDue('messages', 'main')).rejects.toMatchObject(refused)
    })
  })
}
