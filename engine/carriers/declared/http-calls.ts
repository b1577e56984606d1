// How a declared carrier reads the provider's calls: reports and inbound SMS.

import { Type, type Static } from 'typebox'

import { EngineError } from '../../errors.ts'
import type { Checked } from '../over-http/checked.ts'
import { jsonOf } from '../over-http/callback-fields.ts'
import type { CallbackRequest, CarrierReport, InboundSms } from '../carrier.ts'
import { internationalNumber } from '../over-http/international-number.ts'
import type { ReadItems } from '../over-http/read-items.ts'
import { asText } from '../over-http/as-text.ts'
import { compilePath, type PathSource, type ValuePath } from './value-path.ts'

const state = Type.Enum(['delivered', 'undelivered', 'rejected', 'expired', 'failed'])

const list = Type.Optional(
  Type.String({ description: 'Where the array is, if a call tells of several; paths without a root are in its items' }),
)

export const callSettings = {
  report: Type.Optional(
    Type.Object(
      {
        list,
        id: Type.String({ description: 'Where its id of the message is' }),
        state: Type.String({ description: 'Where the state is' }),
        states: Type.Record(Type.String(), state, {
          minProperties: 1,
          description: 'Its final states; others are ignored. rejected only where the number is at fault',
        }),
        error: Type.Optional(Type.String({ description: 'Where its error code is' })),
        errors: Type.Optional(
          Type.Record(Type.String(), state, {
            description: 'Error codes that say more than the state, for all but what is delivered',
          }),
        ),
        to: Type.Optional(Type.String({ description: 'Where the number is' })),
      },
      { additionalProperties: false, description: 'Delivery reports, at the address that ends with /report' },
    ),
  ),
  inbound: Type.Optional(
    Type.Object(
      {
        list,
        from: Type.String({ description: 'Where the number of the phone is' }),
        to: Type.String({ description: 'Where our number is' }),
        text: Type.String({ description: 'Where the text is' }),
        id: Type.Optional(Type.String({ description: 'Where its id of the SMS is' })),
      },
      { additionalProperties: false, description: 'SMS from phones, at the address that ends with /sms' },
    ),
  ),
}

const schema = Type.Object(callSettings)

export type CallSettings = Static<typeof schema>

const roots = ['json', 'query', 'form', 'header', 'text'] as const

export function createReportReader(
  settings: NonNullable<CallSettings['report']>,
  checked: Checked,
  readItems: ReadItems,
): (call: CallbackRequest) => CarrierReport[] {
  const { items, path } = reader('report', settings.list, checked)
  const [idAt, stateAt] = [path('id', settings.id), path('state', settings.state)]
  const errorAt = settings.error === undefined ? undefined : path('error', settings.error)
  const toAt = settings.to === undefined ? undefined : path('to', settings.to)
  const states = new Map(Object.entries(settings.states).map(([word, state]) => [word.toLowerCase(), state]))
  const errors = new Map(Object.entries(settings.errors ?? {}))

  return call =>
    readItems(items(call), (item): CarrierReport[] => {
      const id = need(idAt, item, 'id')
      const word = asText(stateAt(item))
      const state = states.get(word?.toLowerCase() ?? '')
      if (word === undefined || state === undefined) return []
      const report = { carrierIds: [id], to: asText(toAt?.(item))?.replace(/^\+/, '') }
      if (state === 'delivered') return [{ ...report, state, error: null }]
      const code = asText(errorAt?.(item)) ?? ''
      return [
        { ...report, state: errors.get(code) ?? state, error: (code === '' ? word : `${word}: ${code}`).slice(0, 100) },
      ]
    })
}

export function createInboundReader(
  settings: NonNullable<CallSettings['inbound']>,
  checked: Checked,
  readItems: ReadItems,
): (call: CallbackRequest) => InboundSms[] {
  const { items, path } = reader('inbound', settings.list, checked)
  const [fromAt, toAt, textAt] = [path('from', settings.from), path('to', settings.to), path('text', settings.text)]
  const idAt = settings.id === undefined ? undefined : path('id', settings.id)

  return call =>
    readItems(items(call), item => [
      {
        from: internationalNumber(need(fromAt, item, 'from')),
        to: internationalNumber(need(toAt, item, 'to')),
        text: asText(textAt(item)) ?? missing('text'),
        id: asText(idAt?.(item)),
      },
    ])
}

/** Paths of one kind of call, and the items that they are read from: those of the list, or the call itself. */
function reader(setting: string, list: string | undefined, checked: Checked) {
  const listAt = list === undefined ? undefined : checked(`${setting}.list`, () => compilePath(list, roots))
  return {
    path: (name: string, path: string): ValuePath =>
      checked(`${setting}.${name}`, () => compilePath(path, roots, listAt === undefined ? 'json' : 'item')),
    items(call: CallbackRequest): PathSource[] {
      const source = sourceOf(call)
      if (listAt === undefined) return [source]
      const found = listAt(source)
      if (!Array.isArray(found)) return missing('list')
      return found.map(item => ({ ...source, item: item as unknown }))
    },
  }
}

function sourceOf(call: CallbackRequest): PathSource {
  let json: { value: unknown } | undefined
  let form: URLSearchParams | undefined
  return {
    json: () => (json ??= { value: jsonOf(call) }).value,
    form: () => (form ??= new URLSearchParams(call.body.toString('utf8'))),
    query: call.query,
    header: call.headers,
    text: call.body.toString('utf8'),
  }
}

function need(at: ValuePath, item: PathSource, name: string): string {
  const value = asText(at(item))
  return value === undefined || value === '' ? missing(name) : value
}

function missing(field: string): never {
  throw new EngineError('invalid_request', { field })
}
