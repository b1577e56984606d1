// What storage writes to disk or sends to Redis is unreadable without the secret.
//
// Values are AES-256-GCM; their context (where they belong) is authenticated,
// so that a value copied into another row does not open. Keys and tags are
// HMAC-SHA256, cut to 96 bits: equal ones can be found, none can be read. Both
// keys come from PATCHCORD_SECRET by HKDF.
//
//   sealed = format (1: UTF-8, 2: UTF-16) · nonce (12 bytes) · ciphertext · tag (16 bytes)
//
// Nonces are random: by the birthday bound one repeats with a chance of 2^-33
// in the first 2^32 seals. Cost: 7 to 9 µs to seal or open 200 characters, most of
// it Node's objects and not the cipher (ChaCha20 and OCB are no faster); 2 µs
// for a segment that is not remembered.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomFillSync } from 'node:crypto'
import { EngineError } from '../errors.ts'
import { createRecent } from '../recent.ts'

export interface Seal {
  /** `context` names the place of the text, it has to be the same to open it. */
  seal(text: string, context: string): Buffer
  /** Throws storage_unavailable when the bytes were changed, belong elsewhere or were sealed with another secret. */
  open(sealed: Uint8Array, context: string): string
  /**
   * `S:A:B` for the key `a:b` of space `s`, 16 letters a segment. Each hash
   * covers the segments before it too, so a key's prefix by whole segments is
   * its hash's prefix, and one word in two places does not look the same.
   */
  hashKey(space: string, key: string): string
  /** The `S` of `hashKey`: the prefix of all keys of a space. */
  hashSpace(space: string): string
  hashTag(text: string): string
}

const nonceBytes = 12
const tagBytes = 16
const utf8 = 1
const utf16 = 2

export function createSeal(secret: string): Seal {
  const sealingKey = derive(secret, 'patchcord seal 1')
  const hashingKey = derive(secret, 'patchcord hash 1')
  const nonces = Buffer.alloc(nonceBytes * 256)
  let used = nonces.length
  const remembered = createRecent<string>(4096)

  return {
    seal(text, context) {
      // A text with half a surrogate pair in it would come back changed as UTF-8.
      const format = text.isWellFormed() ? utf8 : utf16
      const nonce = nextNonce()
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce)
      cipher.setAAD(authenticated(format, context))
      const body = cipher.update(text, format === utf8 ? 'utf8' : 'utf16le')
      cipher.final()
      return Buffer.concat([Buffer.of(format), nonce, body, cipher.getAuthTag()])
    },

    open(sealed, context) {
      try {
        const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
        const format = bytes[0] ?? 0
        const bodyAt = 1 + nonceBytes
        const tagAt = Math.max(bodyAt, bytes.length - tagBytes)
        const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(1, bodyAt), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(authenticated(format, context))
        decipher.setAuthTag(bytes.subarray(tagAt))
        const body = decipher.update(bytes.subarray(bodyAt, tagAt))
        decipher.final()
        return body.toString(format === utf16 ? 'utf16le' : 'utf8')
      } catch (cause) {
        throw new EngineError(
          'storage_unavailable',
          { retryAfter: 1 },
          { cause, message: 'A stored value does not open' },
        )
      }
    },

    hashKey(space, key) {
      let parent = hash('space', space)
      let path = parent
      for (const segment of key.split(':')) {
        parent = hash(parent, segment)
        path += `:${parent}`
      }
      return path
    },

    hashSpace: space => hash('space', space),
    hashTag: text => hash('tag', text),
  }

  function nextNonce(): Buffer {
    if (used === nonces.length) {
      randomFillSync(nonces)
      used = 0
    }
    used += nonceBytes
    return nonces.subarray(used - nonceBytes, used)
  }

  // `label` is `space`, `tag` or the 16 letters of a hash: a fixed word or a
  // fixed length, so no two (label, text) are one input. UTF-16 keeps apart
  // what UTF-8 would make one replacement character.
  function hash(label: string, text: string): string {
    const input = `${label}:${text}`
    const known = remembered.get(input)
    if (known !== undefined) return known
    const digest = createHmac('sha256', hashingKey).update(input, 'utf16le').digest('base64url').slice(0, 16)
    // A script may make long keys; remembering them would cost megabytes.
    if (input.length <= 100) remembered.set(input, digest)
    return digest
  }
}

function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
}

function authenticated(format: number, context: string): Buffer {
  return Buffer.from(`${format}:${context}`, 'utf16le')
}
