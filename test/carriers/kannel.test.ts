// Requests, answers and calls are as smsbox 1.4.5 reads and writes them.

import { describe, expect, test } from 'vitest'

import { kannel } from '../../engine/carriers/kannel/kannel.ts'
import { callback, startCarrier, startProvider, submission } from './provider.ts'

const password = 'kannel-password'
const dlrUrl = 'https://sms.example.com/callbacks/main/derived-callback-secret/report?id=msg_abc&type=%d&answer=%A'

async function start(settings: Record<string, unknown> = {}, body = '0: Accepted for delivery', status = 202) {
  const provider = await startProvider({ status, body, headers: { 'content-type': 'text/html' } })
  const own = { baseUrl: provider.url, username: 'tester', password, from: '12345', ...settings }
  return { provider, ...(await startCarrier(kannel, own)) }
}

describe('a message', () => {
  test('goes out as a GET of sendsms whose dlr-url carries our id', async () => {
    const { provider, carrier } = await start()
    expect(await carrier.submit(submission({ text: 'Hé & 1%: €' }))).toEqual({
      accepted: true,
      carrierIds: ['msg_abc'],
    })
    const [call] = provider.calls
    expect(call).toMatchObject({ method: 'GET', path: '/cgi-bin/sendsms', body: '' })
    expect(Object.fromEntries(call?.query ?? [])).toEqual({
      username: 'tester',
      password,
      from: '12345',
      to: '+12125551212',
      text: 'Hé & 1%: €',
      charset: 'UTF-8',
      coding: '0',
      validity: '10',
      priority: '3',
      'dlr-mask': '19',
      'dlr-url': dlrUrl,
    })
  })

  test('in Unicode, of low priority, for one SMSC, with what a market asks for', async () => {
    const paramFields = { dltEntityId: 'PE_ID', dltTemplateId: 'Template_ID' }
    const { provider, carrier } = await start({ smsc: 'india', paramFields })
    const params = { dltEntityId: '1101', dltTemplateId: '11&07' }
    await carrier.submit(submission({ encoding: 'ucs2', priority: 'bulk', params, expiresAt: 1_030_000 }))
    expect(Object.fromEntries(provider.calls[0]?.query ?? [])).toMatchObject({
      coding: '2',
      priority: '0',
      smsc: 'india',
      validity: '1',
      'meta-data': '?smpp?PE_ID=1101&Template_ID=11%2607',
    })
  })

  test('may go out as a POST, with neither password nor text in the address', async () => {
    const { provider, carrier } = await start({ method: 'POST' })
    await carrier.submit(submission({ text: 'Привет + %41', encoding: 'ucs2' }))
    const [call] = provider.calls
    expect(call).toMatchObject({ method: 'POST', path: '/cgi-bin/sendsms', body: 'Привет + %41' })
    expect(call?.query.size).toBe(0)
    expect(call?.headers).toMatchObject({
      'content-type': 'text/plain; charset=UTF-8',
      'x-kannel-username': 'tester',
      'x-kannel-password': password,
      'x-kannel-from': '12345',
      'x-kannel-to': '+12125551212',
      'x-kannel-coding': '2',
      'x-kannel-validity': '10',
      'x-kannel-priority': '3',
      'x-kannel-dlr-mask': '19',
      'x-kannel-dlr-url': dlrUrl,
    })
  })

  test('asks for no report without a public address; its own percent signs are no escape codes', async () => {
    const { url: baseUrl, calls } = await startProvider({ status: 202, body: '0: Accepted for delivery' })
    const settings = { baseUrl, username: 'tester', password }
    const silent = await startCarrier(kannel, settings, { callbackUrl: () => null })
    await silent.carrier.submit(submission())
    expect(calls[0]?.query.has('dlr-url')).toBe(false)
    const odd = await startCarrier(kannel, settings, { callbackUrl: () => 'https://sms.example.com/a%20b' })
    await odd.carrier.submit(submission())
    expect(calls[1]?.query.get('dlr-url')).toMatch(/^https:\/\/sms\.example\.com\/a%%20b\/report\?id=/)
  })
})

describe('the answer', () => {
  test.each(['0: Accepted for delivery', '3: Queued for later delivery', 'Sent. Message splits: 2'])(
    '%s is an acceptance',
    async said => {
      const { carrier } = await start({}, said)
      expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
    },
  )

  test.each([
    [403, 'Authorization failed for sendsms', 'elsewhere'],
    [400, 'Number(s) has/have been denied by white- and/or black-lists.', 'elsewhere'],
    [400, 'Sender missing and no global set, rejected', 'elsewhere'],
    [503, 'Temporal failure, try again later.', 'later'],
    [500, 'Sending failed.', 'later'],
  ])('%i %s is a refusal that leaves the number alone', async (status, said, verdict) => {
    const { carrier } = await start({}, said, status)
    const result = await carrier.submit(submission())
    expect(result).toMatchObject({ accepted: false, verdict })
    expect(result).not.toHaveProperty('numberAtFault')
  })

  test('that no smsbox gives leaves it unknown', async () => {
    const { carrier } = await start({}, '<html>It works!</html>', 200)
    await expect(carrier.submit(submission())).rejects.toThrow(/none of a smsbox/)
  })

  test('with the password in it does not get it into an error', async () => {
    const { carrier } = await start({}, `no user with ${password} for +12125551212`, 400)
    expect(await carrier.submit(submission())).toMatchObject({ error: 'HTTP 400 no user with *** for ***' })
  })
})

describe('a report', () => {
  const receipt = (stat: string, err: string) =>
    `id:abc1 sub:001 dlvrd:000 submit date:2611220600 done date:2611220600 stat:${stat} err:${err} text:Your code is 48`

  test.each([
    ['1', receipt('DELIVRD', '000'), 'delivered', null],
    ['2', receipt('UNDELIV', '027'), 'undelivered', 'UNDELIV err 027'],
    ['2', receipt('EXPIRED', '001'), 'expired', 'EXPIRED err 001'],
    ['2', receipt('REJECTD', '00a'), 'failed', 'REJECTD err 00a'],
    ['2', 'id:abc1 stat:UNDELIV text:Your code err:483920', 'undelivered', 'UNDELIV'],
    ['2', '', 'undelivered', 'not delivered'],
    ['16', 'NACK/0x0000000b/Invalid Destination Address', 'rejected', 'NACK 0x0b'],
    ['16', 'NACK/0x0000000a/Invalid Source Address', 'failed', 'NACK 0x0a'],
    ['16', 'NACK/', 'failed', 'NACK'],
  ])('of type %s with %s is stored without the text', async (type, answer, state, error) => {
    const { carrier, reports } = await start()
    await carrier.callbacks?.report?.(callback({ query: { id: 'msg_abc', type, answer } }))
    expect(reports).toEqual([{ carrierIds: ['msg_abc'], state, error }])
  })

  test.each(['4', '8', '0', 'x'])('of type %s is not the last word', async type => {
    const { carrier, reports } = await start()
    await carrier.callbacks?.report?.(callback({ query: { id: 'msg_abc', type, answer: '' } }))
    expect(reports).toEqual([])
  })

  test('without our id is refused', async () => {
    const { carrier } = await start()
    await expect(carrier.callbacks?.report?.(callback({ query: { type: '1' } }))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('SMS from phones', () => {
  const address = 'https://sms.example.com/callbacks/main/derived-callback-secret/sms'

  test.each([
    ['Hello++two+%C2%A3+%26+1%25', 'UTF-8', 'Hello  two £ & 1%'],
    ['%04%1F%04%40%048%042%045%04B%00+%00%26%00+%001%00%25', 'UTF-16BE', 'Привет & 1%'],
    ['caf%E9', 'ISO-8859-1', 'café'],
    ['', 'UTF-8', ''],
  ])('%s in %s are taken as they came from the network', async (raw, charset, text) => {
    const { carrier, inbound } = await start()
    const url = `${address}?from=%2B12015550199&to=12345&text=${raw}&charset=${charset}&id=0da27b4a`
    await carrier.callbacks?.sms?.(callback({ url }))
    expect(inbound).toEqual([{ from: '+12015550199', to: '12345', text, id: '0da27b4a' }])
  })

  test('without a number are refused', async () => {
    const { carrier } = await start()
    await expect(carrier.callbacks?.sms?.(callback({ url: `${address}?to=1&text=a` }))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})
