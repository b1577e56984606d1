import { describe, expect, test } from 'vitest'

import { twilioRefusals } from '../../engine/carriers/twilio/twilio-codes.ts'
import { twilio } from '../../engine/carriers/twilio/twilio.ts'
import { StartError } from '../../engine/errors.ts'
import { startCarrier, startProvider, submission, testParts } from './provider.ts'

const accountSid = 'AC0123456789abcdef0123456789abcdef'
const authToken = 'auth-token-of-the-test'
const base = { accountSid, authToken, from: '+15005550006' }

/** As documented for a created message. */
const created = {
  account_sid: accountSid,
  api_version: '2010-04-01',
  body: 'Your code is 482913',
  direction: 'outbound-api',
  error_code: null,
  error_message: null,
  from: '+15005550006',
  num_segments: '1',
  sid: 'SM87105da94bff44b999e4e6eb90d8eb6a',
  status: 'queued',
  to: '+12125551212',
}

const refusal = (status: number, code: number, message = 'words') => ({
  status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
})

describe('a message', () => {
  test('is posted as the form that Twilio documents', async () => {
    const provider = await startProvider({ status: 201, body: created })
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })

    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: [created.sid] })
    expect(provider.calls).toHaveLength(1)
    expect(provider.calls[0]).toMatchObject({
      method: 'POST',
      path: `/2010-04-01/Accounts/${accountSid}/Messages.json`,
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
    })
    expect(provider.calls[0]?.form).toEqual({
      To: '+12125551212',
      From: '+15005550006',
      Body: 'Your code is 482913',
      ValidityPeriod: '600',
      StatusCallback: 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
    })
  })

  test('names its own sender, else the messaging service, else the sender of the settings', async () => {
    const provider = await startProvider({ status: 201, body: created })
    const messagingServiceSid = 'MG0123456789abcdef0123456789abcdef'
    const { carrier } = await startCarrier(twilio, { ...base, messagingServiceSid, baseUrl: provider.url })
    await carrier.submit(submission({ from: 'Acme' }))
    await carrier.submit(submission())
    expect(provider.calls[0]?.form).toMatchObject({ From: 'Acme' })
    expect(provider.calls[0]?.form).not.toHaveProperty('MessagingServiceSid')
    expect(provider.calls[1]?.form).toMatchObject({ MessagingServiceSid: messagingServiceSid })
    expect(provider.calls[1]?.form).not.toHaveProperty('From')
  })

  test('without any sender is not sent', async () => {
    const provider = await startProvider()
    const { carrier } = await startCarrier(twilio, { accountSid, authToken, baseUrl: provider.url })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'elsewhere' })
    expect(provider.calls).toEqual([])
  })

  test.each([
    [1_000_001, '1'],
    [1_001_001, '2'],
    [1_000_000 + 36_000_000, '36000'],
    [1_000_000 + 86_400_000, '36000'],
  ])('that expires at %i waits no longer at Twilio', async (expiresAt, seconds) => {
    const provider = await startProvider({ status: 201, body: created })
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
    await carrier.submit(submission({ expiresAt }))
    expect(provider.calls[0]?.form.ValidityPeriod).toBe(seconds)
  })

  test('is sent with the API key where there is one, without a callback where nobody can call us', async () => {
    const provider = await startProvider({ status: 201, body: created })
    const settings = { ...base, apiKey: 'SK123', apiSecret: 'secret-of-the-key', baseUrl: provider.url }
    const { carrier } = await startCarrier(twilio, settings, { callbackUrl: () => null })
    await carrier.submit(submission())
    expect(provider.calls[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('SK123:secret-of-the-key').toString('base64')}`,
    )
    expect(provider.calls[0]?.form).not.toHaveProperty('StatusCallback')
  })

  test('carries params by the names of the settings, none of which replaces a field', async () => {
    const provider = await startProvider({ status: 201, body: created })
    const paramFields = { maxPrice: 'MaxPrice', to: 'To' }
    const { carrier } = await startCarrier(twilio, { ...base, paramFields, baseUrl: provider.url })
    await carrier.submit(submission({ params: { maxPrice: 0.05, to: '+1999', other: 'x' } }))
    expect(provider.calls[0]?.form).toMatchObject({ MaxPrice: '0.05', To: '+12125551212' })
    expect(provider.calls[0]?.form).not.toHaveProperty('other')
  })
})

describe('a refusal', () => {
  test.each(Object.entries(twilioRefusals))(
    'with code %s is judged by the table',
    async (code, { words, ...judgement }) => {
      const provider = await startProvider(refusal(400, Number(code), 'The number +12125551212 is wrong'))
      const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
      expect(await carrier.submit(submission())).toEqual({ accepted: false, ...judgement, error: `${code} ${words}` })
    },
  )

  test('puts the number at fault only where the number is the trouble', () => {
    const atFault = Object.entries(twilioRefusals).filter(([, row]) => row.numberAtFault === true)
    expect(atFault.map(([code]) => Number(code))).toEqual([21211, 21214, 21217, 21265, 21268, 21610, 21614, 21635])
    expect(atFault.every(([, row]) => row.verdict === 'final')).toBe(true)
  })

  test.each([
    [400, { verdict: 'elsewhere' }],
    [401, { verdict: 'elsewhere', carrierAtFault: true }],
    [429, { verdict: 'later', throttled: true }],
    [500, { verdict: 'later', carrierAtFault: true }],
  ])('with status %i and a code that is not in the table is judged by the status', async (status, verdict) => {
    const provider = await startProvider(refusal(status, 99999, `About +12125551212 and ${authToken}`))
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
    const error = '99999 About *** and ***'
    expect(await carrier.submit(submission())).toEqual({ accepted: false, ...verdict, error })
  })

  test('with status 429 and its code says so', async () => {
    const provider = await startProvider(refusal(429, 20429, 'Too Many Requests'))
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
    expect(await carrier.submit(submission())).toMatchObject({
      verdict: 'later',
      throttled: true,
      error: '20429 too many requests',
    })
  })

  test.each([
    [500, 'oops', { verdict: 'later', error: 'HTTP 500' }],
    [404, '', { verdict: 'elsewhere', error: 'HTTP 404' }],
  ])('with status %i and no JSON is judged by the status', async (status, body, result) => {
    const provider = await startProvider({ status, body })
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
    expect(await carrier.submit(submission())).toMatchObject(result)
  })

  test.each(['', '{}', '[]', '5', 'null', '{"sid":7}'])('a 201 with %j leaves it unknown', async body => {
    const provider = await startProvider({ status: 201, body })
    const { carrier } = await startCarrier(twilio, { ...base, baseUrl: provider.url })
    await expect(carrier.submit(submission())).rejects.toThrow('accepted without a sid')
  })
})

test('half an API key stops the start', () => {
  const create = (own: object) => () =>
    twilio.create('main', { ...base, ...own } as Parameters<typeof twilio.create>[1], testParts())
  const baseUrl = 'https://api.twilio.com'
  expect(create({ apiKey: 'SK1', baseUrl })).toThrow(
    new StartError('carriers.main.apiSecret: is missing beside the other'),
  )
  expect(create({ apiSecret: 'x', baseUrl })).toThrow(
    new StartError('carriers.main.apiKey: is missing beside the other'),
  )
})

test('a wrong setting stops the start with its name', async () => {
  await expect(startCarrier(twilio, { ...base, accountSid: 'XY1' })).rejects.toThrow(/^carriers\.main\.accountSid: /)
  await expect(startCarrier(twilio, { accountSid })).rejects.toThrow(/authToken/)
  await expect(startCarrier(twilio, { ...base, sender: 'x' })).rejects.toThrow(/^carriers\.main\.sender: /)
})
