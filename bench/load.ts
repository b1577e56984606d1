// The callers: a process of its own that keeps a number of connections busy,
// each with one request after another, and measures what it sees.
//
// Plain sockets, because on a machine of few cores every microsecond that the
// callers use is taken from the engine. Each request names another phone
// number, so that no rate limit of a script ever answers.

import { connect, type Socket } from 'node:net'

export interface LoadOrder {
  port: number
  token: string
  /** Of a POST with `number` and `language`. */
  path: string
  /** Another request instead, as it goes on the wire: `{number}` in it becomes eleven digits. */
  request?: string
  connections: number
  /** How long; `requests`, where given, tells how many instead. */
  seconds: number
  requests?: number
  /** Unmeasured, before the clock starts. */
  warmUpSeconds: number
  /** Which number comes first; a round that begins where the last ended repeats none. */
  firstNumber: number
}

export interface LoadResult {
  /** Measured ones. */
  requests: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** Warm-up included: how many numbers were used. */
  sent: number
  /** When the first request left, ms since 1970. */
  firstAt: number
}

/** Valid mobile numbers of New Jersey: `+1201` and seven digits from 2000000 on. */
const numbers = 8_000_000

process.on('message', (order: LoadOrder) => {
  run(order).then(
    result => process.send!(result),
    (error: unknown) => {
      process.stderr.write(`load: ${(error as Error).message}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))

async function run(order: LoadOrder): Promise<LoadResult> {
  const firstAt = Date.now()
  const began = performance.now()
  const measureFrom = began + order.warmUpSeconds * 1_000
  const until = measureFrom + order.seconds * 1_000
  const latencies: number[] = []
  let sent = 0
  let last = measureFrom

  function next(): string | undefined {
    if (order.requests === undefined ? performance.now() >= until : sent >= order.requests) return undefined
    return requestText(order, order.firstNumber + sent++)
  }
  function answered(beganAt: number): void {
    const now = performance.now()
    if (beganAt < measureFrom) return
    latencies.push(now - beganAt)
    last = now
  }

  await Promise.all(Array.from({ length: order.connections }, () => keepBusy(order.port, next, answered)))
  latencies.sort((a, b) => a - b)
  return {
    requests: latencies.length,
    requestsPerSecond: (latencies.length * 1_000) / (last - measureFrom),
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    sent,
    firstAt,
  }
}

function requestText({ port, token, path, request }: LoadOrder, index: number): string {
  const number = `1201${2_000_000 + (index % numbers)}`
  if (request !== undefined) return request.replace('{number}', number)
  const body = `{"number":"+${number}","language":"en"}`
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** One connection: resolves when `next` has nothing more; rejects on an answer that is no success. */
function keepBusy(port: number, next: () => string | undefined, answered: (beganAt: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true }, send)
    let beganAt = 0
    let received = ''

    function send(): void {
      const request = next()
      if (request === undefined) {
        socket.destroy()
        return resolve()
      }
      beganAt = performance.now()
      socket.write(request)
    }

    // One byte is one character here, so that Content-Length counts characters.
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      received += piece
      const bodyAt = received.indexOf('\r\n\r\n') + 4
      if (bodyAt === 3) return
      const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(received)?.[1] ?? Number.NaN)
      if (received.length < bodyAt + length) return
      if (received.startsWith('HTTP/1.1 2')) {
        received = ''
        answered(beganAt)
        send()
      } else socket.destroy(new Error(`an answer was ${received}`))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
  })
}
