import { expect, test } from 'vitest'

import { createSteadyClock } from '../../engine/outbox/steady-clock.ts'

test('it goes as the wall clock does, and goes on when that is set back', () => {
  let [wall, monotonic] = [1_000_000, 50]
  const steady = createSteadyClock(
    () => wall,
    () => monotonic,
  )
  wall += 3_000
  monotonic += 3_000
  expect(steady()).toBe(1_003_000)
  wall -= 600_000
  monotonic += 20
  expect(steady()).toBe(1_003_020)
  wall += 500
  monotonic += 500
  expect(steady()).toBe(1_003_520)
  wall -= 600_000
  expect(steady()).toBe(1_003_520)
})
