// The leases and the shares, over a real Redis, with carriers of the test's own.

import { setTimeout as wait } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import type { Carrier } from '../../engine/carriers/carrier.ts'
import { createPeers } from '../../engine/outbox/peers.ts'
import { createSlots } from '../../engine/outbox/slots.ts'
import { openStorage } from '../../engine/storage/list.ts'
import { secret, shareRedis } from '../engines-redis.ts'
import { until } from '../helpers.ts'
import { puppet, silent } from './open-outbox.ts'

const redis = shareRedis()

async function openEntries() {
  const storage = await openStorage(redis.url(), { secret, clock: Date.now })
  onTestFinished(() => storage.close())
  return storage.entries
}

type Entries = Awaited<ReturnType<typeof openEntries>>

/** An engine whose carrier `main` has slots that bind where `binds` says so. */
async function join(entries: Entries, engine: string, { count, binds = true }: { count: number; binds?: boolean }) {
  const open = new Set<number>()
  const main: Carrier = {
    ...puppet('main'),
    slots: {
      count,
      ready: slot => open.has(slot) && binds,
      open: slot => void open.add(slot),
      async close(slot) {
        open.delete(slot)
      },
    },
  }
  const own = { entries, shared: true, engine, carriers: [main], isUp: () => true, clock: Date.now, log: silent }
  const slots = createSlots({ ...own, patienceMs: 1_500 })
  await slots.start()
  const leave = async (): Promise<void> => {
    await slots.leave()
    await slots.giveBack('main')
    await slots.stop()
  }
  onTestFinished(leave)
  return { slots, open, leave }
}

test('an engine on which no session binds lets another one try', { timeout: 20_000 }, async () => {
  const entries = await openEntries()
  const cut = await join(entries, 'cut', { count: 1, binds: false })
  expect(cut.open.size).toBe(1)
  await wait(2_500)
  expect(cut.open.size).toBe(1)
  const well = await join(entries, 'well', { count: 1 })
  await until(() => well.open.size === 1 || undefined)
  await wait(2_500)
  expect([cut.open.size, well.open.size]).toEqual([0, 1])
  expect(cut.slots.elsewhere('main')).toBe(true)

  await well.leave()
  await until(() => cut.open.size === 1 || undefined)
})

test('an engine says who has what it has not, and whether it sends for others', async () => {
  const entries = await openEntries()
  const one = await join(entries, 'one', { count: 1 })
  const other = await join(entries, 'other', { count: 1 })
  await until(() => (one.slots.servesOthers('main') && other.slots.elsewhere('main')) || undefined)
  expect([one.open.size, other.open.size]).toEqual([1, 0])
  const lent = other.slots.lent('main')!
  expect([lent.owner(0), lent.held(0), one.slots.lent('main')!.held(0)]).toEqual(['one', false, true])
  expect([one.slots.elsewhere('main'), other.slots.servesOthers('main')]).toEqual([false, false])
})

test('a lease that somebody else has written over is lost at once', async () => {
  const entries = await openEntries()
  const one = await join(entries, 'one', { count: 1 })
  expect(one.open.size).toBe(1)
  await entries.set('slots', 'main:0', JSON.stringify({ engine: 'thief', state: 'up' }), { ttlMs: 1_500 })
  await until(() => one.open.size === 0 || undefined)
  expect(one.slots.elsewhere('main')).toBe(true)
  await until(() => one.open.size === 1 || undefined)
})

test('a lease that the storage has forgotten is written again, and its session stays', async () => {
  const entries = await openEntries()
  const one = await join(entries, 'one', { count: 1 })
  for (let times = 0; times < 2; times++) {
    await entries.delete('slots', 'main:0')
    await until(async () => (await entries.get('slots', 'main:0')) !== undefined || undefined)
    expect(one.open.size).toBe(1)
  }
})

test('the parts of a rate never come to more than the whole, while engines come, stall and go', async () => {
  const entries = await openEntries()
  let now = 0
  const names = ['a', 'b', 'c']
  const [a, b, c] = names.map(engine => createPeers({ entries, engine, carriers: ['main'], monotonic: () => now }))
  const all = [a!, b!, c!]
  const look = (...some: typeof all): Promise<unknown> => Promise.all(some.map(one => one.look(() => true)))
  const shares = (): number[] => all.map(one => Number(one.share('main').toFixed(2)))
  const pass = (ms: number): void => void (now += ms)

  await look(a!)
  expect(shares()).toEqual([1, 0, 0])
  await look(b!)
  // Until all others must have seen it.
  expect(shares()).toEqual([1, 0, 0])
  pass(1_000)
  await look(a!, b!)
  pass(1_000)
  await look(a!, b!)
  expect(shares()).toEqual([0.5, 0.5, 0])
  // Whoever has not looked for as long as that has nothing, before the others have more.
  pass(1_000)
  await look(a!)
  pass(1_000)
  await look(a!)
  expect(shares()).toEqual([0.5, 0, 0])
  await b!.leave()
  pass(1_000)
  await look(a!)
  expect(shares()).toEqual([1, 0, 0])
  await look(c!)
  expect(shares()).toEqual([1, 0, 0])
})
