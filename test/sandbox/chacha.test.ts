import { createCipheriv } from 'node:crypto'

import { expect, test } from 'vitest'

import { below, createStream, seedKey } from '../../engine/sandbox/guest/chacha.ts'

test('the stream is ChaCha20: the first two vectors of RFC 8439, appendix A.1', () => {
  const stream = createStream(new Uint32Array(8), 0)

  const blocks = Array.from({ length: 32 }, () => stream.next().toString(16).padStart(8, '0'))

  expect(blocks.join(' ')).toBe(
    'ade0b876 903df1a0 e56a5d40 28bd8653 b819d2bd 1aed8da0 ccef36a8 c70d778b ' +
      '7c5941da 8d485751 3fe02477 374ad8b8 f4b8436a 1ca11815 69b687c3 8665eeb2 ' +
      'bee7079f 7a385155 7c97ba98 0d082d73 a0290fcb 6965e348 3e53c612 ed7aee32 ' +
      '7621b729 434ee69c b03371d5 d539d874 281fed31 45fb0a51 1f0ae1ac 6f4d794b',
  )
})

test('with any seed and nonce it is the stream of OpenSSL', () => {
  const seed = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'

  for (const nonce of [0, 1, 2, 0xffffffff]) {
    const stream = createStream(seedKey(seed), nonce)
    expect(Array.from({ length: 4_000 }, () => stream.next())).toEqual(opensslWords(seedKey(seed), nonce, 4_000))
  }
})

test('the streams of one seed have nothing in common', () => {
  const key = seedKey('ab'.repeat(32))
  const words = [1, 2].flatMap(nonce => {
    const stream = createStream(key, nonce)
    return Array.from({ length: 1_000 }, () => stream.next())
  })

  expect(new Set(words).size).toBeGreaterThan(1_990)
})

test('below takes no remainder that would prefer small values', () => {
  const given = [4_294_967_295, 4_294_967_290, 4_294_967_289, 17]
  const stream = { next: () => given.shift()! }

  // 2^32 - 6 is the largest multiple of ten: what lies beyond is drawn again.
  expect([below(stream, 10), below(stream, 10)]).toEqual([9, 7])
})

function opensslWords(key: Uint32Array, nonce: number, count: number): number[] {
  // Counter 0, then the nonce, all of them in words of little-endian bytes.
  const iv = Buffer.alloc(16)
  iv.writeUInt32LE(nonce, 4)
  const keyBytes = Buffer.alloc(32)
  key.forEach((word, index) => keyBytes.writeUInt32LE(word, index * 4))
  const bytes = createCipheriv('chacha20', keyBytes, iv).update(Buffer.alloc(count * 4))
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(index * 4))
}
