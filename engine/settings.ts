// Checks what operators wrote against a schema, and says in one line which
// setting is wrong, what is wrong with it and what is allowed.

import type { Static, TSchema } from 'typebox'

import { StartError } from './errors.ts'
import { compileSchema } from './schema.ts'

/** The settings with their defaults; throws StartError that names the setting, below `path`. */
export function checkSettings<Schema extends TSchema>(path: string, schema: Schema, given: unknown): Static<Schema> {
  const settings: unknown = structuredClone(given)
  const wrong = compileSchema(schema, { defaults: true })(settings)
  if (wrong === undefined) return settings as Static<Schema>
  const { keyword, instancePath, params, message } = wrong
  const place = `${path}${instancePath.replaceAll('/', '.')}`.replace(/^\./, '')
  if (keyword === 'additionalProperties') {
    const name = `${place === '' ? '' : `${place}.`}${String(params.additionalProperty)}`
    throw new StartError(`${name}: there is no such setting; allowed: ${knownBelow(schema, instancePath)}`)
  }
  if (keyword === 'enum')
    throw new StartError(`${place}: must be one of ${(params.allowedValues as string[]).join(', ')}`)
  throw new StartError(`${place}: ${message}`)
}

function knownBelow(schema: TSchema, instancePath: string): string {
  let at: unknown = schema
  for (const key of instancePath.split('/').slice(1)) {
    const { properties, patternProperties } = at as Record<string, Record<string, unknown> | undefined>
    at = properties?.[key] ?? Object.values(patternProperties ?? {})[0]
    if (at === undefined) return 'none'
  }
  const { properties = {}, patternProperties = {} } = at as { properties?: object; patternProperties?: object }
  const patterns = Object.keys(patternProperties).map(pattern => `names that match ${pattern}`)
  return [...Object.keys(properties), ...patterns].join(', ')
}
