import { expect, test } from 'vitest'

import { createAcceptedCount } from '../../engine/outbox/accepted-count.ts'

function open() {
  const commit = { lot: 0, lose: () => {} }
  const count = createAcceptedCount({
    together: true,
    lot: () => commit.lot,
    onLost: listener => void (commit.lose = listener),
  })
  return { count, commit }
}

test('a message that was accepted ahead of the disk counts when its commit is kept', () => {
  const { count, commit } = open()
  count.add(true)
  count.add(false)
  expect(count.read()).toBe(1)
  commit.lot++
  expect(count.read()).toBe(2)
})

test('what is lost with its commit does not count, and counts when it is accepted again', () => {
  const { count, commit } = open()
  count.add(true)
  commit.lot++
  count.add(true)
  count.add(true)
  commit.lose()
  commit.lot++
  expect(count.read()).toBe(1)
  count.add(true)
  commit.lot++
  expect(count.read()).toBe(2)
})
