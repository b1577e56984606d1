// Reports that come to another engine than the one that submits, before that one
// has stored the carrier's ids.

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import type { CarrierReport } from '../../engine/carriers/carrier.ts'
import { createReports, type Reports } from '../../engine/outbox/reports.ts'
import { createSecondLook } from '../../engine/outbox/second-look.ts'
import { openStorage } from '../../engine/storage/list.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { secret, shareRedis } from '../engines-redis.ts'
import { createPlace, message, puppet, silent, type Place } from './open-outbox.ts'

const redis = shareRedis()

async function openRedis({ clock }: Place, database: string): Promise<Storage> {
  const storage = await openStorage(redis.url(database), { secret, clock })
  onTestFinished(() => storage.close())
  return storage
}

/** The reports of an engine that submits nothing; each of its looks after the first waits until it is let go. */
function otherEngine(
  { clock }: Place,
  storage: Storage,
): { reports: Reports; pauses: number[]; letGo(): void; told(carrierId: string): Told } {
  const pauses: number[] = []
  const gate = Promise.withResolvers<void>()
  const reports = createReports({
    ...storage,
    clock,
    log: silent,
    keepMs: 60_000,
    hearsReports: () => false,
    onStored: () => {},
    rules: { pauseMs: () => 0, next: () => undefined, other: () => undefined, onUncertain: () => 'fail' },
    pause(ms, signal) {
      pauses.push(ms)
      const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      return Promise.race([gate.promise, stopped])
    },
  })
  return {
    reports,
    pauses,
    letGo: gate.resolve,
    told(carrierId) {
      const { promise: held, resolve } = Promise.withResolvers<void>()
      const report: CarrierReport = { carrierIds: [carrierId], state: 'delivered', error: null, held: resolve }
      return { held, done: reports.report('main', report) }
    },
  }
}

interface Told {
  /** Resolves when it waits. */
  held: Promise<void>
  done: Promise<void>
}

describe('a report that another engine gets', () => {
  test('while the network has not answered the submit finds its message', async () => {
    const place = await createPlace()
    const database = redis.newDatabase()
    const carrier = puppet('main')
    const answer = Promise.withResolvers<void>()
    carrier.answers.push(async () => {
      await answer.promise
      return { accepted: true, carrierIds: ['early'] }
    })
    const { outbox, until } = place.open({ carriers: [carrier], storage: await openRedis(place, database) })
    await outbox.start()
    const asked = message()
    await outbox.accept(asked)
    await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
    const other = otherEngine(place, await openRedis(place, database))

    const { held, done } = other.told('early')
    await Promise.race([held, done.then(() => Promise.reject(new Error('it was dropped')))])
    answer.resolve()
    await until(asked.id, 'sent')
    other.letGo()
    await done
    expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered', carrier: 'main' })
  })

  test('while the submit is being settled, and a part of its ids is stored, finds its message', async () => {
    const place = await createPlace()
    const database = redis.newDatabase()
    const carrier = puppet('main')
    carrier.answers.push(async () => ({ accepted: true, carrierIds: ['part-1', 'part-2'] }))
    const gate = Promise.withResolvers<void>()
    const noted = Promise.withResolvers<void>()
    const wrap = (storage: Storage): Storage => ({
      ...storage,
      entries: {
        ...storage.entries,
        async set(space, ...given) {
          const written = await storage.entries.set(space, ...given)
          if (space === 'carrier-ids/main') noted.resolve()
          return written
        },
      },
      work: {
        ...storage.work,
        async settle(...given) {
          await gate.promise
          return storage.work.settle(...given)
        },
      },
    })
    const storage = await openRedis(place, database)
    const { outbox, until } = place.open({ carriers: [carrier], storage }, wrap)
    await outbox.start()
    const asked = message()
    await outbox.accept(asked)
    await noted.promise
    const other = otherEngine(place, await openRedis(place, database))

    const { held, done } = other.told('part-1')
    await Promise.race([held, done.then(() => Promise.reject(new Error('it was dropped')))])
    gate.resolve()
    await until(asked.id, 'sent')
    other.letGo()
    await done
    expect((await outbox.get(asked.id))!.timeline.at(-1)).toMatchObject({ detail: '1 of 2 parts delivered' })
  })

  test('for a message that is over is not looked up again', async () => {
    const place = await createPlace()
    const database = redis.newDatabase()
    const carrier = puppet('main')
    const { outbox, until } = place.open({ carriers: [carrier], storage: await openRedis(place, database) })
    await outbox.start()
    const asked = message()
    await outbox.accept(asked)
    await until(asked.id, 'sent')
    const other = otherEngine(place, await openRedis(place, database))
    await other.told(`main-${asked.id}`).done
    await other.told(`main-${asked.id}`).done
    expect(await outbox.get(asked.id)).toMatchObject({ state: 'delivered' })
    expect(other.pauses).toEqual([])
  })

  test('for no message is dropped after its looks, within about a second', async () => {
    const place = await createPlace()
    const other = otherEngine(place, await openRedis(place, redis.newDatabase()))
    other.letGo()
    const { held, done } = other.told('stranger')
    await Promise.all([held, done])
    expect(other.pauses).toEqual([100, 200, 600])
  })

  test('that waits at the stop is given back to its network', async () => {
    const place = await createPlace()
    const other = otherEngine(place, await openRedis(place, redis.newDatabase()))
    const { held, done } = other.told('stranger')
    await held
    other.reports.stop()
    await expect(done).rejects.toMatchObject({ code: 'overloaded' })
  })
})

test('an engine with a storage of its own looks once', async () => {
  const place = await createPlace()
  const { storage } = place.open({ carriers: [] })
  const other = otherEngine(place, storage)
  await other.told('nobody').done
  expect(other.pauses).toEqual([])
})

test('of one carrier 500 wait, one more is dropped at once', async () => {
  const gate = Promise.withResolvers<void>()
  const second = createSecondLook({ shared: true, pause: () => gate.promise })
  let looks = 0
  const find = (carrier: string): Promise<string | undefined> => second.find(carrier, async () => `look ${++looks}`)
  const waiting = Array.from({ length: 500 }, () => find('main'))
  expect(await find('main')).toBeUndefined()
  const elsewhere = find('other')
  gate.resolve()
  expect(new Set(await Promise.all(waiting)).size).toBe(500)
  expect(await elsewhere).toMatch(/^look/)
  // Their places are free again.
  expect(await find('main')).toMatch(/^look/)
})
