import { expect, test } from 'vitest'

import { validityPeriod } from '../../../engine/carriers/smpp/wire/validity.ts'

const now = Date.UTC(2026, 0, 31, 23, 59, 30)
const day = 86_400_000

test.each([
  [10 * 60_000, '000000001000000R', '260201000930000+'],
  [2 * day, '000002000000000R', '260202235930000+'],
  [1_999, '000000000001000R', '260131235931000+'],
  [-5_000, '000000000001000R', '260131235931000+'],
  [day + 3_723_000, '000001010203000R', '260202010133000+'],
  [365 * day, '000030000000000R', '260302235930000+'],
])('%i ms are %s, and from then %s', (left, relative, absolute) => {
  expect(validityPeriod('relative', now + left, now)).toBe(relative)
  expect(validityPeriod('absolute', now + left, now)).toBe(absolute)
  expect(validityPeriod('none', now + left, now)).toBe('')
})
