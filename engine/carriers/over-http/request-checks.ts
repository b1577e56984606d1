// What a configuration says of a request, checked as HTTP will check it. All
// throw an Error that says what is wrong and does not repeat a value.

import { validateHeaderName, validateHeaderValue } from 'node:http'

/** They frame the request, or steer the connection: whoever writes it writes them. */
const ours = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
])

export function checkHeaderName(name: string): void {
  validateHeaderName(name)
  if (ours.has(name.toLowerCase())) throw new Error('is no header that settings may set')
}

export function checkHeaderValue(value: string): void {
  try {
    validateHeaderValue('x', value)
  } catch (cause) {
    throw new Error('holds a line end or another character that no header can hold', { cause })
  }
}

/** `path` is without its placeholders. */
export function checkPath(path: string): void {
  if (/[^\x21-\x7e]/.test(path)) throw new Error('holds a space or another character that has to be percent-encoded')
}
