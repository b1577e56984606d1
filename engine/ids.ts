// Names for runs, messages, tokens and timers.
//
// Letters only: an id that stands in a log line can then never hold the digits
// of a phone number or of a code, and a grep for those finds leaks, not ids.

import { createHash, randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
let used = pool.length

/** `prefix_` and 22 letters of a–p: 88 random bits. */
export function newId(prefix: string): string {
  if (used + 11 > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = letters(pool.subarray(used, used + 11))
  used += 11
  return `${prefix}_${id}`
}

/** The same letters from a text: one text, one id. */
export function derivedId(prefix: string, text: string): string {
  return `${prefix}_${letters(createHash('sha256').update(text).digest().subarray(0, 11))}`
}

/** Two letters of a–p for each byte. */
export function letters(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15))
  return text
}
