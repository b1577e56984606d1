// The settings that all HTTP carriers have, spread into each driver's own.

import { Type, type Static } from 'typebox'

import { StartError } from '../../errors.ts'
import type { CarrierParts, Submission } from '../carrier.ts'

/** Where the provider's API is. `usual` is the address that it publishes. */
export function baseUrl(usual: string) {
  return Type.String({
    default: usual,
    pattern: '^https?://',
    description: 'Where its API is, without what comes after the last common part of the path; http:// only for a test',
  })
}

/** How what a market asks for is called there: our name of a param to the provider's field. */
export function paramFields(usual: Record<string, string> = {}) {
  return Type.Record(Type.String(), Type.String(), {
    default: usual,
    description: 'Fields of the provider by the names that scripts use in `params`; others are left out',
  })
}

export const httpSettings = {
  baseUrl: Type.String({ pattern: '^https?://', description: 'Where its API is; http:// only for a test' }),
  timeoutMs: Type.Integer({
    default: 5_000,
    minimum: 10,
    maximum: 60_000,
    description: 'Longest wait for a connection, and from then on for the whole answer, ms',
  }),
  window: Type.Integer({
    default: 32,
    minimum: 1,
    maximum: 1_000,
    description: 'Requests under way at once, each on a connection of its own; of each engine',
  }),
  rate: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, description: 'Messages a second at most, of all engines together' }),
  ),
  from: Type.Optional(
    Type.String({ minLength: 1, maxLength: 20, description: 'The sender of messages that name none' }),
  ),
  onUncertain: Type.Enum(['resend', 'fail'], {
    default: 'resend',
    description: 'What becomes of a message when nobody knows whether the provider got it',
  }),
  callbackSecret: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,128}$',
      description: 'Part of the callback address; derived when absent',
    }),
  ),
  paramFields: paramFields(),
}

const schema = Type.Object(httpSettings)

export type HttpSettings = Static<typeof schema>

/** Throws StartError that names the setting. An address with a password in it would be shown where addresses are. */
export function checkBaseUrl(name: string, settings: Pick<HttpSettings, 'baseUrl'>): URL {
  const url = URL.parse(settings.baseUrl)
  const wrong = (trouble: string) => new StartError(`carriers.${name}.baseUrl: ${trouble}`)
  if (url === null || !/^https?:$/.test(url.protocol)) throw wrong('must be an address that begins with https://')
  if (url.username !== '' || url.password !== '') throw wrong('must not hold a user or a password')
  if (url.search !== '' || url.hash !== '') throw wrong('must end with its path, without ? and #')
  return url
}

/** Where the provider is asked to call; null without `engine.publicUrl`. */
export function callbackAddress(
  settings: Pick<HttpSettings, 'callbackSecret'>,
  parts: CarrierParts,
  kind: 'report' | 'sms',
): string | null {
  const base = parts.callbackUrl(settings.callbackSecret ?? parts.callbackSecret)
  return base === null ? null : `${base}/${kind}`
}

/** The message's params as fields of the provider. */
export function fieldsOfParams(
  settings: Pick<HttpSettings, 'paramFields'>,
  { params }: Submission,
): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [param, field] of Object.entries(settings.paramFields)) {
    const value = params[param]
    if (typeof value === 'string' || typeof value === 'number') fields[field] = String(value)
  }
  return fields
}
