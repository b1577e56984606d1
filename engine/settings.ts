// Checks what operators wrote against a schema, and says in one line which
// setting is wrong, what is wrong with it and what is allowed.

import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

import { StartError } from './errors.ts'

/** The settings with their defaults; throws StartError that names the setting, below `path`. */
export function checkSettings<Schema extends TSchema>(path: string, schema: Schema, given: unknown): Static<Schema> {
  const settings = Value.Default(schema, structuredClone(given))
  for (const { keyword, instancePath, params, message } of Value.Errors(schema, settings)) {
    // The schema of an unknown key is `false`; additionalProperties tells the same with its name.
    if (keyword === 'boolean') continue
    const place = `${path}${instancePath.replaceAll('/', '.')}`.replace(/^\./, '')
    if (keyword === 'additionalProperties') {
      const allowed = knownBelow(schema, instancePath)
      throw new StartError(
        `${place === '' ? '' : `${place}.`}${params.additionalProperties[0]}: there is no such setting; allowed: ${allowed}`,
      )
    }
    if (keyword === 'enum') throw new StartError(`${place}: must be one of ${params.allowedValues.join(', ')}`)
    throw new StartError(`${place}: ${message}`)
  }
  return settings as Static<Schema>
}

function knownBelow(schema: TSchema, instancePath: string): string {
  let at: unknown = schema
  for (const key of instancePath.split('/').slice(1)) {
    const { properties, patternProperties } = at as Record<string, Record<string, unknown> | undefined>
    at = properties?.[key] ?? Object.values(patternProperties ?? {})[0]
    if (at === undefined) return 'none'
  }
  return Object.keys((at as { properties?: object }).properties ?? {}).join(', ')
}
