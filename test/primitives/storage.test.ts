import { expect, test } from 'vitest'

import { createTestEngine, shareEngine, type TestEngine } from '../helpers.ts'

// One call of storage per request, as the body says: { call: [name, ...arguments] }.
const remote = `
export default async ({ call: [name, ...rest] }) => {
  try {
    return { is: await storage[name](...rest) }
  } catch (error) {
    return { error: error.name + ': ' + error.message }
  }
}`

// One engine, and a script for each test, one that is asked once more too: what scripts store is their own.
const scripts = Array.from({ length: 14 }, (_, n) => `store${n}`)
const engine = shareEngine({ files: Object.fromEntries(scripts.map(name => [`${name}.ts`, remote])) })

/** What storage answers; `undefined` leaves no trace in JSON. */
function remoteStorage({ post }: TestEngine, script = 'store') {
  return async (...call: unknown[]): Promise<unknown> => {
    const { status, body } = await post(`/${script}`, { call })
    expect(status).toBe(200)
    return body.error ?? body.is
  }
}

test('values are kept as they are', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  for (const value of [null, false, 0, -1.5, '', 'text 😀', [1, [null]], { a: { b: [] }, __proto: 1 }]) {
    expect(await storage('set', 'key', value)).toBe(true)
    expect(await storage('get', 'key')).toEqual(value)
  }
  expect(await storage('get', 'other')).toBeUndefined()
})

test('ifAbsent writes only where nothing is', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  expect(await storage('set', 'key', 1, { ifAbsent: true })).toBe(true)
  expect(await storage('set', 'key', 2, { ifAbsent: true })).toBe(false)
  expect(await storage('get', 'key')).toBe(1)
  expect(await storage('set', 'key', 3, { ifAbsent: false })).toBe(true)
  expect(await storage('get', 'key')).toBe(3)
})

test('of a hundred who set a key at once if it is absent, one wins', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  const wins = await Promise.all(Array.from({ length: 100 }, (_, n) => storage('set', 'key', n, { ifAbsent: true })))

  expect(wins.filter(won => won === true)).toHaveLength(1)
  expect(await storage('get', 'key')).toBe(wins.indexOf(true))
})

test('delete tells whether there was something', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  expect(await storage('delete', 'key')).toBe(false)
  await storage('set', 'key', null)
  expect(await storage('delete', 'key')).toBe(true)
  expect(await storage('get', 'key')).toBeUndefined()
})

test('a lifetime ends, in seconds or with a unit, and a new value has its own', async () => {
  let now = 1_700_000_000_000
  const storage = remoteStorage(await createTestEngine({ files: { 'store.ts': remote }, clock: () => now }))

  await storage('set', 'seconds', 1, { ttl: 30 })
  await storage('set', 'minutes', 1, { ttl: '10m' })
  await storage('set', 'hours', 1, { ttl: '24h' })
  await storage('set', 'ever', 1)
  await storage('set', 'renewed', 1, { ttl: 30 })
  await storage('set', 'renewed', 2)
  const there = async () => {
    const keys = ['seconds', 'minutes', 'hours', 'ever', 'renewed']
    const values = await Promise.all(keys.map(key => storage('get', key)))
    return keys.filter((_, index) => values[index] !== undefined)
  }

  now += 29_999
  expect(await there()).toEqual(['seconds', 'minutes', 'hours', 'ever', 'renewed'])
  now += 1
  expect(await there()).toEqual(['minutes', 'hours', 'ever', 'renewed'])
  expect(await storage('set', 'seconds', 2, { ifAbsent: true })).toBe(true)
  now += 600_000
  expect(await there()).toEqual(['seconds', 'hours', 'ever', 'renewed'])
  now += 86_400_000
  expect(await there()).toEqual(['seconds', 'ever', 'renewed'])
})

test('increment counts, keeps the first lifetime, and tells when it ends', async () => {
  let now = Date.parse('2030-01-01T00:00:00Z')
  const storage = remoteStorage(await createTestEngine({ files: { 'store.ts': remote }, clock: () => now }))

  expect(await storage('increment', 'n')).toEqual({ value: 1, expiresAt: null })
  expect(await storage('increment', 'n', { by: 41 })).toEqual({ value: 42, expiresAt: null })
  expect(await storage('increment', 'n', { by: -50 })).toEqual({ value: -8, expiresAt: null })
  expect(await storage('increment', 'n', { by: 0 })).toEqual({ value: -8, expiresAt: null })
  expect(await storage('get', 'n')).toBe(-8)

  expect(await storage('increment', 'w', { ttl: '10m' })).toEqual({ value: 1, expiresAt: '2030-01-01T00:10:00.000Z' })
  now += 599_000
  expect(await storage('increment', 'w', { ttl: '10m' })).toEqual({ value: 2, expiresAt: '2030-01-01T00:10:00.000Z' })
  now += 1_000
  expect(await storage('increment', 'w', { ttl: '10m' })).toEqual({ value: 1, expiresAt: '2030-01-01T00:20:00.000Z' })
})

test('increments at once are all counted', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  const counted = await Promise.all(Array.from({ length: 200 }, () => storage('increment', 'n')))

  expect(new Set(counted.map(counter => (counter as { value: number }).value)).size).toBe(200)
  expect(await storage('get', 'n')).toBe(200)
})

test('increment goes on from a whole number and refuses anything else', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  await storage('set', 'whole', 41)
  expect(await storage('increment', 'whole')).toMatchObject({ value: 42 })
  for (const value of ['41', 1.5, null, [], {}]) {
    await storage('set', 'odd', value)
    expect(await storage('increment', 'odd')).toMatch(/^Error: storage\.increment: .*whole number/)
    expect(await storage('get', 'odd')).toEqual(value)
  }
})

test('list finds a key and what is below it, and no other', async () => {
  const storage = remoteStorage(engine(), scripts.pop())
  for (const key of ['a:b', 'a:b:c', 'a:b:d:e', 'a:bc', 'a:bc:d', 'a', 'b:a:b', 'a:B'])
    await storage('set', key, { key })
  const keys = async (...call: unknown[]) => {
    const found = (await storage('list', ...call)) as Array<{ key: string; value: unknown }>
    for (const { key, value } of found) expect(value).toEqual({ key })
    return found.map(({ key }) => key).toSorted()
  }

  expect(await keys('a:b')).toEqual(['a:b', 'a:b:c', 'a:b:d:e'])
  expect(await keys('a:b:d')).toEqual(['a:b:d:e'])
  expect(await keys('a')).toEqual(['a', 'a:B', 'a:b', 'a:b:c', 'a:b:d:e', 'a:bc', 'a:bc:d'])
  expect(await keys('c')).toEqual([])
  expect(await keys('')).toHaveLength(8)
  expect(await keys('a', { limit: 3 })).toHaveLength(3)
})

test('each script has a name space of its own', async () => {
  const [mine, yours] = [remoteStorage(engine(), scripts.pop()), remoteStorage(engine(), scripts.pop())]

  await mine('set', 'key', 'mine')
  await yours('increment', 'n')

  expect(await yours('get', 'key')).toBeUndefined()
  expect(await yours('set', 'key', 'yours', { ifAbsent: true })).toBe(true)
  expect(await mine('get', 'key')).toBe('mine')
  expect(await mine('delete', 'n')).toBe(false)
  expect(await mine('list', '')).toEqual([{ key: 'key', value: 'mine' }])
})

test('values outlive the engine', async () => {
  const before = await createTestEngine({ files: { 'store.ts': remote } })
  await remoteStorage(before)('set', 'key', { kept: true })
  await before.stop()

  const after = await createTestEngine({ folder: before.folder })

  expect(await remoteStorage(after)('get', 'key')).toEqual({ kept: true })
})

test('wrong arguments are errors that a script can catch', async () => {
  const storage = remoteStorage(engine(), scripts.pop())

  for (const call of [
    ['get'],
    ['get', 42],
    ['get', ''],
    ['get', 'k'.repeat(513)],
    ['set', 'key'],
    ['set', 'key', 1, { ttl: 0 }],
    ['set', 'key', 1, { ttl: -1 }],
    ['set', 'key', 1, { ttl: '10 minutes' }],
    ['set', 'key', 1, { ifAbsent: 'yes' }],
    ['increment', 'key', { by: 1.5 }],
    ['increment', 'key', { by: 2 ** 60 }],
    ['list', 'key', { limit: 0 }],
    ['update', 'key'],
  ]) {
    expect(await storage(...call), JSON.stringify(call)).toMatch(new RegExp(`Error: storage\\.${call[0] as string}: `))
  }
  expect(await storage('list', '')).toEqual([])
})

test('options cannot take the place of the key', async () => {
  const { post } = await createTestEngine({
    files: {
      'keys.ts': `export default async () => {
        await storage.set('a', 1, { key: 'b', value: 2 })
        return [await storage.get('a'), (await storage.get('b')) ?? null]
      }`,
    },
  })

  expect((await post('/keys', {})).body).toEqual([1, null])
})
