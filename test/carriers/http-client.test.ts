import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'

import { describe, expect, onTestFinished, test } from 'vitest'

import { startProvider, submission } from './provider.ts'
import { openSimple } from './simple-provider.ts'

/** A TCP server that does what it is told with each connection. */
async function listen(connected: Parameters<typeof createTcpServer>[1]): Promise<number> {
  const server = createTcpServer({}, connected).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('a request', () => {
  test('goes below the path of the base address, as a form', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const { carrier } = await openSimple({ baseUrl: `${provider.url}/api/v2/` })

    expect(await carrier.submit(submission({ text: 'été & 100 %' }))).toEqual({ accepted: true, carrierIds: ['x1'] })
    expect(provider.calls[0]).toMatchObject({
      method: 'POST',
      path: '/api/v2/send',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'patchcord' },
      body: 'to=%2B12125551212&text=%C3%A9t%C3%A9+%26+100+%25',
    })
    expect(provider.calls[0]?.query.get('key')).toBe('hunter22')
  })

  test('goes as JSON or as it is', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const { carrier } = await openSimple(
      { baseUrl: provider.url },
      {
        request: ({ id, text }) =>
          id === 'a'
            ? { method: 'POST', path: '/j', json: { text } }
            : { method: 'POST', path: '/b', headers: { 'content-type': 'text/xml' }, body: '<sms/>' },
      },
    )
    await carrier.submit(submission({ id: 'a' }))
    await carrier.submit(submission({ id: 'b' }))
    const [json, body] = provider.calls
    expect([json?.headers['content-type'], json?.json]).toEqual(['application/json', { text: 'Your code is 482913' }])
    expect([body?.headers['content-type'], body?.body]).toEqual(['text/xml', '<sms/>'])
  })

  test('has the content-type that it names, however it is written', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const headers = { 'Content-Type': 'application/vnd.sms+json' }
    const request = () => ({ method: 'POST', path: '/', headers, json: {} }) as const
    const { carrier } = await openSimple({ baseUrl: provider.url }, { request })
    await carrier.submit(submission())
    expect(provider.calls[0]?.headers['content-type']).toBe('application/vnd.sms+json')
  })

  test('takes a kept connection', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const { carrier } = await openSimple({ baseUrl: provider.url, window: 1 })
    let connections = 0
    provider.server.on('connection', () => connections++)
    for (let count = 0; count < 5; count++) await carrier.submit(submission())
    expect(connections).toBe(1)
  })

  test('takes another connection when the kept one was closed', async () => {
    const provider = await startProvider({ body: { id: 'x1' } })
    const { carrier } = await openSimple({ baseUrl: provider.url, window: 1 })
    for (let count = 0; count < 20; count++) {
      expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
      const closed = [...provider.sockets].map(socket => once(socket, 'close'))
      provider.server.closeIdleConnections()
      await Promise.all(closed)
    }
    expect(provider.calls).toHaveLength(20)
  })

  test('that cannot be made is a refusal, since nothing was sent', async () => {
    const provider = await startProvider()
    const { carrier } = await openSimple(
      { baseUrl: provider.url },
      {
        request() {
          throw new Error('no sender')
        },
      },
    )
    expect(await carrier.submit(submission())).toEqual({
      accepted: false,
      verdict: 'elsewhere',
      error: 'no request: no sender',
    })
  })

  test('with a header that HTTP does not have is refused, not sent', async () => {
    const provider = await startProvider()
    const { carrier } = await openSimple(
      { baseUrl: provider.url },
      { request: () => ({ method: 'POST', path: '/', headers: { 'x-from': 'a\r\nb: c' } }) },
    )
    // The carrier is not to blame for it.
    expect(await carrier.submit(submission())).toEqual({
      accepted: false,
      verdict: 'elsewhere',
      error: 'no request: UND_ERR_INVALID_ARG',
    })
    expect(provider.calls).toEqual([])
  })
})

describe('what is certain', () => {
  test('nothing was sent where nobody listens', async () => {
    const provider = await startProvider()
    const { carrier } = await openSimple({ baseUrl: provider.url })
    provider.server.close()
    await once(provider.server, 'close')
    expect(await carrier.submit(submission())).toEqual({
      accepted: false,
      verdict: 'elsewhere',
      carrierAtFault: true,
      error: 'cannot connect: ECONNREFUSED',
    })
  })

  test('nothing was sent where no TLS is spoken', async () => {
    const provider = await startProvider()
    const { carrier } = await openSimple({ baseUrl: provider.url.replace('http:', 'https:') })
    expect(await carrier.submit(submission())).toMatchObject({
      verdict: 'elsewhere',
      error: expect.stringContaining('cannot connect'),
    })
  })

  test('nothing was sent when there was no connection in time', async () => {
    const port = await listen(socket => onTestFinished(() => void socket.destroy()))
    const { carrier } = await openSimple({ baseUrl: `https://127.0.0.1:${port}`, timeoutMs: 50 })
    expect(await carrier.submit(submission())).toMatchObject({
      verdict: 'elsewhere',
      error: expect.stringContaining('cannot connect'),
    })
  })

  test('a connection that ends in place of an answer leaves it unknown', async () => {
    const provider = await startProvider((_, response) => void response.socket?.destroy())
    const { carrier } = await openSimple({ baseUrl: provider.url })
    await expect(carrier.submit(submission())).rejects.toThrow(/^(connection closed|ECONNRESET)$/)
    expect(provider.calls).toHaveLength(1)
  })

  test.each([
    ['HTTP/1.1 200 OK', /in the middle of an answer with status 200$/],
    ['HTTP/1.1 201 Created', /in the middle of an answer with status 201$/],
  ])('an answer that breaks off after %s leaves it unknown', async (line, message) => {
    const port = await listen(socket =>
      socket.once('data', () => socket.end(`${line}\r\ncontent-length: 50\r\n\r\n{"i`)),
    )
    const { carrier } = await openSimple({ baseUrl: `http://127.0.0.1:${port}` })
    await expect(carrier.submit(submission())).rejects.toThrow(message)
  })

  test('an answer that breaks off after its status 500 is a refusal', async () => {
    const port = await listen(socket =>
      socket.once('data', () => socket.end('HTTP/1.1 500 Oops\r\ncontent-length: 50\r\n\r\n{"i')),
    )
    const { carrier } = await openSimple({ baseUrl: `http://127.0.0.1:${port}` })
    expect(await carrier.submit(submission())).toMatchObject({ accepted: false, verdict: 'later' })
  })

  test('an answer that is no HTTP leaves it unknown', async () => {
    const port = await listen(socket => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.9\r\n')))
    const { carrier } = await openSimple({ baseUrl: `http://127.0.0.1:${port}` })
    await expect(carrier.submit(submission())).rejects.toThrow('HTTPParserError')
  })

  test('no error holds a secret', async () => {
    const provider = await startProvider((_, response) => void response.socket?.destroy())
    const { carrier } = await openSimple({ baseUrl: provider.url })
    const error: unknown = await carrier.submit(submission()).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(Error)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as Error).cause)).not.toMatch(
      /hunter22|derived|482913|2125551212/,
    )
    expect(JSON.stringify(carrier.status())).toBe('{"window":32,"inFlight":0,"rate":null}')
  })
})
