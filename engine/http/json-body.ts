// The bodies that we take: a JSON object in UTF-8, of reasonable depth.

import { EngineError } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Deeper than any request, and far from where JSON.stringify runs out of stack. */
const maxDepth = 64

/** Throws invalid_json for anything but a JSON object. A key `__proto__` is dropped wherever it stands. */
export function parseJsonObject(body: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(body))
  } catch {
    throw new EngineError('invalid_json')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new EngineError('invalid_json')
  clean(value, 1)
  return value as Record<string, unknown>
}

function clean(value: object, depth: number): void {
  if (depth > maxDepth) throw new EngineError('invalid_json')
  if (Object.hasOwn(value, '__proto__')) delete (value as Record<string, unknown>)['__proto__']
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) clean(part as object, depth + 1)
  }
}
