// A carrier that settings alone declare: any provider that takes an SMS by one
// HTTP request. The templates are template.ts, the paths value-path.ts, the
// judgement of answers http-judgement.ts, the provider's calls http-calls.ts and
// http-signature.ts. What is wrong stops the start with the setting's name.

import { Type, type Static } from 'typebox'

import type { CarrierDriver, CarrierParts, Submission } from '../carrier.ts'
import { createChecked, type Checked } from '../over-http/checked.ts'
import { callSettings, createInboundReader, createReportReader } from './http-calls.ts'
import { callbackAddress, createHttpCarrier, httpSettings } from '../over-http/http-carrier.ts'
import type { HttpProvider, HttpRequest } from '../over-http/http-carrier.ts'
import { createJudgement, judgementSettings } from './http-judgement.ts'
import { createVerify, signatureSettings } from './http-signature.ts'
import { createReadItems } from '../over-http/read-items.ts'
import { checkHeaderName, checkHeaderValue, checkPath } from '../over-http/request-checks.ts'
import { asText } from '../over-http/as-text.ts'
import { compileTemplate, compileText, withoutPlaceholders, type TemplateValues } from './template.ts'

const { paramFields: _, ...sharedSettings } = httpSettings
const texts = (description: string) => Type.Optional(Type.Record(Type.String(), Type.String(), { description }))

const settings = Type.Object(
  {
    ...sharedSettings,
    method: Type.Enum(['POST', 'GET'], { default: 'POST', description: 'Of the request' }),
    path: Type.String({ default: '/', pattern: '^/[^?#]*$', description: 'Below baseUrl; a template' }),
    headers: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Templates by name' }),
    basicAuth: Type.Optional(
      Type.Object({ username: Type.String(), password: Type.String() }, { additionalProperties: false }),
    ),
    query: texts('Fields of the address: templates by name'),
    form: texts('The body as a form: templates by name'),
    json: Type.Optional(Type.Unknown({ description: 'The body as JSON: texts in it are templates' })),
    body: Type.Optional(
      Type.String({
        description:
          'The body as text: a template; values are escaped as its content-type (in headers) asks: JSON, XML, form',
      }),
    ),
    encodings: Type.Object(
      { gsm7: Type.String({ default: 'gsm7' }), ucs2: Type.String({ default: 'ucs2' }) },
      { additionalProperties: false, default: {}, description: 'What {{encoding}} says for a text in either' },
    ),
    ...judgementSettings,
    ...callSettings,
    signature: Type.Optional(signatureSettings),
    answer: Type.Optional(
      Type.Object(
        {
          status: Type.Optional(Type.Integer({ minimum: 200, maximum: 299 })),
          contentType: Type.Optional(Type.String()),
          body: Type.Optional(Type.String()),
        },
        { additionalProperties: false, description: 'What it wants to hear to its calls, if not an empty 200' },
      ),
    ),
  },
  { additionalProperties: false },
)

export type HttpCarrierSettings = Static<typeof settings>

export const http = {
  driver: 'http',
  settings,
  create(name, own, parts) {
    const checked = createChecked(name)
    const toRequest = createRequest(own, checked)
    const valuesOf = createValues(own, parts)
    const readItems = createReadItems(name, parts.log)
    const { signature, report, inbound, answer } = own
    const provider: HttpProvider = {
      driver: 'http',
      secrets: secretsOf(own),
      // The rules may say something about every status.
      judgesAll: true,
      request: message => toRequest(valuesOf(message)),
      judge: createJudgement(own, checked),
      ...(report && { reports: createReportReader(report, checked, readItems) }),
      ...(inbound && { inbound: createInboundReader(inbound, checked, readItems) }),
      ...(signature && {
        verify: checked('signature.over', () => createVerify(signature, pathsOf({ report, inbound }))),
      }),
      ...(answer && { answer }),
    }
    const carrier = createHttpCarrier(name, { ...own, paramFields: {} }, provider, parts)
    checkMessage(own, checked)
    return carrier
  },
} satisfies CarrierDriver<HttpCarrierSettings>

/** Every path of the calls by the name of its setting. */
function pathsOf(calls: Pick<HttpCarrierSettings, 'report' | 'inbound'>): Record<string, string> {
  const paths: Record<string, string> = {}
  for (const [kind, settings] of Object.entries(calls))
    for (const [name, path] of Object.entries(settings ?? {}))
      // `states` and `errors` are no paths.
      if (typeof path === 'string') paths[`${kind}.${name}`] = path
  return paths
}

function createValues(own: HttpCarrierSettings, parts: CarrierParts): (message: Submission) => TemplateValues {
  const callbackUrl = callbackAddress(own, parts, 'report')
  return ({ id, to, from, text, segments, encoding, expiresAt, params }) => ({
    id,
    to,
    toDigits: to.replace(/^\+/, ''),
    from: from ?? own.from ?? null,
    text,
    segments,
    encoding: own.encodings[encoding],
    validForSeconds: Math.max(1, Math.ceil((expiresAt - parts.clock()) / 1_000)),
    callbackUrl,
    params,
  })
}

function createRequest(own: HttpCarrierSettings, checked: Checked): (values: TemplateValues) => HttpRequest {
  const bodies = (['form', 'json', 'body'] as const).filter(kind => own[kind] !== undefined)
  checked(bodies[1] ?? 'body', () => {
    if (bodies.length > 1) throw new Error(`there is ${bodies[0]} already; only one of form, json and body`)
  })
  checked(bodies[0] ?? 'method', () => {
    if (own.method === 'GET' && bodies.length > 0) throw new Error('a GET has no body')
  })
  const path = checked('path', () => {
    checkPath(withoutPlaceholders(own.path))
    return compileText(own.path, percentEncoded)
  })
  const headers = compileAll('headers', own.headers, checked, (source, header) => {
    checkHeaderName(header)
    checkHeaderValue(source)
    if (/\{\{\s*text\s*\}\}/.test(source)) throw new Error('a text cannot stand in a header')
    // What is no printable ASCII would break the request.
    return compileText(source, text => text.replaceAll(/[^\x20-\x7e]/g, ''))
  })
  const query = compileAll('query', own.query, checked, compileTemplate)
  const form = own.form && compileAll('form', own.form, checked, compileTemplate)
  const json = own.json === undefined ? undefined : checked('json', () => compileTemplate(own.json))
  const body =
    own.body === undefined ? undefined : checked('body', () => compileText(own.body!, escapeFor(own.headers)))
  const basic = own.basicAuth && basicOf(own.basicAuth)

  return values => ({
    method: own.method,
    path: path(values),
    query: query(values),
    headers: { ...(basic && { authorization: basic }), ...headers(values) },
    ...(form && { form: form(values) }),
    ...(json && { json: json(values) }),
    ...(body && { body: body(values) }),
  })
}

/** A request that says nothing of the message was meant for something else. */
function checkMessage({ method, path, query, headers, form, json, body }: HttpCarrierSettings, checked: Checked): void {
  const place = ['form', 'json', 'body'].find((_kind, index) => [form, json, body][index] !== undefined)
  checked(place ?? (method === 'GET' ? 'query' : 'json'), () => {
    const request = JSON.stringify([path, query, headers, form, json, body])
    if (!/\{\{\s*(to|toDigits|text)\s*\}\}/.test(request))
      throw new Error('the request holds neither the number ({{to}}, {{toDigits}}) nor the {{text}}')
  })
}

/** Templates by name; those that have nothing to say are left out. */
function compileAll(
  setting: string,
  sources: Record<string, string> = {},
  checked: Checked,
  compile: (source: string, name: string) => (values: TemplateValues) => unknown,
): (values: TemplateValues) => Record<string, string> {
  const fields = Object.entries(sources).map(
    ([name, source]) => [name, checked(`${setting}.${name}`, () => compile(source, name))] as const,
  )
  return values => {
    const told: Record<string, string> = {}
    for (const [name, field] of fields) {
      const value = asText(field(values))
      if (value !== undefined) told[name] = value
    }
    return told
  }
}

function escapeFor(headers: Record<string, string>): (text: string) => string {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  if (type === undefined) throw new Error('headers have to name its content-type')
  if (/json/i.test(type)) return text => JSON.stringify(text).slice(1, -1)
  if (/xml/i.test(type)) return text => text.replaceAll(/[<>&"']/g, letter => `&#${letter.charCodeAt(0)};`)
  if (/x-www-form-urlencoded/i.test(type)) return percentEncoded
  return text => text
}

/** A half of a surrogate pair has no octets. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function basicOf({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** Whatever is called like a secret, wherever it is written. */
function secretsOf(own: HttpCarrierSettings): string[] {
  const found: string[] = []
  const look = (name: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) look(key, inner)
    else if (typeof value === 'string' && value.length >= 4 && /auth|key|token|secret|pass|cookie/i.test(name))
      // `Bearer abc`: an answer may repeat either.
      found.push(value, ...value.split(' ').filter(word => word.length >= 8))
  }
  for (const place of [own.headers, own.query, own.form, own.json, own.basicAuth, own.signature]) look('', place)
  if (own.basicAuth !== undefined) found.push(basicOf(own.basicAuth))
  return found
}
