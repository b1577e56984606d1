import { array, assert, constantFrom, option, property } from 'fast-check'
import { expect, test } from 'vitest'

import { balanceSlots } from '../../engine/outbox/slot-balance.ts'

const engines = ['a', 'b', 'c']

test('whoever is alone takes all that is free', () => {
  expect(balanceSlots([null, null, null], 'a', [])).toEqual({ take: [0, 1, 2], give: undefined })
  expect(balanceSlots([null, 'dead'], 'a', [])).toEqual({ take: [0], give: undefined })
})

test('of two that want them the one with fewer takes, and the one with more gives', () => {
  expect(balanceSlots(['a', null, null], 'a', ['b'])).toEqual({ take: [], give: undefined })
  expect(balanceSlots(['a', null, null], 'b', ['a'])).toEqual({ take: [1, 2], give: undefined })
  expect(balanceSlots(['a', 'a', 'a'], 'a', ['b'])).toEqual({ take: [], give: 2 })
})

test('one more than another is no reason to give', () => {
  expect(balanceSlots(['a', 'a', 'b'], 'a', ['b']).give).toBeUndefined()
  expect(balanceSlots(['a'], 'a', ['b', 'c']).give).toBeUndefined()
})

test('of two that have as many only one gives', () => {
  const owners = ['a', 'a', 'b', 'b']
  expect(balanceSlots(owners, 'a', ['b', 'c']).give).toBe(1)
  expect(balanceSlots(owners, 'b', ['a', 'c']).give).toBeUndefined()
})

test('from any beginning all slots find an owner, evenly, and then nothing moves', () => {
  const beginnings = array(option(constantFrom(...engines)), { minLength: 1, maxLength: 12 })
  assert(
    property(beginnings, begin => {
      const owners = [...begin]
      for (let rounds = 0; ; rounds++) {
        let moves = 0
        for (const me of engines) {
          const others = engines.filter(name => name !== me)
          const { take, give } = balanceSlots(owners, me, others)
          for (const slot of take) owners[slot] = me
          if (give !== undefined) owners[give] = null
          moves += take.length + (give === undefined ? 0 : 1)
        }
        if (moves === 0) break
        expect(rounds).toBeLessThan(20)
      }
      const counts = engines.map(name => owners.filter(owner => owner === name).length)
      expect(owners).not.toContain(null)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }),
  )
})
