// Whatever a script throws, as text. A thrown value may be a Proxy, may have
// getters that throw, or may be no error at all; nothing of it leaves the
// isolate but short strings.

import { parse, stringify } from './run.ts'

interface Refusal {
  code: string
  status: number
  facts: Record<string, unknown>
}

const refusals = new WeakMap<object, Refusal>()

/** Makes what a script throws to say no: `throw refuse('too_soon', { status: 429, retryAfter: 30 })`. */
export function refuse(code: unknown, facts: unknown = {}): Error {
  const { status, ...rest } = plain(facts)
  const name = typeof code === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(code) ? code : 'refused'
  const allowed = typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 499
  const error = new Error(name)
  error.name = 'Refusal'
  refusals.set(error, { code: name, status: allowed ? status : 400, facts: rest })
  return error
}

function plain(facts: unknown): Record<string, unknown> {
  try {
    const copy: unknown = parse(stringify(facts) ?? '{}')
    return typeof copy === 'object' && copy !== null && !Array.isArray(copy) ? (copy as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The last statement of a run that threw. */
export function failureStatement(thrown: unknown): string {
  const refusal = typeof thrown === 'object' && thrown !== null ? refusals.get(thrown) : undefined
  if (refusal !== undefined) return `["refuse",${stringify(refusal)}]`
  return `["fail",${stringify(describe(thrown))}]`
}

/** Name, message and stack, each cut short, of anything. */
export function describe(thrown: unknown): { name: string; message: string; stack: string } {
  try {
    if (typeof thrown === 'object' && thrown !== null) {
      const { name, message, stack } = thrown as { name?: unknown; message?: unknown; stack?: unknown }
      return { name: text(name, 'Error', 100), message: text(message, '', 1_000), stack: text(stack, '', 4_000) }
    }
    return { name: 'Error', message: `${typeof thrown}: ${String(thrown)}`.slice(0, 1_000), stack: '' }
  } catch {
    return { name: 'Error', message: 'a value that cannot be described was thrown', stack: '' }
  }
}

function text(value: unknown, otherwise: string, length: number): string {
  return typeof value === 'string' ? value.slice(0, length) : otherwise
}
