import { createHash } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { twilioReports } from '../../engine/carriers/twilio/twilio-codes.ts'
import { twilioSignature } from '../../engine/carriers/twilio/twilio-signature.ts'
import { twilio } from '../../engine/carriers/twilio/twilio.ts'
import { callback, startCarrier } from './provider.ts'

const accountSid = 'AC0123456789abcdef0123456789abcdef'
const authToken = 'auth-token-of-the-test'
const messageSid = 'SM87105da94bff44b999e4e6eb90d8eb6a'

/** As Twilio would sign it: the few lines of its documentation. */
function signed(form: Record<string, string>, own: { url?: string; signedUrl?: string; token?: string } = {}) {
  const call = callback({ form, ...(own.url !== undefined && { url: own.url }) })
  const fields = new URLSearchParams(form)
  const signature = twilioSignature(own.token ?? authToken, own.signedUrl ?? call.url, fields)
  return { ...call, headers: { ...call.headers, 'x-twilio-signature': signature } }
}

const report = (own: Record<string, string>) => ({
  AccountSid: accountSid,
  ApiVersion: '2010-04-01',
  From: '+15005550006',
  To: '+12125551212',
  SmsSid: messageSid,
  MessageSid: messageSid,
  ...own,
})

async function started() {
  return startCarrier(twilio, { accountSid, authToken })
}

describe('a signature', () => {
  test('is the one of the documentation', () => {
    const fields = (caller: string) =>
      new URLSearchParams({
        Digits: '1234',
        CallSid: 'CA1234567890ABCDE',
        To: '+18005551212',
        Caller: caller,
        From: caller,
      })
    const url = 'https://mycompany.com/myapp.php?foo=1&bar=2'
    expect(twilioSignature('12345', url, fields('+14158675309'))).toBe('RSOYDt4T1cUTdK1PDd93/VVr8B8=')
    expect(twilioSignature('12345', url, fields('+12349013030'))).toBe('0/KCTR6DLpKmkAf8muzZqo1nDgQ=')
  })

  test.each([
    ['https://sms.example.com/c/report?a=1', 'https://sms.example.com:443/c/report?a=1'],
    ['https://sms.example.com:443/c/report', 'https://sms.example.com/c/report'],
    ['https://sms.example.com:8443/c/report', 'https://sms.example.com/c/report'],
    ['http://[2001:db8::1]/c/report', 'http://[2001:db8::1]:80/c/report'],
  ])('of %s may be over %s', async (url, signedUrl) => {
    const { carrier, reports } = await started()
    await carrier.callbacks?.report?.(signed(report({ MessageStatus: 'delivered' }), { url, signedUrl }))
    expect(reports).toHaveLength(1)
  })

  test.each([
    ['of another token', { token: 'another' }],
    ['of another address', { signedUrl: 'https://sms.example.com/callbacks/other' }],
    ['of another host', { signedUrl: 'https://evil.example.com/callbacks/main/derived-callback-secret/report' }],
  ])('%s is refused and changes nothing', async (_, own) => {
    const { carrier, reports } = await started()
    await expect(
      carrier.callbacks?.report?.(signed(report({ MessageStatus: 'delivered' }), own)),
    ).rejects.toMatchObject({ code: 'forbidden' })
    expect(reports).toEqual([])
  })

  test('that is absent, or over other fields, is refused', async () => {
    const { carrier } = await started()
    const call = signed(report({ MessageStatus: 'delivered' }))
    const { 'x-twilio-signature': signature, ...headers } = call.headers
    const forbidden = { code: 'forbidden' }
    await expect(carrier.callbacks?.report?.({ ...call, headers })).rejects.toMatchObject(forbidden)
    await expect(
      carrier.callbacks?.report?.({ ...call, body: Buffer.concat([call.body, Buffer.from('&x=y')]) }),
    ).rejects.toMatchObject(forbidden)
    await expect(
      carrier.callbacks?.sms?.({ ...call, headers: { ...headers, 'x-twilio-signature': `${signature}=` } }),
    ).rejects.toMatchObject(forbidden)
  })

  test('of a JSON body is over its hash in the address', async () => {
    const { carrier, reports } = await started()
    const json = report({ MessageStatus: 'delivered' })
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    const call = (bodySHA256: string) => {
      const url = `https://sms.example.com/c/report?bodySHA256=${bodySHA256}`
      const signature = twilioSignature(authToken, url, new URLSearchParams())
      return callback({ url, json, headers: { 'x-twilio-signature': signature } })
    }
    await carrier.callbacks?.report?.(call(hash(JSON.stringify(json))))
    expect(reports).toHaveLength(1)
    await expect(carrier.callbacks?.report?.(call(hash('{}')))).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe('a report', () => {
  test('of a delivery names the message and the number', async () => {
    const { carrier, reports } = await started()
    expect(await carrier.callbacks?.report?.(signed(report({ MessageStatus: 'delivered' })))).toEqual({
      contentType: 'text/xml',
      body: '<Response/>',
    })
    expect(reports).toEqual([{ carrierIds: [messageSid], state: 'delivered', error: null, to: '12125551212' }])
  })

  test.each(['accepted', 'scheduled', 'queued', 'sending', 'sent', 'constructor', 'new-word'])(
    'of the state %s is not the end',
    async MessageStatus => {
      const { carrier, reports } = await started()
      await carrier.callbacks?.report?.(signed(report({ MessageStatus })))
      expect(reports).toEqual([])
    },
  )

  test.each<[string, string, string, string]>([
    ['undelivered', '', 'undelivered', 'undelivered'],
    ['failed', '', 'failed', 'failed'],
    ['canceled', '', 'failed', 'canceled'],
    ['undelivered', '12345', 'undelivered', '12345 undelivered'],
    ['failed', '12345', 'failed', '12345 failed'],
    ...Object.entries(twilioReports).map(([code, state]): [string, string, string, string] => [
      'undelivered',
      code,
      state,
      `${code} undelivered`,
    ]),
  ])('of the state %s with the code "%s" is %s', async (MessageStatus, ErrorCode, state, error) => {
    const { carrier, reports } = await started()
    await carrier.callbacks?.report?.(signed(report({ MessageStatus, ...(ErrorCode !== '' && { ErrorCode }) })))
    expect(reports).toMatchObject([{ state, error }])
  })

  test('puts the number at fault only where the number is the trouble', () => {
    const rejected = Object.entries(twilioReports).filter(([, state]) => state === 'rejected')
    expect(rejected.map(([code]) => Number(code))).toEqual([21211, 21610, 21614, 21635, 30005, 30006])
  })

  test('without its fields is an invalid request', async () => {
    const { carrier } = await started()
    await expect(carrier.callbacks?.report?.(signed({ MessageStatus: 'delivered' }))).rejects.toMatchObject({
      code: 'invalid_request',
      facts: { field: 'MessageSid' },
    })
  })
})

test('an SMS comes with its numbers, text and id, and is answered with an empty TwiML', async () => {
  const { carrier, inbound } = await started()
  const sms = { MessageSid: 'SM1', From: '+12125551212', To: '+15005550006', Body: 'Stop & go, été', NumMedia: '0' }
  expect(await carrier.callbacks?.sms?.(signed(sms))).toEqual({ contentType: 'text/xml', body: '<Response/>' })
  expect(inbound).toEqual([{ from: '+12125551212', to: '+15005550006', text: 'Stop & go, été', id: 'SM1' }])
})
