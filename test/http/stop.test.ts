import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'

import { describe, expect, onTestFinished, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'
import { parseAnswer } from './raw-socket.ts'

const hold = `
  export default async ({ to }) => {
    while (!(await storage.get('go'))) await null
    if (to) await sendSms({ to, text: 'at last' })
    return 'done'
  }
`
const config = { engine: { scriptHostCalls: 10_000 } }

const running = ({ engine }: TestEngine, count: number) =>
  until(() => engine.sandbox.history().filter(run => run.outcome === undefined).length === count || undefined)

/** Begins the stop, lets the requests go on once nobody can connect any more, and ends it. */
async function stopAndLetGo({ engine, stop }: TestEngine, meanwhile = async () => {}): Promise<void> {
  const stopped = stop()
  await until(() => !engine.server.server.listening || undefined)
  await meanwhile()
  await engine.storage.entries.set('script/hold', 'go', 'true')
  await stopped
}

function post({ engine, token }: TestEngine, agent: Agent, body: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const request = httpRequest(`${engine.url}/hold`, { agent, method: 'POST', headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    request.on('error', reject).end(JSON.stringify(body))
  })
}

describe('a graceful stop', () => {
  test('lets fifty requests on kept connections end, with what they send', async () => {
    const engine = await createTestEngine({ files: { 'hold.ts': hold }, config })
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const answers = Array.from({ length: 50 }, (_, index) => post(engine, agent, { to: `+120155501${index + 10}` }))
    await running(engine, 50)

    await stopAndLetGo(engine)

    for (const answer of await Promise.all(answers)) expect(answer).toEqual({ status: 200, text: '"done"' })
    // What was promised and did not leave any more leaves after the next start; nothing leaves twice.
    const second = await createTestEngine({ folder: engine.folder })
    const left = () => [...engine.printed, ...second.printed]
    await until(() => left().length >= 50 || undefined)
    const numbers = left().map(line => /^SMS to (\+\d+): at last$/.exec(line)?.[1])
    expect(new Set(numbers).size).toBe(50)
    await second.stop()
    expect(left()).toHaveLength(50)
  })

  test('takes no new work, and says so on connections that are still there', async () => {
    const engine = await createTestEngine({ files: { 'hold.ts': hold }, config })
    const { hostname, port } = new URL(engine.engine.url)
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    const closed = once(socket, 'close')
    const ask = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`
    socket.write(ask('/hold'))
    await running(engine, 1)

    await stopAndLetGo(engine, async () => {
      await expect(fetch(`${engine.engine.url}/healthz`)).rejects.toThrow()
      socket.write(ask('/hold'))
    })
    await closed

    const second = text.indexOf('HTTP/1.1', 1)
    expect(parseAnswer(text.slice(0, second))).toMatchObject({ status: 200, body: '"done"' })
    const { status, headers, body } = parseAnswer(text.slice(second))
    expect(status).toBe(503)
    expect(headers.get('x-run-id')).toMatch(/^run_/)
    expect(headers.get('connection')).toBe('close')
    expect(headers.get('retry-after')).toBe('1')
    expect(JSON.parse(body)).toMatchObject({ code: 'overloaded' })
    expect(engine.engine.sandbox.history()).toHaveLength(1)
  })

  test('cuts off requests that do not come whole in time', async () => {
    const engine = await createTestEngine({ scripts: ['sms'] })
    const { hostname, port } = new URL(engine.engine.url)
    const sockets = ['', `Host: x\r\nAuthorization: Bearer ${engine.token}\r\nContent-Length: 9\r\n\r\n{`].map(rest => {
      const socket = connect(Number(port), hostname).resume()
      socket.write(`POST /sms HTTP/1.1\r\n${rest}`)
      return socket
    })
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    // What came on an earlier connection has been read.
    await fetch(`${engine.engine.url}/healthz`)
    const closed = Promise.all(sockets.map(socket => once(socket, 'close')))

    const before = performance.now()
    await engine.stop()
    expect(performance.now() - before).toBeLessThan(10_000)
    await closed
  }, 20_000)

  test('does not wait for connections that nobody uses', async () => {
    const engine = await createTestEngine({ files: { 'hold.ts': hold } })
    const { hostname, port } = new URL(engine.engine.url)
    const idle = connect(Number(port), hostname)
    await once(idle, 'connect')
    await fetch(`${engine.engine.url}/healthz`)
    const closed = once(idle, 'close')

    await engine.stop()
    await closed
  })
})
