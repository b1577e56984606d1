import { expect, test } from 'vitest'

import { createTestEngine, shareEngine } from '../helpers.ts'

// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = {}
const shared = shareEngine({ files })

files['clock.ts'] = `
  function times() {
    const before = Date.now()
    for (let i = 0; i < 1e6; i++);
    return [before, Date.now(), new Date().getTime(), Date.parse(Date()) - (before - before % 1000)]
  }
  export default async () => {
    const first = times()
    while ((await storage.increment('n')).value % 20 !== 0);
    return { first, second: times() }
  }`
test('time stands still within a turn and goes on between turns', async () => {
  const { post } = shared()

  const { first, second } = (await post('/clock', {})).body

  expect(first).toEqual([first[0], first[0], first[0], 0])
  expect(second).toEqual([second[0], second[0], second[0], 0])
  expect(second[0]).toBeGreaterThanOrEqual(first[0])
})

test('the clock of a script is the engine’s', async () => {
  const { post } = await createTestEngine({
    files: { 'clock.ts': `export default () => [Date.now(), new Date(), new Date(2020, 0, 1).getTimezoneOffset()]` },
    clock: () => 1_700_000_000_000,
  })

  expect((await post('/clock', {})).body).toEqual([1_700_000_000_000, '2023-11-14T22:13:20.000Z', 0])
})

files['dates.ts'] = `
  class Day extends Date { label() { return this.toISOString().slice(0, 10) } }
  export default () => [
    new Date(0).toISOString(),
    new Date('2024-02-29T12:00:00Z').getUTCDate(),
    new Date(2024, 1, 29).toISOString(),
    Date.UTC(1970, 0, 2),
    new Day(86_400_000).label(),
    new Date() instanceof Date,
    new Date().constructor === Date,
    typeof Date(),
    Date.name,
  ]`
test('Date is otherwise as usual', async () => {
  const { post } = shared()

  expect((await post('/dates', {})).body).toEqual([
    '1970-01-01T00:00:00.000Z',
    29,
    '2024-02-29T00:00:00.000Z',
    86_400_000,
    '1970-01-02',
    true,
    true,
    'string',
    'Date',
  ])
})

test('formatting without a date formats the time of the turn', async () => {
  const { post } = await createTestEngine({
    files: {
      'format.ts': `
        const format = new Intl.DateTimeFormat('en', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' })
        export default () => [
          format.format(),
          format.formatToParts().map(part => part.value).join(''),
          format.format(0),
          new Date().toLocaleDateString('en'),
        ]`,
    },
    clock: () => 1_700_000_000_000,
  })

  const [now, parts, then, day] = (await post('/format', {})).body

  expect(now).toMatch(/^11\/14\/23, 10:13:20\sPM$/)
  expect(parts).toBe(now)
  expect(then).toMatch(/^1\/1\/70, 12:00:00\sAM$/)
  expect(day).toBe('11/14/2023')
})

files['dice.ts'] = `export default () => Array.from({ length: 50 }, Math.random)`
test('Math.random differs between runs and between calls', async () => {
  const { post } = shared()

  const throws = (await Promise.all(Array.from({ length: 20 }, () => post('/dice', {})))).flatMap(({ body }) => body)

  expect(new Set(throws).size).toBe(1_000)
  expect(throws.every((value: number) => value >= 0 && value < 1)).toBe(true)
})

files['world.ts'] = `
  const names = ['process', 'fetch', 'require', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask',
    'performance', 'console', 'Buffer', 'global', 'crypto', 'WebAssembly', 'Atomics', 'SharedArrayBuffer',
    'WeakRef', 'FinalizationRegistry', 'eval', 'structuredClone', 'XMLHttpRequest', 'guest', 'Compartment',
    'lockdown', 'harden', 'repairIntrinsics', 'hardenIntrinsics', 'AsyncFunction', 'ivm']
  export default () => names.filter(name => typeof globalThis[name] !== 'undefined')
  export const now = () => typeof Temporal === 'undefined' ? 'undefined' : typeof Temporal.Now`
test('nothing that tells real time, shares memory, evaluates text or reaches out is there', async () => {
  const { post } = shared()

  expect((await post('/world', {})).body).toEqual([])
  expect((await post('/world/now', {})).body).toBe('undefined')
})

test('text becomes code in no way', async () => {
  const { post } = await createTestEngine({
    files: {
      'evaluate.ts': `
        const ways = [
          () => Function('return 1')(),
          () => new Function('return 1')(),
          () => (() => {}).constructor('return 1')(),
          () => (async () => {}).constructor('return 1')(),
          () => (function* () {}).constructor('return 1')(),
          () => (async function* () {}).constructor('return 1')(),
          () => globalThis['eval']('1'),
          () => refuse.constructor('return 1')(),
          () => storage.get.constructor.constructor('return this')(),
          () => Reflect.construct((() => {}).constructor, ['return 1'])(),
        ]
        export default () => ways.map(way => {
          try {
            return 'code: ' + String(way())
          } catch (error) {
            return 'refused'
          }
        })
        export const later = async ({ name }) => {
          try {
            return Object.keys(await import(name))
          } catch {
            return 'refused'
          }
        }`,
    },
  })

  expect(new Set((await post('/evaluate', {})).body)).toEqual(new Set(['refused']))
  expect((await post('/evaluate/later', { name: 'node:fs' })).body).toBe('refused')
})
