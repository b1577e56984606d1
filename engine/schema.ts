// Schemas are TypeBox, checking is Ajv's: Fastify has it in memory already, and
// TypeBox's own compiler would cost 8 MB more.

import { Ajv, type ErrorObject } from 'ajv'
import type { TSchema } from 'typebox'

const ajv = new Ajv({ strict: false })
const ajvWithDefaults = new Ajv({ strict: false, useDefaults: true })

/** The first thing that is wrong with a value, undefined when nothing is. `defaults` fills in what is absent. */
export function compileSchema(schema: TSchema, { defaults = false } = {}): (value: unknown) => ErrorObject | undefined {
  const validate = (defaults ? ajvWithDefaults : ajv).compile(schema)
  return value => (validate(value) ? undefined : validate.errors?.[0])
}
