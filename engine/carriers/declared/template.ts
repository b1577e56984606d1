// Templates of a declared carrier: text with `{{name}}` where something of the
// message stands.
//
//   {{to}} {{toDigits}} {{from}} {{text}} {{id}} {{validForSeconds}} {{callbackUrl}}
//   {{encoding}} {{segments}} {{params.x}}
//
// A template that is one placeholder and nothing else keeps its type (a number
// stays a number) and is absent where there is nothing to say: no sender, no
// public address, a param that the message does not have. Inside other text that
// is the empty text. What stands for the message is escaped for the place it is
// put into, so a text cannot become a field.

import { asText } from '../over-http/as-text.ts'

export interface TemplateValues {
  to: string
  toDigits: string
  from: string | null
  text: string
  id: string
  validForSeconds: number
  callbackUrl: string | null
  encoding: string
  segments: number
  params: Record<string, unknown>
}

/** Undefined: nothing to say, the field is left out. */
export type Template = (values: TemplateValues) => unknown

const names: ReadonlySet<string> = new Set([
  'to',
  'toDigits',
  'from',
  'text',
  'id',
  'validForSeconds',
  'callbackUrl',
  'encoding',
  'segments',
] satisfies Array<keyof TemplateValues>)

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g

/** A text, or a tree of objects and arrays with texts in it. Throws an Error that says which placeholder is wrong. */
export function compileTemplate(source: unknown): Template {
  if (typeof source === 'string') return compileValue(source)
  if (Array.isArray(source)) {
    const items = source.map(compileTemplate)
    return values => items.map(item => item(values)).filter(item => item !== undefined)
  }
  if (typeof source === 'object' && source !== null) {
    const fields = Object.entries(source).map(([name, value]) => [name, compileTemplate(value)] as const)
    return values => {
      const told = fields.map(([name, field]) => [name, field(values)] as const)
      return Object.fromEntries(told.filter(([, value]) => value !== undefined))
    }
  }
  return () => source
}

function compileValue(source: string): Template {
  const only = /^\{\{\s*([^{}]*?)\s*\}\}$/.exec(source)?.[1]
  if (only === undefined) return compileText(source, text => text)
  const read = compileName(only)
  return values => read(values) ?? undefined
}

/** Always a text; what stands for the message goes through `escape`. */
export function compileText(source: string, escape: (text: string) => string): (values: TemplateValues) => string {
  if (/\{\{|\}\}/.test(withoutPlaceholders(source)))
    throw new Error(`there is a {{ or }} without its other half in ${JSON.stringify(source)}`)
  // Text and names in turn: split by a pattern with one group.
  const pieces = source.split(placeholder).map((piece, index) => (index % 2 === 0 ? piece : compileName(piece)))
  return values =>
    pieces.map(piece => (typeof piece === 'string' ? piece : escape(asText(piece(values)) ?? ''))).join('')
}

/** What stands in a template by itself. */
export function withoutPlaceholders(source: string): string {
  return source.replaceAll(placeholder, '')
}

function compileName(name: string): (values: TemplateValues) => unknown {
  const param = /^params\.([\w-]+)$/.exec(name)?.[1]
  if (param !== undefined) return ({ params }) => (Object.hasOwn(params, param) ? params[param] : undefined)
  if (names.has(name)) return values => values[name as keyof TemplateValues]
  throw new Error(`there is no {{${name}}}; allowed: ${[...names, 'params.…'].join(', ')}`)
}
