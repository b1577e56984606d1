// The fields of a provider's call, in whichever of the three ways they came.

import { EngineError } from '../../errors.ts'
import type { CallbackRequest } from '../carrier.ts'

/** The JSON of the body; EngineError `invalid_request` when it is none. */
export function jsonOf({ body }: CallbackRequest): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new EngineError('invalid_request', {}, { message: 'The call holds no JSON', cause })
  }
}

export function isJson({ headers }: CallbackRequest): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(headers['content-type'] ?? '')
}

/**
 * Query of a GET; of others the form or the flat JSON object of the body, whose
 * strings, numbers and booleans become text and whose other values are left out.
 */
export function fieldsOf(call: CallbackRequest): URLSearchParams {
  if (call.method === 'GET') return call.query
  if (!isJson(call)) return new URLSearchParams(call.body.toString('utf8'))
  const json = jsonOf(call)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new EngineError('invalid_request', {}, { message: 'The call holds no JSON object' })
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(json))
    if (['string', 'number', 'boolean'].includes(typeof value)) fields.set(name, String(value))
  return fields
}

/** One field that has to be there; EngineError `invalid_request` that names it. */
export function needField(fields: URLSearchParams, name: string): string {
  const value = fields.get(name)
  if (value === null || value === '') throw new EngineError('invalid_request', { field: name })
  return value
}
