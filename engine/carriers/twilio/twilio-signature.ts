// X-Twilio-Signature (twilio.com/docs/usage/webhooks/webhooks-security): base64
// of HMAC-SHA1, under the account's token, of the whole address and every field
// of the form, sorted by name, name and value without anything in between. A
// body that is no form is signed by its SHA-256 in the address (`bodySHA256`).

import { createHash, createHmac } from 'node:crypto'

import { EngineError } from '../../errors.ts'
import { isJson } from '../over-http/callback-fields.ts'
import type { CallbackRequest } from '../carrier.ts'
import { equalSecrets } from '../over-http/equal-secrets.ts'

/** Throws EngineError `forbidden` unless the call is signed with that token. */
export function verifyTwilio(call: CallbackRequest, authToken: string): void {
  const given = call.headers['x-twilio-signature'] ?? ''
  const fields = signedFields(call)
  const fits =
    fields !== undefined &&
    // Whether the port stands in what is signed differs between Twilio's parts.
    withAndWithoutPort(call.url).some(url => equalSecrets(given, twilioSignature(authToken, url, fields)))
  if (!fits) throw new EngineError('forbidden')
}

export function twilioSignature(authToken: string, url: string, fields: URLSearchParams): string {
  const names = [...new Set(fields.keys())].sort()
  // A name that comes twice is signed once for each different value.
  const text = names.flatMap(name => [...new Set(fields.getAll(name))].sort().map(value => name + value)).join('')
  return createHmac('sha1', authToken)
    .update(url + text)
    .digest('base64')
}

/** Undefined when the body is proven by nothing. */
function signedFields(call: CallbackRequest): URLSearchParams | undefined {
  if (call.method === 'GET') return new URLSearchParams()
  if (!isJson(call)) return new URLSearchParams(call.body.toString('utf8'))
  const hash = createHash('sha256').update(call.body).digest('hex')
  return equalSecrets(call.query.get('bodySHA256') ?? '', hash) ? new URLSearchParams() : undefined
}

function withAndWithoutPort(url: string): string[] {
  const [, scheme, host, port, rest] = /^(https?):\/\/([^/?#:[\]]+|\[[^\]]+\])(:\d+)?(.*)$/s.exec(url) ?? []
  if (scheme === undefined || host === undefined) return [url]
  const usual = port ?? (scheme === 'https' ? ':443' : ':80')
  return [`${scheme}://${host}${rest}`, `${scheme}://${host}${usual}${rest}`]
}
