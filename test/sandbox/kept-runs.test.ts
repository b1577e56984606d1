// When an engine looks for runs that others left.

import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { createKeptRuns, type KeptRuns } from '../../engine/sandbox/kept-runs.ts'
import { openStorage } from '../../engine/storage/list.ts'
import { newFolder } from '../helpers.ts'

interface Place {
  kept: KeptRuns
  leave(run: string): Promise<boolean>
  found(hasDied: boolean): Promise<string[]>
  /** The next look gets no answer. */
  fail(): void
}

async function createPlace(): Promise<Place> {
  const storage = await openStorage(`sqlite:${join(await newFolder(), 'test.db')}`, {
    secret: 'a secret of the test, long enough',
    clock: Date.now,
  })
  onTestFinished(() => storage.close())
  const { entries } = storage
  let failing = false
  const list: typeof entries.list = (...given) => {
    const fails = failing
    failing = false
    return fails ? Promise.reject(new EngineError('storage_unavailable')) : entries.list(...given)
  }
  const kept = createKeptRuns({ ...storage, entries: { ...entries, list } }, 'mine')
  return {
    kept,
    leave: run =>
      entries.set('runs', run, JSON.stringify({ engine: 'dead', owner: { kind: 'key' }, event: { id: run } })),
    found: async hasDied => (await kept.inherit(['mine'], hasDied)).map(({ event }) => event.id),
    fail() {
      failing = true
    },
  }
}

test('what a dead engine left is looked for when one has died, and not with each look anyway', async () => {
  const { kept, leave, found } = await createPlace()
  await leave('run_a')
  expect(await found(true)).toEqual(['run_a'])
  expect(await kept.mine('run_a')).toMatchObject({ engine: 'mine' })
  await leave('run_b')
  expect(await found(false)).toEqual([])
  expect(await found(true)).toEqual(['run_b'])
})

test('a look that could not be ended is done again with the next one', async () => {
  const { leave, found, fail } = await createPlace()
  expect(await found(true)).toEqual([])
  await leave('run_a')
  fail()
  await expect(found(true)).rejects.toMatchObject({ code: 'storage_unavailable' })
  expect(await found(false)).toEqual(['run_a'])
})
