import { createHmac } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { http } from '../../engine/carriers/declared/http.ts'
import { callback, startCarrier, startProvider, submission } from './provider.ts'

const sms = 'https://sms.example.com/callbacks/main/derived-callback-secret/sms'

async function start(settings: Record<string, unknown>, body: unknown = {}, status = 200) {
  const provider = await startProvider({ status, body })
  return { provider, ...(await startCarrier(http, { baseUrl: provider.url, query: { to: '{{to}}' }, ...settings })) }
}

describe('templates', () => {
  const text = 'Say "hi" & <b>\n}} {{to}}'

  test('keep the type of a lone placeholder and leave out what has nothing to say', async () => {
    const json = {
      parts: '{{segments}}',
      ttl: '{{ validForSeconds }}',
      mixed: 'p{{segments}} from {{from}}',
      sender: '{{from}}',
      list: ['{{params.entity}}', '{{params.missing}}'],
      type: '{{encoding}}',
      fixed: true,
    }
    const { provider, carrier } = await start({ json, encodings: { ucs2: 'unicode' } })
    await carrier.submit(submission({ segments: 3, params: { entity: 7 }, encoding: 'ucs2' }))
    expect(provider.calls[0]?.json).toEqual({
      parts: 3,
      ttl: 600,
      mixed: 'p3 from ',
      list: [7],
      type: 'unicode',
      fixed: true,
    })
  })

  test('never let a text become a field, a placeholder or a part of the path', async () => {
    const form = { to: '{{toDigits}}', text: 'T: {{text}}', who: '{{from}}' }
    const { provider, carrier } = await start({ form, path: '/send/{{text}}', query: { id: '{{id}}' } })
    await carrier.submit(submission({ text: `${text}&to=1/../x` }))
    const [call] = provider.calls
    expect(call?.form).toEqual({ to: '12125551212', text: `T: ${text}&to=1/../x` })
    expect(call?.path).toBe(`/send/${encodeURIComponent(`${text}&to=1/../x`)}`)
    expect(call?.query.get('id')).toBe('msg_abc')
  })

  test.each([
    ['application/json', '{"m":"{{text}}","n":{{segments}}}', (body: string) => JSON.parse(body).m as string],
    [
      'text/xml',
      '<m>{{text}}</m>',
      (body: string) => body.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).slice(3, -4),
    ],
    ['application/x-www-form-urlencoded', 'm={{text}}&n=1', (body: string) => new URLSearchParams(body).get('m')],
    ['text/plain', '{{text}}', (body: string) => body],
  ])('escape a text for %s', async (type, body, read) => {
    const { provider, carrier } = await start({ body, headers: { 'Content-Type': type } })
    await carrier.submit(submission({ text }))
    expect(provider.calls[0]?.headers['content-type']).toBe(type)
    if (type === 'text/xml') expect(provider.calls[0]?.body).not.toContain('<b>')
    expect(read(provider.calls[0]?.body ?? '')).toBe(text)
  })

  test('in headers lose what would break the request', async () => {
    const { provider, carrier } = await start({ headers: { 'x-from': 'a{{from}}b' } })
    await carrier.submit(submission({ from: 'Ä\r\nx-evil: 1' }))
    expect(provider.calls[0]?.headers['x-from']).toBe('ax-evil: 1b')
    expect(provider.calls[0]?.headers).not.toHaveProperty('x-evil')
  })
})

describe('answers', () => {
  test('are taken by a value of the body, whatever the status', async () => {
    const settings = {
      method: 'GET',
      query: { to: '{{to}}' },
      accepted: { status: ['2xx'], where: { path: 'result.code', equals: ['0'] } },
      error: 'result.code',
      refusals: [
        { where: { path: 'result.code', equals: [7] }, verdict: 'final', numberAtFault: true },
        { where: { path: 'result.code', matches: '^9\\d$' }, verdict: 'later', throttled: true },
      ],
    }
    const { carrier, provider } = await start(settings)
    const results = []
    for (const code of [0, '0', 7, 91, 5]) {
      provider.answers({ body: { result: { code } } })
      results.push(await carrier.submit(submission()))
    }
    expect(results).toEqual([
      { accepted: true, carrierIds: ['msg_abc'] },
      { accepted: true, carrierIds: ['msg_abc'] },
      { accepted: false, verdict: 'final', numberAtFault: true, error: '7 HTTP 200' },
      { accepted: false, verdict: 'later', throttled: true, error: '91 HTTP 200' },
      { accepted: false, verdict: 'elsewhere', error: '5 HTTP 200' },
    ])
    expect(provider.calls[0]).toMatchObject({ method: 'GET', body: '' })
  })

  test.each([
    [{ id: 'header.X-Message-Id' }, { headers: { 'x-message-id': 'h1' } }, 'h1'],
    [{ id: { path: 'text', match: 'ID: (\\w+)' } }, { body: 'OK ID: t1 done' }, 't1'],
    [{ id: 'json["a.b"][1].id' }, { body: { 'a.b': [{}, { id: 42 }] } }, '42'],
  ])('give the id at %o', async (settings, answer, id) => {
    const { carrier, provider } = await start(settings)
    provider.answers(answer)
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: [id] })
  })

  test.each([
    [{ id: 'id' }, '<html>Maintenance</html>'],
    [{ id: { path: 'text', match: 'ID: (\\w+)' } }, 'OK'],
    [{ id: 'ids' }, { ids: [] }],
    [{ id: 'id' }, { id: 'x'.repeat(257) }],
  ])('leave it unknown without the id at %o', async (settings, body) => {
    const { carrier } = await start(settings, body)
    await expect(carrier.submit(submission())).rejects.toThrow(/does not tell whether|an id of more than 256/)
  })

  test('tell of each part by its id, which others may share', async () => {
    const { carrier } = await start({ id: 'ids' }, { ids: ['a', 'a', 'b'] })
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: ['a', 'a', 'b'] })
  })

  test.each([
    [21_211, '21211 HTTP 400'],
    ['21211', '21211 HTTP 400'],
    // Longer, or what we sent: that may be more than a code.
    [1_234_567, 'HTTP 400: *******'],
    ['482913', 'HTTP 400: ******'],
    ['bad_number', 'HTTP 400: bad_number'],
  ])('show the code %s of a refusal as it is', async (code, error) => {
    const { carrier } = await start({ error: 'code' }, { code }, 400)
    expect(await carrier.submit(submission())).toMatchObject({ accepted: false, error })
  })

  test('never bring a secret into an error', async () => {
    const settings = {
      headers: { 'x-api-key': 'header-api-key-1' },
      json: { auth: { password: 'json-password-1' } },
      error: 'text',
    }
    const { carrier } = await start(settings, 'header-api-key-1 json-password-1 +12125551212', 400)
    expect(await carrier.submit(submission())).toMatchObject({ error: 'HTTP 400: *** *** ***' })
  })
})

describe('calls', () => {
  test('may tell of several messages at once', async () => {
    const report = { list: 'json.results', id: 'id', state: 'status.name', states: { OK: 'delivered', BAD: 'failed' } }
    const { carrier, reports } = await start({ report })
    const results = [
      { id: 1, status: { name: 'ok' } },
      { id: 2, status: { name: 'WAIT' } },
      { id: 3, status: { name: 'BAD' } },
    ]
    await carrier.callbacks?.report?.(callback({ json: { results } }))
    expect(reports.map(({ carrierIds, state }) => [...carrierIds, state])).toEqual([
      ['1', 'delivered'],
      ['3', 'failed'],
    ])
    await expect(carrier.callbacks?.report?.(callback({ json: {} }))).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('are taken but for the items that cannot be read', async () => {
    const report = { list: 'r', id: 'id', state: 's', states: { ok: 'delivered' } }
    const inboundAt = { list: 'r', from: 'f', to: 't', text: 'x' }
    const { carrier, reports, inbound } = await start({ report, inbound: inboundAt })
    const odd = [{}, null, 7, { s: 'ok' }]
    await carrier.callbacks?.report?.(callback({ json: { r: [...odd, { id: 'a', s: 'ok' }, { id: 'b', s: 'on' }] } }))
    expect(reports.map(({ carrierIds }) => carrierIds)).toEqual([['a']])
    await carrier.callbacks?.sms?.(callback({ url: sms, json: { r: [...odd, { f: '1201', t: '1500', x: 'hi' }] } }))
    expect(inbound.map(({ text }) => text)).toEqual(['hi'])

    for (const kind of ['report', 'sms'] as const)
      await expect(carrier.callbacks?.[kind]?.(callback({ json: { r: odd } }))).rejects.toMatchObject({
        code: 'invalid_request',
      })
    expect(await carrier.callbacks?.report?.(callback({ json: { r: [] } }))).toEqual({})
  })

  test('a field of an item may be called as a root is', async () => {
    const settings = { list: 'messages', from: 'from', to: 'to', text: 'item.text' }
    const { carrier, inbound } = await start({ inbound: settings })
    await carrier.callbacks!.sms!(
      callback({ url: sms, json: { messages: [{ from: '+1201', to: '+1500', text: 'hello' }] } }),
    )
    expect(inbound).toMatchObject([{ text: 'hello' }])
  })

  test('may be GETs, and hear what they want to hear', async () => {
    const answer = { contentType: 'text/plain', body: 'ACK' }
    const report = { id: 'query.messageId', state: 'query.st', states: { DELIVRD: 'delivered' } }
    const { carrier, reports } = await start({ report, answer })
    const call = callback({ query: { messageId: 'm1', st: 'DELIVRD' } })
    expect(await carrier.callbacks?.report?.(call)).toEqual(answer)
    expect(reports).toMatchObject([{ carrierIds: ['m1'], state: 'delivered' }])
    await expect(carrier.callbacks?.report?.(callback({ query: { st: 'DELIVRD' } }))).rejects.toMatchObject({
      code: 'invalid_request',
      facts: { field: 'id' },
    })
    expect(carrier.callbacks?.sms).toBeUndefined()
  })

  test.each([
    ['sha1', 'hex', 'url+body', 'v0=', (url: string, body: string) => url + body],
    ['md5', 'base64', 'body', '', (_: string, body: string) => body],
    [
      'sha512',
      'hex',
      '{{urlWithoutQuery}}|{{body}}',
      '',
      (url: string, body: string) => `${url.split('?')[0]}|${body}`,
    ],
  ] as const)('are proven by %s in %s over %s', async (algorithm, encoding, over, prefix, signed) => {
    const report = { id: 'id', state: 's', states: { d: 'delivered' } }
    const signature = { header: 'X-Sig', algorithm, encoding, over, prefix, secret: 'call-secret' }
    const { carrier, reports } = await start({ report, signature })
    const plain = callback({ url: `${sms}?a=1`, json: { id: 1, s: 'd' } })
    const digest = createHmac(algorithm, 'call-secret')
      .update(signed(plain.url, plain.body.toString()))
      .digest(encoding)
    const call = (sig: string) => ({ ...plain, headers: { ...plain.headers, 'x-sig': sig } })
    await carrier.callbacks?.report?.(call(prefix + digest))
    expect(reports).toHaveLength(1)
    for (const wrong of ['', digest.slice(1), `${prefix}${digest}0`])
      await expect(carrier.callbacks?.report?.(call(wrong))).rejects.toMatchObject({ code: 'forbidden' })
    expect(reports).toHaveLength(1)
  })
})
