import { expect, test } from 'vitest'

import { createPlaces } from '../../engine/triggers/places.ts'

test('so many of one script run at once, as many wait, and more are refused', async () => {
  const places = createPlaces(2)
  const open: Array<() => void> = []
  let running = 0
  const work = async (): Promise<number> => {
    const now = ++running
    await new Promise<void>(end => open.push(end))
    running--
    return now
  }
  const taken = [1, 2, 3, 4].map(() => places.take('a', work))
  await expect(places.take('a', work)).rejects.toMatchObject({ code: 'overloaded' })
  expect(running).toBe(2)
  const other = places.take('b', async () => 'b')
  expect(await other).toBe('b')

  for (let n = 0; n < 4; n++) {
    open.shift()!()
    await Promise.race(taken.splice(0, 1))
  }
  expect(running).toBe(0)
  expect(await places.take('a', async () => 'again')).toBe('again')
})

test('one that fails leaves its place', async () => {
  const places = createPlaces(1)
  const fails = async (): Promise<never> => {
    throw new Error('no')
  }
  await expect(places.take('a', fails)).rejects.toThrow('no')
  expect(await places.take('a', async () => 1)).toBe(1)
})
