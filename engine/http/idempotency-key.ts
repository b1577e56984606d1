// What an Idempotency-Key is: as it comes in the header, where its answer is
// kept, and when two bodies are the same.

import { createHash } from 'node:crypto'

import { EngineError } from '../errors.ts'

/** The key of the header: 1 to 255 visible ASCII characters, quoted (RFC 8941, 3.3.3) or bare. Throws invalid_request. */
export function readIdempotencyKey(header: unknown): string | undefined {
  if (header === undefined) return undefined
  const text = typeof header === 'string' ? header.trim() : ''
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(["\\])/g, '$1')
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new EngineError('invalid_request', {
      errors: [{ field: 'Idempotency-Key', problem: 'has to be 1 to 255 visible ASCII characters' }],
    })
  }
  return key
}

/** Where the answer to a request with this key is kept. */
export function placeOf({ tokenId, path, key }: { tokenId: string; path: string; key: string }): string {
  return hash(`${tokenId}\n${path}\n${key}`)
}

/** The same for two bodies that mean the same. */
export function hashBody(body: unknown): string {
  return hash(canonical(body))
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** JSON with sorted keys: two bodies that mean the same are the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
