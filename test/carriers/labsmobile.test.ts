import { describe, expect, test } from 'vitest'

import { labsmobile, subid } from '../../engine/carriers/labsmobile.ts'
import { callback, startCarrier, startProvider, submission } from './provider.ts'

const token = 'labs-token-0123456789'
const taken = { code: '0', message: 'Message has been successfully sent.', subid: '65f33a88ceb3d' }

async function start(settings: Record<string, unknown> = {}, body: unknown = taken, status = 200) {
  const provider = await startProvider({ status, body })
  const own = { baseUrl: provider.url, username: 'me@example.com', token, from: '+34600000000', ...settings }
  return { provider, ...(await startCarrier(labsmobile, own)) }
}

const query = {
  subid: '65f33a88ceb3d',
  msisdn: '12125551212',
  acklevel: 'handset',
  status: 'ok',
  desc: 'DELIVRD',
  timestamp: '2026-11-22 05:00:00',
}

describe('a message', () => {
  test('goes out in the documented form', async () => {
    const { provider, carrier } = await start()
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: ['65f33a88ceb3d'] })
    const [call] = provider.calls
    expect(call).toMatchObject({ method: 'POST', path: '/json/send' })
    expect(call?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from(`me@example.com:${token}`).toString('base64')}`,
      'content-type': 'application/json',
    })
    expect(call?.json).toEqual({
      recipient: [{ msisdn: '12125551212' }],
      message: 'Your code is 482913',
      tpoa: '34600000000',
      subid: subid('msg_abc'),
      nofilter: 1,
      ackurl: 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
    })
  })

  test('of several parts in Unicode says so', async () => {
    const { provider, carrier } = await start()
    await carrier.submit(submission({ encoding: 'ucs2', segments: 2, text: 'код'.repeat(30) }))
    expect(provider.calls[0]?.json).toMatchObject({ ucs2: 1, long: 1 })
  })

  test('has a short id of its own that stays the same', () => {
    expect(subid('msg_abc')).toMatch(/^[a-p]{20}$/)
    expect(subid('msg_abc')).toBe(subid('msg_abc'))
    expect(subid('msg_abc')).not.toBe(subid('msg_abd'))
  })
})

describe('the answer', () => {
  test('may have its code as a number and no subid', async () => {
    const { carrier } = await start({}, { code: 0, message: 'ok' })
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: [subid('msg_abc')] })
  })

  test.each([
    [200, '35', { verdict: 'elsewhere', carrierAtFault: true, error: 'code 35 not enough credit' }],
    [400, 35, { verdict: 'elsewhere', carrierAtFault: true, error: 'code 35 not enough credit' }],
    [400, '30', { verdict: 'later', carrierAtFault: true, error: 'code 30 error while sending' }],
    [400, '21', { verdict: 'final', error: 'code 21 the message is empty' }],
    [400, '27', { verdict: 'elsewhere', error: 'code 27 characters that are not allowed' }],
    [200, '99', { verdict: 'elsewhere', error: 'code 99' }],
    [500, '99', { verdict: 'later', carrierAtFault: true, error: 'code 99' }],
    [401, '401', { verdict: 'elsewhere', carrierAtFault: true, error: 'code 401' }],
  ])('HTTP %i with code %o is judged by its code', async (status, code, expected) => {
    const { carrier } = await start({}, { code, message: 'words about +12125551212' }, status)
    expect(await carrier.submit(submission())).toEqual({ accepted: false, ...expected })
  })

  test('without a code is judged by its status', async () => {
    const { carrier, provider } = await start({}, 'Unauthorized', 401)
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'elsewhere', error: 'HTTP 401' })
    provider.answers({ status: 429, body: '' })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later', throttled: true })
    provider.answers({ status: 200, body: '<html>' })
    await expect(carrier.submit(submission())).rejects.toThrow(/no code/)
  })
})

describe('a report', () => {
  test.each([
    [{}, 'delivered', null],
    [{ desc: 'READ' }, 'delivered', null],
    [{ acklevel: 'error', status: 'ko', desc: 'UNDELIV' }, 'undelivered', 'error UNDELIV'],
    [{ acklevel: 'operator', status: 'ko', desc: 'REJECTD' }, 'failed', 'operator REJECTD'],
    [{ acklevel: 'handset', status: 'ko', desc: 'EXPIRED' }, 'expired', 'handset EXPIRED'],
    [{ acklevel: 'gateway', status: 'ko', desc: 'BLOCKED' }, 'failed', 'gateway BLOCKED'],
    [{ acklevel: 'error', status: 'ko', desc: 'UNKNOWN' }, 'undelivered', 'error UNKNOWN'],
  ])('with %o is stored', async (own, state, error) => {
    const { carrier, reports } = await start()
    await carrier.callbacks?.report?.(callback({ query: { ...query, ...own } }))
    expect(reports).toEqual([{ carrierIds: ['65f33a88ceb3d'], to: '12125551212', state, error }])
  })

  test.each(['gateway', 'operator'])('of the %s that took it is not the last word', async acklevel => {
    const { carrier, reports } = await start()
    await carrier.callbacks?.report?.(callback({ query: { ...query, acklevel } }))
    expect(reports).toEqual([])
  })

  test('that cannot be read is answered with 200: it would come five times more', async () => {
    const { carrier, reports } = await start()
    expect(await carrier.callbacks?.report?.(callback({ query: {} }))).toEqual({})
    expect(await carrier.callbacks?.report?.(callback({ query: { ...query, status: '' } }))).toEqual({})
    expect(reports).toEqual([])
  })
})

describe('SMS from phones', () => {
  const json = {
    inbound_number: '34699000000',
    service_number: '5755',
    msisdn: '34600111222',
    message: 'STOP',
    timestamp: '2026-11-22 05:00:00',
  }

  test('are taken, a repeated call with the same id', async () => {
    const { carrier, inbound } = await start()
    await carrier.callbacks?.sms?.(callback({ json }))
    await carrier.callbacks?.sms?.(callback({ json }))
    await carrier.callbacks?.sms?.(callback({ json: { ...json, timestamp: '2026-11-22 05:00:09' } }))
    expect(inbound[0]).toMatchObject({ from: '+34600111222', to: '+34699000000', text: 'STOP' })
    expect(inbound[1]?.id).toBe(inbound[0]?.id)
    expect(inbound[2]?.id).not.toBe(inbound[0]?.id)
  })

  test('that cannot be read are dropped', async () => {
    const { carrier, inbound } = await start()
    for (const body of ['no json', { msisdn: '34600111222' }])
      expect(await carrier.callbacks?.sms?.(callback({ json: body }))).toEqual({})
    expect(inbound).toEqual([])
  })
})

test('the token is in no refusal', async () => {
  const { carrier } = await start({}, { code: token, message: token }, 400)
  expect(JSON.stringify(await carrier.submit(submission()))).not.toContain(token)
})
