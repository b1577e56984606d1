import { expect, test } from 'vitest'
import { createSeal } from '../../engine/storage/seal.ts'

const secret = 'a secret of thirty-two characters'
const seal = createSeal(secret)

test('a sealed text opens in its own place with its own secret only', () => {
  for (const text of ['', 'x', 'code 123456', 'é 電話 😀', 'half a \ud83d pair', '\0'.repeat(70_000)]) {
    const sealed = seal.seal(text, 'here')
    expect(seal.open(sealed, 'here')).toBe(text)
    expect(createSeal(secret).open(new Uint8Array(sealed), 'here')).toBe(text)
    expect(() => seal.open(sealed, 'there')).toThrow('does not open')
    expect(() => createSeal(`${secret}.`).open(sealed, 'here')).toThrow('does not open')
  }
})

test('a sealed text with any byte changed, cut or added does not open', () => {
  const sealed = seal.seal('code 123456', 'here')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(sealed.readUInt8(at) ^ 3, at)
    expect(() => seal.open(changed, 'here')).toThrow('does not open')
    expect(() => seal.open(sealed.subarray(0, at), 'here')).toThrow('does not open')
  }
  expect(() => seal.open(Buffer.concat([sealed, Buffer.of(0)]), 'here')).toThrow('does not open')
})

test('one text sealed a thousand times never looks the same', () => {
  const sealed = Array.from({ length: 1000 }, () => seal.seal('123456', 'here').toString('hex'))
  expect(new Set(sealed.map(hex => hex.slice(2, 26))).size).toBe(1000)
  expect(sealed.join('')).not.toContain(Buffer.from('123456').toString('hex'))
})

test('a prefix by whole segments stays a prefix of the hash', () => {
  const path = seal.hashKey('s', 'a:b:c')
  expect(path.startsWith(`${seal.hashKey('s', 'a:b')}:`)).toBe(true)
  expect(path.startsWith(`${seal.hashSpace('s')}:`)).toBe(true)
  expect(seal.hashKey('s', 'a:bc').startsWith(seal.hashKey('s', 'a:b'))).toBe(false)
  expect(path).toMatch(/^[\w-]{16}(:[\w-]{16}){3}$/)
})

test('hashes are the same in every engine with the secret and differ by secret, space, place and text', () => {
  expect(createSeal(secret).hashKey('s', 'a:b')).toBe(seal.hashKey('s', 'a:b'))
  expect(createSeal(secret).hashTag('+12015550123')).toBe(seal.hashTag('+12015550123'))
  const segments = ['a:a', 'b:a', 'a:b', ':a', 'a:', ':', '', '\ud83d', '\ufffd', 'a'.repeat(500)]
  const hashes = [seal, createSeal(`${secret}.`)].flatMap(each => [
    ...segments.flatMap(key => [each.hashKey('s', key), each.hashKey('s:a', key)]),
    each.hashTag('a'),
    each.hashTag('b'),
  ])
  expect(new Set(hashes).size).toBe(hashes.length)
  const [, first, second] = seal.hashKey('s', 'a:a').split(':')
  expect(first).not.toBe(second)
})

test('remembers hashes without mixing them up when there are many', () => {
  const before = Array.from({ length: 20_000 }, (_, i) => seal.hashTag(String(i)))
  expect(new Set(before).size).toBe(20_000)
  for (const i of [0, 1, 9_999, 19_999]) expect(createSeal(secret).hashTag(String(i))).toBe(before[i])
})
