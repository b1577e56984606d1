// The primitives as a script sees them. Effects become host calls; what needs no
// engine (texts, numbers, codes, refusals) is answered here or by the child.

import { below } from './chacha.ts'
import { describe, refuse } from './failure.ts'
import { failedCall, hostCall } from './host-call.ts'
import { breakLimit, currentRun, emit, limits, parse, stringify, type Ask, type GuestLimits } from './run.ts'

/** One primitive that lives in the engine: its name (`storage.get`) and how positional arguments are named. */
export interface HostPrimitive {
  name: string
  /** `...` takes the fields of an options object, `fn` is the function of an update. */
  parameters: string[]
}

export interface GuestSettings {
  primitives: HostPrimitive[]
  /** Numbers in E.164 whose code is fixed. */
  testNumbers: Record<string, string>
  /** What the operator has set of them. */
  limits: Pick<GuestLimits, 'hostCalls' | 'valueBytes'>
}

export function createGlobals(settings: GuestSettings, ask: Ask): Record<string, unknown> {
  const globals: Record<string, unknown> = {}
  for (const { name, parameters } of settings.primitives) {
    const [group, member] = name.split('.') as [string, string?]
    const call = createCall(name, parameters)
    if (member === undefined) globals[group] = call
    else globals[group] = { ...(globals[group] as object), [member]: call }
  }

  let asked = { run: '', count: 0 }
  function askChild(question: string, input: () => unknown): unknown {
    const run = currentRun()
    asked = asked.run === run.id ? asked : { run: run.id, count: 0 }
    if (++asked.count > limits.askCalls) {
      breakLimit(run, 'localCalls')
      return undefined
    }
    try {
      return parse(ask(question, stringify(input()) ?? 'null'))
    } catch {
      return undefined
    }
  }

  return {
    ...globals,
    t: (key: unknown, values: unknown = {}, language?: unknown) =>
      askChild('t', () => [word(key), values, language ?? currentRun().language]) ?? word(key),
    language: (wanted?: unknown, country?: unknown) =>
      askChild('language', () => [wanted ?? null, country ?? null]) ?? 'en',
    parseNumber: (text: unknown, options?: { country?: unknown }) =>
      askChild('parseNumber', () => [
        typeof text === 'string' ? text.slice(0, 200) : null,
        options?.country ?? null,
      ]) ?? {
        valid: false,
        e164: null,
        country: null,
        countryName: null,
        type: null,
        national: null,
        example: null,
        test: false,
      },
    generateCode: (options?: unknown) => generateCode(options, settings.testNumbers),
    secret: (name: unknown) => `{{secret:${word(name)}}}`,
    log: { info: logger('info'), warn: logger('warn'), error: logger('error') },
    refuse,
  }
}

/** Any value as a word; one that will not be a word is none. */
function word(value: unknown): string {
  try {
    return String(value)
  } catch {
    return ''
  }
}

function createCall(name: string, parameters: string[]) {
  return (...values: unknown[]): Promise<unknown> => {
    const input: Record<string, unknown> = {}
    let change: ((value: unknown) => unknown) | undefined
    try {
      // The options first: they cannot take the place of what was said before them.
      const options = values[parameters.indexOf('...')]
      if (typeof options === 'object') Object.assign(input, options)
      parameters.forEach((parameter, index) => {
        const value = values[index]
        if (parameter === 'fn') change = value as typeof change
        else if (parameter !== '...' && value !== undefined) input[parameter] = value
      })
    } catch (error) {
      // A getter of the options: an effect rejects, it never throws.
      return failedCall(name, error)
    }
    if (parameters.includes('fn') && typeof change !== 'function') {
      return failedCall(name, new TypeError(`${name}: a function is missing`))
    }
    return hostCall(name, input, change)
  }
}

const digits = '0123456789'

// Uniform over the alphabet, from the run's own cryptographic stream.
function generateCode(options: unknown, testNumbers: Record<string, string>): string {
  const wanted = copyOf(options)
  const fixed =
    typeof wanted.for === 'string' && Object.hasOwn(testNumbers, wanted.for) ? testNumbers[wanted.for] : undefined
  if (fixed !== undefined) return fixed
  const length = Number.isInteger(wanted.length) ? Math.min(Math.max(wanted.length as number, 1), 256) : 6
  const alphabet =
    typeof wanted.alphabet === 'string' && wanted.alphabet.length > 0 ? [...wanted.alphabet] : [...digits]
  const codes = currentRun().codes()
  let code = ''
  for (let place = 0; place < length; place++) code += alphabet[below(codes, alphabet.length)]
  return code
}

/** The fields of an options object; one that cannot be read has none. */
function copyOf(options: unknown): Record<string, unknown> {
  try {
    return typeof options === 'object' ? { ...options } : {}
  } catch {
    return {}
  }
}

function logger(level: string) {
  return (...values: unknown[]): void => {
    const run = currentRun()
    if (run.over || ++run.logLines > limits.logLines) return
    const line = values.map(asText).join(' ').slice(0, limits.logLength)
    emit(`["log","${level}",${stringify(line)}]`)
  }
}

function asText(value: unknown): string {
  try {
    if (typeof value !== 'object') return word(value)
    if (value instanceof Error) return describe(value).stack || describe(value).message
    return stringify(value) ?? word(value)
  } catch {
    return '(a value that cannot be shown)'
  }
}
