// The signature of a declared carrier's calls: an HMAC of what is named, in a
// header. A wrong or missing one is EngineError `forbidden`.

import { createHmac } from 'node:crypto'

import { Type, type Static } from 'typebox'

import { EngineError } from '../../errors.ts'
import type { CallbackRequest } from '../carrier.ts'
import { equalSecrets } from '../over-http/equal-secrets.ts'
import { besideBody } from './value-path.ts'

export const signatureSettings = Type.Object(
  {
    header: Type.String({ minLength: 1, description: 'The header that holds it' }),
    algorithm: Type.Enum(['sha256', 'sha1', 'sha512', 'md5'], { default: 'sha256', description: 'Of the HMAC' }),
    secret: Type.String({ minLength: 1, description: 'The key of the HMAC' }),
    over: Type.String({
      default: 'body',
      description:
        'What is signed: body, url+body, or text with {{body}}, {{url}}, {{urlWithoutQuery}} and {{header.name}} in it',
    }),
    encoding: Type.Enum(['hex', 'base64'], { default: 'hex', description: 'How it is written' }),
    prefix: Type.String({ default: '', description: 'What stands before it, like sha256=' }),
  },
  { additionalProperties: false, description: 'Proof that a call comes from the provider' },
)

export type SignatureSettings = Static<typeof signatureSettings>

/**
 * Throws an Error for an `over` that cannot be read, or that leaves out what is
 * read from calls: `read` has paths by the names of their settings.
 */
export function createVerify(
  settings: SignatureSettings,
  read: Readonly<Record<string, string>>,
): (call: CallbackRequest) => void {
  const { algorithm, secret, encoding, prefix } = settings
  const pieces = compileOver(settings.over)
  for (const [setting, path] of Object.entries(read)) checkCovered(settings.over, setting, path)
  const header = settings.header.toLowerCase()
  return call => {
    const given = call.headers[header]
    const hmac = createHmac(algorithm, secret)
    // A header that is signed but missing is signed as nothing: then nothing fits.
    for (const piece of pieces) hmac.update(piece(call))
    const digest = hmac.digest(encoding)
    const expected = `${prefix}${digest}`
    const comparable = encoding === 'hex' ? given?.toLowerCase() : given
    const wanted = encoding === 'hex' ? expected.toLowerCase() : expected
    if (comparable === undefined || !equalSecrets(comparable, wanted)) throw new EngineError('forbidden')
  }
}

/** What is not signed could be changed on the way, or sent again with something else. */
function checkCovered(over: string, setting: string, path: string): void {
  const place = besideBody(path)
  if (place === undefined) return
  const signed = [...over.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)].map(([, name]) => name!.toLowerCase())
  const wanted = place.root === 'query' ? 'url' : `header.${place.name.toLowerCase()}`
  if (signed.includes(wanted) || (wanted === 'url' && over === 'url+body')) return
  throw new Error(`{{${wanted}}} has to be in it: ${setting} is read from there`)
}

type Piece = (call: CallbackRequest) => string | Buffer

function compileOver(over: string): Piece[] {
  const template = over === 'body' ? '{{body}}' : over === 'url+body' ? '{{url}}{{body}}' : over
  const pieces = template
    .split(/\{\{([^{}]*)\}\}/)
    .map((piece, index) => (index % 2 === 0 ? () => piece : named(piece)))
  if (!/\{\{\s*body\s*\}\}/.test(template)) throw new Error('{{body}} has to be in it: else every call could be forged')
  return pieces
}

function named(name: string): Piece {
  const wanted = name.trim()
  if (wanted === 'body') return ({ body }) => body
  if (wanted === 'url') return ({ url }) => url
  if (wanted === 'urlWithoutQuery') return ({ url }) => url.replace(/\?.*$/s, '')
  const header = /^header\.([\w-]+)$/.exec(wanted)?.[1]?.toLowerCase()
  if (header !== undefined) return ({ headers }) => headers[header] ?? ''
  throw new Error(`there is no {{${name}}}; allowed: body, url, urlWithoutQuery, header.…`)
}
