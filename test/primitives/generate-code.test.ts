import { expect, test } from 'vitest'

import { createTestEngine, shareEngine } from '../helpers.ts'

// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = {}
const shared = shareEngine({ files })

test('codes are six digits unless told otherwise', async () => {
  const { post } = await createTestEngine({
    files: { 'code.ts': `export default ({ options }) => generateCode(options)` },
    config: { testNumbers: { '+12015550123': '000000' } },
  })
  const code = async (options?: unknown) => (await post('/code', { options })).body as string

  expect(await code()).toMatch(/^\d{6}$/)
  expect(await code({ length: 8 })).toMatch(/^\d{8}$/)
  expect(await code({ length: 12, alphabet: 'ab' })).toMatch(/^[ab]{12}$/)
  expect(await code({ length: 3, alphabet: '😀' })).toBe('😀😀😀')
  expect(await code({ for: '+12125551212' })).toMatch(/^\d{6}$/)
  expect(await code({ for: '+12015550123' })).toBe('000000')
  expect(await code({ length: 4, for: '+12015550123' })).toBe('000000')
  for (const odd of [
    null,
    'x',
    { length: 0 },
    { length: -1 },
    { length: 1.5 },
    { length: 'x' },
    { alphabet: '' },
    { alphabet: 7 },
  ]) {
    expect(await code(odd), JSON.stringify(odd)).toMatch(/^\d{1,6}$/)
  }
  expect((await code({ length: 1e9 })).length).toBe(256)
})

test('options that cannot be read are none', async () => {
  const { post } = await createTestEngine({
    files: {
      'code.ts': `
        const trap = () => { throw new Error('trap') }
        export default () => generateCode({ get length() { return trap() } })
        export const proxy = () => generateCode(new Proxy({}, { get: trap, ownKeys: trap }))`,
    },
  })

  expect((await post('/code', {})).body).toMatch(/^\d{6}$/)
  expect((await post('/code/proxy', {})).body).toMatch(/^\d{6}$/)
})

files['codes.ts'] = `export default () => Array.from({ length: 200 }, () => generateCode({ length: 256 })).join('')`
test('a million digits of codes are uniform, and leading zeros occur', async () => {
  const { post } = shared()

  const texts: string[] = []
  for (let run = 0; run < 20; run++) texts.push((await post('/codes', {})).body)
  const digits = texts.join('').slice(0, 1_000_000)

  expect(digits).toMatch(/^\d{1000000}$/)
  const counts = Array(10).fill(0) as number[]
  const pairs = Array(100).fill(0) as number[]
  for (let at = 0; at < digits.length; at++) counts[Number(digits[at])]!++
  for (let at = 0; at < digits.length; at += 2) pairs[Number(digits.slice(at, at + 2))]!++
  // The quantiles of chi-square at p = 1e-6, for 9 and 99 degrees of freedom.
  expect(chiSquare(counts)).toBeLessThan(47)
  expect(chiSquare(pairs)).toBeLessThan(181)
  expect(digits.match(/.{6}/g)!.filter(code => code.startsWith('0')).length).toBeGreaterThan(15_000)
})

files['few-codes.ts'] =
  `export default () => [generateCode({ length: 16 }), generateCode({ length: 16 }), Math.random()]`
test('runs have codes of their own', async () => {
  const { post } = shared()

  const answers = await Promise.all(Array.from({ length: 200 }, () => post('/few-codes', {})))

  expect(new Set(answers.flatMap(({ body }) => body)).size).toBe(600)
})

function chiSquare(counts: number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
