// The smallest HTTP provider: a form out, `{ id }` or `{ error }` in.

import { Type } from 'typebox'

import type { Carrier, CarrierParts } from '../../engine/carriers/carrier.ts'
import {
  createHttpCarrier,
  httpSettings,
  type HttpProvider,
  type HttpSettings,
} from '../../engine/carriers/over-http/http-carrier.ts'
import { checkSettings } from '../../engine/settings.ts'
import { startMade, testParts, type StartedCarrier } from './provider.ts'

const simple: HttpProvider = {
  driver: 'simple',
  secrets: ['hunter22'],
  request: ({ to, text }) => ({ method: 'POST', path: '/send', query: { key: 'hunter22' }, form: { to, text } }),
  judge(answer) {
    const { id, error } = (answer.json() ?? {}) as { id?: string; error?: string }
    if (id !== undefined) return { accepted: true, carrierIds: [id] }
    if (error !== undefined) return { accepted: false, verdict: 'final', error }
    throw new Error('an answer that says nothing')
  },
}

export function makeSimple(
  settings: Partial<HttpSettings>,
  provider: Partial<HttpProvider> = {},
  parts: Partial<CarrierParts> = {},
  monotonic?: () => number,
): Carrier {
  const checked = checkSettings('carriers.main', Type.Object(httpSettings), settings)
  return createHttpCarrier('main', checked, { ...simple, ...provider }, testParts(parts), monotonic)
}

export async function openSimple(
  settings: Partial<HttpSettings>,
  provider: Partial<HttpProvider> = {},
): Promise<StartedCarrier> {
  return startMade(makeSimple(settings, provider))
}
