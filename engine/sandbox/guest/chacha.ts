// The streams of a run: ChaCha20 (RFC 8439, section 2.3) in counter mode.
//
// A run has one 32-byte seed; a nonce for each use of it keeps Math.random from
// telling anything about the codes. There is no crypto inside an isolate, and
// the stream has to be the run's own: a replay must make the same code again.

export interface Stream {
  /** Uniform over 0 … 2^32 - 1. */
  next(): number
}

/** `key` holds the seed as 8 words, `nonce` names the use. */
export function createStream(key: Uint32Array, nonce: number): Stream {
  const state = new Uint32Array(16)
  state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])
  state.set(key, 4)
  state[13] = nonce
  const block = new Uint32Array(16)
  let position = 16

  return {
    next() {
      if (position === 16) {
        fillBlock(state, block)
        state[12] = state[12]! + 1
        position = 0
      }
      return block[position++]!
    },
  }
}

function fillBlock(state: Uint32Array, block: Uint32Array): void {
  block.set(state)
  for (let round = 0; round < 10; round++) {
    quarter(block, 0, 4, 8, 12)
    quarter(block, 1, 5, 9, 13)
    quarter(block, 2, 6, 10, 14)
    quarter(block, 3, 7, 11, 15)
    quarter(block, 0, 5, 10, 15)
    quarter(block, 1, 6, 11, 12)
    quarter(block, 2, 7, 8, 13)
    quarter(block, 3, 4, 9, 14)
  }
  for (let word = 0; word < 16; word++) block[word] = block[word]! + state[word]!
}

function quarter(block: Uint32Array, a: number, b: number, c: number, d: number): void {
  block[a] = block[a]! + block[b]!
  block[d] = rotate(block[d]! ^ block[a], 16)
  block[c] = block[c]! + block[d]
  block[b] = rotate(block[b]! ^ block[c], 12)
  block[a] = block[a] + block[b]
  block[d] = rotate(block[d] ^ block[a], 8)
  block[c] = block[c] + block[d]
  block[b] = rotate(block[b] ^ block[c], 7)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** The 64 hex digits of a seed as the key of its streams. */
export function seedKey(hex: string): Uint32Array {
  const key = new Uint32Array(8)
  for (let word = 0; word < 8; word++) key[word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16)
  return key
}

/** Uniform over 0 … size - 1 by rejection: taking the rest of a division would prefer small values. */
export function below(stream: Stream, size: number): number {
  const limit = 2 ** 32 - (2 ** 32 % size)
  let value = stream.next()
  while (value >= limit) value = stream.next()
  return value % size
}

/** 53 random bits as a fraction of 1, as Math.random has them. */
export function fraction(stream: Stream): number {
  return ((stream.next() >>> 5) * 2 ** 26 + (stream.next() >>> 6)) / 2 ** 53
}
