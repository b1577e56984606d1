// What a script says of its request bodies, `export const fields`: checked
// before the script runs, and shown in the API reference.

import { EngineError } from '../errors.ts'

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array'] as const
export type FieldType = (typeof types)[number]

export interface Field {
  type: FieldType
  optional: boolean
}

/** By action (`default`, `check`, …), by field name. */
export type Fields = Record<string, Record<string, Field>>

/** Reads the export; throws an Error that names what is wrong with it. */
export function readFields(exported: unknown): Fields {
  if (exported === null || exported === undefined) return {}
  if (!isObject(exported)) throw new Error('fields: has to be an object of actions')
  const fields: Fields = {}
  for (const [action, declared] of Object.entries(exported)) {
    if (!isObject(declared)) throw new Error(`fields.${action}: has to be an object of fields`)
    fields[action] = {}
    for (const [name, declaration] of Object.entries(declared)) {
      const [, type, mark] = /^(.*?)(\?)?$/.exec(String(declaration))!
      if (!types.includes(type as FieldType)) {
        throw new Error(
          `fields.${action}.${name}: "${String(declaration)}" is none of ${types.join(', ')}, each with or without ?`,
        )
      }
      fields[action][name] = { type: type as FieldType, optional: mark !== undefined }
    }
  }
  return fields
}

/** Throws invalid_request for what is missing or of another type; drops nulls where the field may be absent. */
export function checkFields(
  fields: Record<string, Field> | undefined,
  body: Record<string, unknown>,
): Record<string, unknown> {
  if (fields === undefined) return body
  const errors: Array<{ field: string; problem: string }> = []
  let checked = body
  for (const [name, { type, optional }] of Object.entries(fields)) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined
    if (value === undefined || (value === null && optional)) {
      if (value === null) {
        checked = { ...checked }
        delete checked[name]
      }
      if (!optional) errors.push({ field: name, problem: 'is missing' })
    } else if (!isOf(type, value)) {
      errors.push({
        field: name,
        problem: `has to be ${type === 'integer' || type === 'array' || type === 'object' ? 'an' : 'a'} ${type}`,
      })
    }
  }
  if (errors.length > 0) throw new EngineError('invalid_request', { errors })
  return checked
}

function isOf(type: FieldType, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
