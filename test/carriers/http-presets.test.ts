// Providers without an adapter of their own, declared as an operator would.

import { createHmac } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { http } from '../../engine/carriers/declared/http.ts'
import { plivo, sinch } from './declared-providers.ts'
import { callback, startCarrier, startProvider, submission } from './provider.ts'

const sms = 'https://sms.example.com/callbacks/main/derived-callback-secret/sms'

async function start(settings: Record<string, unknown>, body: unknown = {}, status = 200) {
  const provider = await startProvider({ status, body })
  return { provider, ...(await startCarrier(http, { baseUrl: provider.url, ...settings })) }
}

describe('Plivo, declared', () => {
  const answer = { message: 'message(s) queued', message_uuid: ['db3ce55a-7f1d-11e1-8ea7-1231380bc196'], api_id: 'x' }

  test('gets its request and gives its id', async () => {
    const { provider, carrier } = await start({ ...plivo, from: '+14155550100' }, answer, 202)
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: answer.message_uuid })
    const [call] = provider.calls
    expect(call).toMatchObject({ method: 'POST', path: plivo.path })
    expect(call?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('MAXXXXXXXXXXXXXXXXXX:plivo-auth-token').toString('base64')}`,
    })
    expect(call?.json).toEqual({
      src: '+14155550100',
      dst: '12125551212',
      text: 'Your code is 482913',
      url: 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
      method: 'POST',
    })
  })

  test('has its reports and its SMS read', async () => {
    const { carrier, reports, inbound } = await start(plivo)
    const form = { From: '14155550100', To: '12125551212', Status: 'sent', MessageUUID: 'db3c', ErrorCode: '' }
    for (const own of [
      {},
      { Status: 'delivered' },
      { Status: 'undelivered', ErrorCode: '80' },
      { Status: 'failed', ErrorCode: '50' },
    ])
      await carrier.callbacks?.report?.(callback({ form: { ...form, ...own } }))
    const report = { carrierIds: ['db3c'], to: '12125551212' }
    expect(reports).toEqual([
      { ...report, state: 'delivered', error: null },
      { ...report, state: 'undelivered', error: 'undelivered: 80' },
      { ...report, state: 'rejected', error: 'failed: 50' },
    ])
    await carrier.callbacks?.sms?.(callback({ url: sms, form: { ...form, Text: 'Hi & bye' } }))
    expect(inbound).toEqual([{ from: '+14155550100', to: '+12125551212', text: 'Hi & bye', id: 'db3c' }])
  })

  test('has its refusals judged by their status', async () => {
    const { carrier, provider } = await start(plivo, { api_id: 'x', error: 'insufficient credit' }, 402)
    expect(await carrier.submit(submission())).toEqual({
      accepted: false,
      verdict: 'elsewhere',
      error: 'HTTP 402: insufficient credit',
    })
    provider.answers({ status: 429 })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later', throttled: true })
    provider.answers({ status: 202, body: 'half a bo' })
    await expect(carrier.submit(submission())).rejects.toThrow(/does not tell/)
  })
})

describe('Sinch, declared', () => {
  const batch = { id: '01FC66621XXXXX119Z8PMV1QPQ', to: ['12125551212'], from: 'Acme', body: 'x', canceled: false }

  test('gets its request and gives its id', async () => {
    const { provider, carrier } = await start({ ...sinch, from: 'Acme' }, batch, 201)
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: [batch.id] })
    expect(provider.calls[0]).toMatchObject({ method: 'POST', path: '/xms/v1/my-plan/batches' })
    expect(provider.calls[0]?.headers.authorization).toBe('Bearer sinch-api-token')
    expect(provider.calls[0]?.json).toEqual({
      from: 'Acme',
      to: ['12125551212'],
      body: 'Your code is 482913',
      delivery_report: 'per_recipient',
      callback_url: 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
      client_reference: 'msg_abc',
    })
  })

  test('has the first rule that fits decide', async () => {
    const { carrier } = await start(sinch, { code: 'unknown_group', text: 'words' }, 403)
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'final', error: 'HTTP 403: unknown_group' })
  })

  test('has its signed reports read', async () => {
    const { carrier, reports } = await start(sinch)
    const signed = (json: unknown) => {
      const signature = createHmac('sha256', 'foo_secret1234')
        .update(`${JSON.stringify(json)}.nonce.1700`)
        .digest('base64')
      const headers = {
        'x-sinch-webhook-signature': signature,
        'x-sinch-webhook-signature-nonce': 'nonce',
        'x-sinch-webhook-signature-timestamp': '1700',
        'content-type': 'application/json',
      }
      return callback({ json, headers })
    }
    const json = {
      type: 'recipient_delivery_report_sms',
      batch_id: batch.id,
      recipient: '12125551212',
      code: 401,
      status: 'Dispatched',
      at: '2026-08-30T08:16:08.930Z',
    }
    await carrier.callbacks?.report?.(signed(json))
    await carrier.callbacks?.report?.(signed({ ...json, code: 0, status: 'Delivered' }))
    await carrier.callbacks?.report?.(signed({ ...json, code: 406, status: 'Expired' }))
    const report = { carrierIds: [batch.id], to: '12125551212' }
    expect(reports).toEqual([
      { ...report, state: 'delivered', error: null },
      { ...report, state: 'expired', error: 'Expired: 406' },
    ])
    const changed = { ...signed(json), body: Buffer.from(JSON.stringify({ ...json, status: 'Delivered' })) }
    await expect(carrier.callbacks?.report?.(changed)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(carrier.callbacks?.report?.(callback({ json }))).rejects.toMatchObject({ code: 'forbidden' })
    expect(reports).toHaveLength(2)
  })

  // The example that Sinch publishes for its signatures.
  test('has the published signature found right', async () => {
    const { carrier } = await start(sinch)
    const body =
      '{"app_id":"","accepted_time":"2021-10-18T17:49:13.813615Z","project_id":"e2df3a34-a71b-4448-9db5-a8d2baad28e4","contact_create_notification":{"contact":{"id":"01FJA8B466Y0R2GNXD78MD9SM1","channel_identities":[{"channel":"SMS","identity":"48123456789","app_id":""}],"display_name":"New Test Contact","email":"new.contact@email.com","external_id":"","metadata":"","language":"EN_US"}},"message_metadata":""}'
    const headers = {
      'x-sinch-webhook-signature': '6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE=',
      'x-sinch-webhook-signature-nonce': '01FJA8B4A7BM43YGWSG9GBV067',
      'x-sinch-webhook-signature-timestamp': '1634579353',
    }
    // Proven, but no report: that is another refusal.
    const call = { ...callback({ json: {}, headers }), body: Buffer.from(body) }
    await expect(carrier.callbacks?.report?.(call)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
