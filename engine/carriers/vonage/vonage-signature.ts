// The signature of Vonage's calls (developer.vonage.com, "Signing messages"):
// every field but `sig`, sorted by name, as `&name=value` with `&` and `=` of a
// value replaced by `_`; MD5 of that with the secret behind it, or an HMAC under
// the secret, in hex of either case.

import { createHash, createHmac } from 'node:crypto'

import { EngineError } from '../../errors.ts'
import { fieldsOf } from '../over-http/callback-fields.ts'
import type { CallbackRequest } from '../carrier.ts'
import { equalSecrets } from '../over-http/equal-secrets.ts'

export type VonageSignatureMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512'

export interface VonageSignatureSettings {
  secret: string
  method: VonageSignatureMethod
  /** How far `timestamp` may be from now. */
  withinMs: number
  clock: () => number
}

/** Throws EngineError `forbidden` unless the call is signed, and lately. */
export function verifyVonage(call: CallbackRequest, settings: VonageSignatureSettings): void {
  const fields = fieldsOf(call)
  const given = (fields.get('sig') ?? '').toLowerCase()
  const expected = vonageSignature(fields, settings.secret, settings.method)
  const timestamp = fields.get('timestamp')
  const isLate = timestamp !== null && !(Math.abs(settings.clock() - Number(timestamp) * 1_000) <= settings.withinMs)
  if (!equalSecrets(given, expected) || isLate) throw new EngineError('forbidden')
}

export function vonageSignature(fields: URLSearchParams, secret: string, method: VonageSignatureMethod): string {
  const names = [...new Set(fields.keys())].filter(name => name !== 'sig').sort()
  const text = names.map(name => `&${name}=${fields.get(name)!.replaceAll(/[&=]/g, '_')}`).join('')
  if (method !== 'md5hash') return createHmac(method, secret).update(text).digest('hex')
  return createHash('md5')
    .update(text + secret)
    .digest('hex')
}
