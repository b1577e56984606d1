// Errors as RFC 9457 problem+json, with a sentence in the caller's language.

import { errorTable, EngineError, type ErrorCode, type Facts } from '../errors.ts'
import type { Texts } from '../locales.ts'

export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  [fact: string]: unknown
}

/** What a caller is told: `code` is the contract, `detail` a sentence, the facts beside them. */
export function problem(texts: Texts, language: string, code: string, status: number, facts: Facts): Problem {
  const title = Object.hasOwn(errorTable, code) ? errorTable[code as ErrorCode].title : titleOf(code)
  const { detail, type: _type, title: _title, status: _status, code: _code, ...rest } = facts
  return {
    type: 'about:blank',
    title,
    status,
    code,
    detail: sentence(texts, language, code, facts) ?? (typeof detail === 'string' ? detail : title),
    ...rest,
  }
}

/** The header Retry-After for a fact `retryAfter`: whole seconds, of a size that clients can read. */
export function retryAfterHeader(retryAfter: unknown): string | undefined {
  return typeof retryAfter === 'number' ? String(Math.min(Math.max(0, Math.ceil(retryAfter)), 2 ** 31 - 1)) : undefined
}

/** The same for what the engine itself refuses; anything that is no EngineError is a failure of ours. */
export function problemOf(texts: Texts, language: string, error: unknown): Problem {
  if (error instanceof EngineError) return problem(texts, language, error.code, error.status, error.facts)
  return problem(texts, language, 'script_error', 500, {})
}

function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

// A sentence that names something (a country, a contact) has a plain form for
// when that is not known.
function sentence(texts: Texts, language: string, code: string, facts: Facts): string | undefined {
  const values = {
    ...facts,
    count: facts.retryAfter,
    country: countryName(facts.country, language),
    contact: contact(facts.contact, language),
  }
  const key = `errors.${code}`
  const plain = `${key}_plain`
  const lacking = values.country === undefined && values.contact === undefined
  if (lacking && texts.has(plain, language)) return texts.t(plain, values, language)
  const text = texts.t(key, values, language)
  return text === key ? undefined : text
}

function countryName(country: unknown, language: string): string | undefined {
  if (typeof country !== 'string' || !/^[A-Z]{2}$/.test(country)) return undefined
  try {
    return new Intl.DisplayNames(language, { type: 'region', fallback: 'none' }).of(country)
  } catch {
    return undefined
  }
}

function contact(given: unknown, language: string): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const { email, phone, url } = given as Record<string, unknown>
  const ways = [email, phone, url].filter(way => typeof way === 'string')
  return ways.length === 0 ? undefined : new Intl.ListFormat(language, { type: 'disjunction' }).format(ways)
}
