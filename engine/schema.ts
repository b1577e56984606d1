// Schemas are TypeBox, checking is Ajv's: Fastify has it in memory already, and
// TypeBox's own compiler would cost 8 MB more.

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { TSchema } from 'typebox'

const ajv = new Ajv({ strict: false })
const ajvWithDefaults = new Ajv({ strict: false, useDefaults: true })

// What stands in a query string is text: `limit=5` is meant as a number. A body says what it means.
const ajvForBodies = new Ajv({ strict: false, useDefaults: true, allErrors: true })
const ajvForText = new Ajv({ strict: false, useDefaults: true, allErrors: true, coerceTypes: true })

/** How Fastify checks a part of a request: `body`, `querystring`, `params`, `headers`. */
export function compileForHttp(schema: TSchema, part: string | undefined): ValidateFunction {
  return (part === 'body' ? ajvForBodies : ajvForText).compile(schema)
}

/** The first thing that is wrong with a value, undefined when nothing is. `defaults` fills in what is absent. */
export function compileSchema(schema: TSchema, { defaults = false } = {}): (value: unknown) => ErrorObject | undefined {
  const validate = (defaults ? ajvWithDefaults : ajv).compile(schema)
  return value => (validate(value) ? undefined : validate.errors?.[0])
}
