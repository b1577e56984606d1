// A provider's API on this machine: a real HTTP server that keeps what it was
// asked and answers what the test says; and a carrier on top of it.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import { onTestFinished } from 'vitest'

import type {
  CallbackRequest,
  Carrier,
  CarrierDriver,
  CarrierEvents,
  CarrierParts,
  CarrierReport,
  InboundSms,
  Submission,
} from '../../engine/carriers/carrier.ts'
import { createLog } from '../../engine/log.ts'
import { checkSettings } from '../../engine/settings.ts'

export interface ProviderCall {
  method: string
  /** Without the query. */
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
  /** The body as a form. */
  form: Record<string, string>
  // Tests look into bodies of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any
}

export interface ProviderAnswer {
  status?: number
  headers?: Record<string, string>
  /** Text as it is, others as JSON. */
  body?: unknown
}

export type Answering = ProviderAnswer | ((call: ProviderCall, response: ServerResponse) => ProviderAnswer | undefined)

export interface Provider {
  url: string
  server: Server
  calls: ProviderCall[]
  sockets: Set<Socket>
  /** From now on; a function that returns nothing answers by itself, or never. */
  answers(answer: Answering): void
}

export async function startProvider(first: Answering = {}): Promise<Provider> {
  let answering = first
  const calls: ProviderCall[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('utf8')
    const url = new URL(request.url ?? '', 'http://provider')
    const call: ProviderCall = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      form: Object.fromEntries(new URLSearchParams(body)),
      json: body.startsWith('{') ? JSON.parse(body) : undefined,
    }
    calls.push(call)
    const answer = typeof answering === 'function' ? answering(call, response) : answering
    if (answer === undefined) return
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {})
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers }).end(text)
  }

  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, server, calls, sockets, answers: answer => void (answering = answer) }
}

/** What carriers in tests are lent. */
export function testParts(parts: Partial<CarrierParts> = {}): CarrierParts {
  return {
    log: createLog('silent'),
    clock: () => 1_000_000,
    print: null,
    callbackSecret: 'derived-callback-secret',
    callbackUrl: secret => `https://sms.example.com/callbacks/main/${secret}`,
    ...parts,
  }
}

export interface StartedCarrier {
  carrier: Carrier
  reports: CarrierReport[]
  inbound: InboundSms[]
  /** How often there was news of room. */
  rooms: () => number
}

/** A carrier called `main`, started; it ends with the test. `settings` are checked as the configuration is. */
export async function startCarrier(
  driver: CarrierDriver,
  settings: Record<string, unknown>,
  parts: Partial<CarrierParts> = {},
  events: Partial<CarrierEvents> = {},
): Promise<StartedCarrier> {
  const checked = checkSettings('carriers.main', driver.settings, settings)
  return startMade(driver.create('main', checked, testParts(parts)), events)
}

export async function startMade(carrier: Carrier, events: Partial<CarrierEvents> = {}): Promise<StartedCarrier> {
  const reports: CarrierReport[] = []
  const inbound: InboundSms[] = []
  let rooms = 0
  await carrier.start({
    report: async report => void reports.push(report),
    inbound: async sms => `run-${inbound.push(sms)}`,
    room: () => void rooms++,
    part() {},
    pauseMs: () => 0,
    alive: () => true,
    trouble() {},
    ...events,
  })
  onTestFinished(() => carrier.stop())
  return { carrier, reports, inbound, rooms: () => rooms }
}

/** An SMS that is worth something for ten more minutes. */
export function submission(own: Partial<Submission> = {}): Submission {
  return {
    id: 'msg_abc',
    to: '+12125551212',
    from: null,
    text: 'Your code is 482913',
    segments: 1,
    encoding: 'gsm7',
    priority: 'otp',
    expiresAt: 1_600_000,
    params: {},
    ...own,
  }
}

/** A call of the provider: a GET with `query`, else a POST with the form or the JSON. */
export function callback({
  url = 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
  query,
  form,
  json,
  headers = {},
}: {
  url?: string
  query?: Record<string, string>
  form?: Record<string, string>
  json?: unknown
  headers?: Record<string, string>
}): CallbackRequest {
  const search = query === undefined ? '' : `${url.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`
  const address = url + search
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  const body = json === undefined ? new URLSearchParams(form).toString() : JSON.stringify(json)
  return {
    method: form === undefined && json === undefined ? 'GET' : 'POST',
    url: address,
    query: new URL(address).searchParams,
    headers: { ...(body !== '' && { 'content-type': type }), ...headers },
    body: Buffer.from(body),
  }
}
