// A whole gateway, HTTP request to submit_sm: the engine (scripts/sms.ts, durable
// outbox) against Kannel 1.4.5 (messages kept in a file). The same messages, the
// same callers, the same SMPP sink; one round after the other in one run.
//
// What both promise differs: the engine answers when the message is on the disk,
// Kannel when it is in the page cache (bearerbox never calls fsync), which a
// power loss takes away.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { hasKannel, kannelIsMissing, startKannel } from './kannel.ts'
import { cpuMs, startServer, type Callers } from './processes.ts'
import { startSink, type Sink } from './start-sink.ts'
import { median, table } from './tables.ts'

export interface GatewayOrder {
  rounds: number
  /** In a round. */
  messages: number
  receipts: boolean
  /** Where both keep their messages. */
  place: string
}

interface Round {
  acceptPerSecond: number
  submitPerSecond: number
  /** Until the last receipt was taken. */
  receiptPerSecond: number
  cpuUs: number
  /** Submits beyond the messages. */
  twice: number
}

interface Gateway {
  name: string
  port: number
  /** `{number}` in it is the destination. */
  request: string
  pids: number[]
  /** Resolves when nothing is left of a round of so many messages. */
  settled(messages: number): Promise<unknown>
  stop(): Promise<unknown>
}

const connections = 32
const window = 100
const text = 'Your code is 123456, valid for the next 10 minute'
const from = '12015550100'
const target = 1
const patienceMs = 180_000

/** The table, with the ratios of the medians. */
export async function measureGateway(order: GatewayOrder, callers: Callers): Promise<string> {
  const sink = await startSink({ receipts: order.receipts })
  const gateways: Gateway[] = []
  try {
    gateways.push(await startEngine(order, sink.port))
    if (hasKannel()) gateways.push(await openKannel(order, sink.port))
    const rounds = gateways.map((): Round[] => [])
    let firstNumber = 0
    const run = (gateway: Gateway, messages: number): Promise<Round> => {
      firstNumber += messages
      return measureRound(gateway, sink, callers, { messages, receipts: order.receipts, firstNumber })
    }
    // The code is compiled and the connections are there when the clock counts.
    for (const gateway of gateways) await run(gateway, Math.ceil(order.messages / 5))
    for (let round = 0; round < order.rounds; round++) {
      for (const [index, gateway] of gateways.entries()) rounds[index]!.push(await run(gateway, order.messages))
    }
    return gatewayTable(order, gateways, rounds)
  } finally {
    await Promise.all(gateways.map(({ stop }) => stop()))
    await sink.stop()
  }
}

async function measureRound(
  gateway: Gateway,
  sink: Sink,
  callers: Callers,
  { messages, receipts, firstNumber }: { messages: number; receipts: boolean; firstNumber: number },
): Promise<Round> {
  await sink.ask({ ask: 'reset' })
  const cpuBefore = await cpuMs(gateway.pids)
  const { requestsPerSecond, firstAt } = await callers.run(gateway, {
    path: '',
    request: gateway.request,
    requests: messages,
    connections,
    seconds: 0,
    warmUpSeconds: 0,
    firstNumber,
  })
  const submits = await inTime(sink.ask({ ask: 'submits', count: messages }), `${gateway.name}: submits`)
  if (receipts) await inTime(sink.ask({ ask: 'receipts', count: messages }), `${gateway.name}: receipts`)
  await inTime(gateway.settled(messages), `${gateway.name}: its end of the round`)
  const cpuAfter = await cpuMs(gateway.pids)
  const { submits: counted, lastReceiptAt } = await sink.ask({ ask: 'state' })
  const perSecond = (untilMs: number): number => (messages * 1_000) / (untilMs - firstAt)
  return {
    acceptPerSecond: requestsPerSecond,
    submitPerSecond: perSecond(submits.lastSubmitAt),
    receiptPerSecond: perSecond(lastReceiptAt),
    cpuUs: ((cpuAfter ?? Number.NaN) - (cpuBefore ?? 0)) * (1_000 / messages),
    twice: counted - messages,
  }
}

async function startEngine({ place, receipts }: GatewayOrder, sinkPort: number): Promise<Gateway> {
  const main = {
    driver: 'smpp',
    url: `smpp://bench:secret@127.0.0.1:${sinkPort}`,
    window,
    from,
    registeredDelivery: receipts,
  }
  const server = await startServer('with-sandbox', place, { config: { carriers: { main } } })
  const body = `{"number":"+{number}","text":"${text}"}`
  return {
    name: 'engine',
    port: server.port,
    pids: server.pids,
    request:
      `POST /sms HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer ${server.token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length + '12012000000'.length - '{number}'.length}` +
      `\r\n\r\n${body}`,
    // Without receipts nothing ends a message but its time.
    settled: () => server.ask(receipts ? 'drain' : 'state'),
    stop: () => server.stop(),
  }
}

async function openKannel({ place, receipts }: GatewayOrder, sinkPort: number): Promise<Gateway> {
  const listener = await listenForReports()
  const kannel = await startKannel({ smscPort: sinkPort, window, place }).catch(async (error: unknown) => {
    await listener.stop()
    throw error
  })
  const query = `&to={number}&from=${from}&text=${encodeURIComponent(text)}`
  // 1 delivered + 2 undelivered; %d is which of them.
  const reported = receipts ? `&dlr-mask=3&dlr-url=${encodeURIComponent(`${listener.url}?type=%d`)}` : ''
  return {
    name: 'Kannel',
    port: kannel.port,
    pids: kannel.pids,
    request: `GET ${kannel.sendsms}${query}${reported} HTTP/1.1\r\nHost: 127.0.0.1:${kannel.port}\r\n\r\n`,
    settled: messages => (receipts ? listener.called(messages) : Promise.resolve()),
    stop: () => Promise.all([kannel.stop(), listener.stop()]),
  }
}

/** Takes the calls to Kannel's dlr-url; `called` resolves when there were so many more. */
async function listenForReports(): Promise<{
  url: string
  called(count: number): Promise<void>
  stop(): Promise<void>
}> {
  let calls = 0
  let reached: (() => void) | undefined
  const server = createServer((_request, response) => {
    response.end('ok')
    calls++
    reached?.()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    called: count =>
      new Promise(resolve => {
        reached = () => {
          if (calls < count) return
          reached = undefined
          calls -= count
          resolve()
        }
        reached()
      }),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${patienceMs / 1_000} s`)), patienceMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function gatewayTable({ messages, receipts }: GatewayOrder, gateways: Gateway[], rounds: Round[][]): string {
  const rows = [['round', 'gateway', 'accept/s', 'submit/s', 'receipt/s', 'CPU µs/message', 'sent twice']]
  const cells = (name: string, round: Round): string[] => [
    name,
    round.acceptPerSecond.toFixed(0),
    round.submitPerSecond.toFixed(0),
    receipts ? round.receiptPerSecond.toFixed(0) : '',
    round.cpuUs.toFixed(0),
    String(round.twice),
  ]
  for (const round of rounds[0]!.keys()) {
    for (const [index, { name }] of gateways.entries())
      rows.push([String(round + 1), ...cells(name, rounds[index]![round]!)])
  }
  const of = (index: number, key: keyof Round): number => median(rounds[index]!.map(round => round[key]))
  const ratio = (key: keyof Round): string => {
    const ratios = rounds[0]!.map((round, index) => round[key] / rounds[1]![index]![key])
    return `${(of(0, key) / of(1, key)).toFixed(2)} (rounds ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
  }
  const said = `${messages} messages a round, ${connections} callers, window ${window}, ${receipts ? 'with' : 'no'} receipts`
  if (gateways.length === 1) return [table(rows), '', said, kannelIsMissing].join('\n')
  return [
    table(rows),
    '',
    said,
    `engine to Kannel, of the medians: accept ${ratio('acceptPerSecond')}, submit ${ratio('submitPerSecond')}` +
      (receipts ? `, receipts ${ratio('receiptPerSecond')}` : ''),
    'Kept how: the engine syncs each commit to the disk, Kannel leaves its file in the page cache',
    `Target: submit at least ${target.toFixed(1)}, aim 1.5`,
  ].join('\n')
}
