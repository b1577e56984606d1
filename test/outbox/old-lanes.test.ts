import { expect, test } from 'vitest'

import { createOldLanes, type OldLanes } from '../../engine/outbox/old-lanes.ts'
import type { WorkItem } from '../../engine/storage/storage.ts'
import { createPlace, silent } from './open-outbox.ts'

/** Engines of one storage, each with its carriers; what is moved goes to `moved`. */
async function fleet() {
  const place = await createPlace()
  const { storage } = place.open({ carriers: [] })
  const { entries, work } = storage
  const living = new Set<string>()
  const moved: string[] = []
  let now = 0
  const rules = { pauseMs: () => 0, next: () => 'other', other: () => undefined, onUncertain: () => 'resend' as const }
  async function settle(item: WorkItem) {
    moved.push(item.id)
    await work.settle(item.queue, item.id, { lane: 'moved' })
  }
  function open(engine: string, carriers: string[]): OldLanes {
    living.add(engine)
    const heartbeat = { living: async () => [...living], onRevived: () => undefined, onDeaths: async () => undefined }
    const common = { entries, work, shared: true, engine, clock: place.clock, log: silent, rules, settle }
    return createOldLanes({ ...common, heartbeat, carriers, monotonic: () => now })
  }
  return {
    open,
    entries,
    moved,
    end: (engine: string) => living.delete(engine),
    advance: (ms: number) => (now += ms),
    remembered: async () => (await entries.list('outbox', '')).map(({ key }) => key).sort(),
    async wait(id: string, lane: string) {
      const body = JSON.stringify({ expiresAt: place.clock() + 60_000, timeline: [], tried: [], to: '+12015550123' })
      const item = { queue: 'messages', id, lane, priority: 0, state: 'queued', tags: {}, body, expiresAt: null }
      await work.schedule({ ...item, dueAt: place.clock() })
    },
  }
}

test('a lane is left alone while an engine that has its carrier lives, and is emptied when the last has ended', async () => {
  const { open, wait, end, moved } = await fleet()
  const [one, other, next] = [open('one', ['before']), open('other', ['before']), open('next', ['after'])]
  for (const lanes of [one, other, next]) await lanes.remember()
  await wait('m1', 'before')
  await next.start()
  end('one')
  await next.start()
  expect(moved).toEqual([])
  await wait('m2', 'before')
  end('other')
  await next.start()
  expect(moved.sort()).toEqual(['m1', 'm2'])
})

test('a lane is remembered until it has been empty for a while after the last engine that had it', async () => {
  const { open, wait, end, moved, advance, remembered } = await fleet()
  const [old, next] = [open('old', ['before']), open('next', ['after'])]
  for (const lanes of [old, next]) await lanes.remember()
  await next.start()
  end('old')
  await next.start()
  advance(59_000)
  await next.start()
  // It was put back by an engine that had claimed it.
  await wait('m1', 'before')
  advance(2_000)
  await next.start()
  expect(moved).toEqual(['m1'])
  expect(await remembered()).toEqual(['lanes:next', 'lanes:old'])
  await next.start()
  advance(60_000)
  await next.start()
  expect(await remembered()).toEqual(['lanes:next'])
})

test('an engine that was taken for dead and forgotten is remembered again', async () => {
  const { open, entries, remembered } = await fleet()
  const lanes = open('one', ['main'])
  await lanes.remember()
  await lanes.start()
  await entries.delete('outbox', 'lanes:one')
  await lanes.start()
  expect(await remembered()).toEqual(['lanes:one'])
})

test('the list of an older version is heeded once', async () => {
  const { open, entries, wait, moved, advance, remembered } = await fleet()
  await entries.set('outbox', 'lanes', '["before","after"]')
  await wait('m1', 'before')
  const lanes = open('one', ['after'])
  await lanes.remember()
  await lanes.start()
  expect(moved).toEqual(['m1'])
  await lanes.start()
  advance(60_000)
  await lanes.start()
  expect(await remembered()).toEqual(['lanes:one'])
})
