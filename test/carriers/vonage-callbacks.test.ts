import { describe, expect, test } from 'vitest'

import { vonageReports } from '../../engine/carriers/vonage/vonage-codes.ts'
import { vonageSignature } from '../../engine/carriers/vonage/vonage-signature.ts'
import { vonage } from '../../engine/carriers/vonage/vonage.ts'
import { callback, startCarrier } from './provider.ts'

const base = { apiKey: 'abcd1234', apiSecret: 'secret-of-the-account', from: 'Acme' }

const receipt = (own: Record<string, string> = {}) => ({
  msisdn: '12125551212',
  to: 'Acme',
  'network-code': '12345',
  messageId: '0A0000001234567B',
  price: '0.03330000',
  status: 'delivered',
  scts: '2001011400',
  'err-code': '0',
  'api-key': 'abcd1234',
  'message-timestamp': '2020-01-01 12:00:00',
  ...own,
})

describe('a report', () => {
  test.each([
    ['a GET', { query: receipt() }],
    ['a form', { form: receipt() }],
    ['JSON', { json: receipt() }],
  ])('comes as %s', async (_, call) => {
    const { carrier, reports } = await startCarrier(vonage, base)
    expect(await carrier.callbacks?.report?.(callback(call))).toEqual({})
    expect(reports).toEqual([{ carrierIds: ['0A0000001234567B'], state: 'delivered', error: null, to: '12125551212' }])
  })

  test.each(['accepted', 'buffered', 'unknown', 'new-word'])('of the state %s is not the end', async status => {
    const { carrier, reports } = await startCarrier(vonage, base)
    await carrier.callbacks?.report?.(callback({ form: receipt({ status, 'err-code': '1' }) }))
    expect(reports).toEqual([])
  })

  test.each<[string, string, string, string]>([
    ['expired', '1', 'expired', '1 expired unknown'],
    ['expired', '3', 'rejected', '3 expired absent for good'],
    ['rejected', '77', 'failed', '77 rejected'],
    ['failed', '', 'failed', 'failed'],
    ...Object.entries(vonageReports).map(([code, { state, words }]): [string, string, string, string] => [
      'failed',
      code,
      state,
      `${code} failed ${words}`,
    ]),
  ])('of the state %s with the code "%s" is %s', async (status, code, state, error) => {
    const { carrier, reports } = await startCarrier(vonage, base)
    await carrier.callbacks?.report?.(callback({ form: receipt({ status, 'err-code': code }) }))
    expect(reports).toMatchObject([{ state, error }])
  })

  test('puts the number at fault only where the number is the trouble', () => {
    const rejected = Object.entries(vonageReports).filter(([, row]) => row.state === 'rejected')
    expect(rejected.map(([code]) => Number(code))).toEqual([3, 4, 9, 12, 13, 14])
  })

  test.each([
    ['no id', callback({ form: { status: 'delivered' } }), { field: 'messageId' }],
    ['no JSON', { ...callback({ json: {} }), body: Buffer.from('{"a') }, {}],
    ['no object', callback({ json: [1] }), {}],
  ])('with %s is an invalid request', async (_, call, facts) => {
    const { carrier, reports } = await startCarrier(vonage, base)
    await expect(carrier.callbacks?.report?.(call)).rejects.toMatchObject({ code: 'invalid_request', facts })
    expect(reports).toEqual([])
  })
})

describe('a signature', () => {
  const documented = {
    'message-timestamp': '2013-11-21 15:27:30',
    messageId: '020000001B0FE827',
    msisdn: '14843472194',
    text: 'Test again',
    timestamp: '1385047698',
    to: '13239877404',
    type: 'text',
  }

  test.each([
    ['md5hash', 'd2e7b1dc968737c5998ad624e02f90b7'],
    ['md5', 'DDEBD46008C2D4E93CCE578A332A52D5'],
    ['sha1', '27D0D05C2876C7CB1720DBCDBA4D492E1E55C09A'],
    ['sha256', 'DDB8397C2B90AAC7F3882D306475C9A5058C92322EEF43C92B298B6E0FC0D330'],
    [
      'sha512',
      'E0D3C650F8C9D1A5C174D10DDDBFB003E561F59B265616208B0487C5D819481CD3C311D59CF6165ECD1139622D5BA3A256C0D763AC4A9AD9144B5A426B94FE82',
    ],
  ] as const)('by %s is the one that the makers of the SDK test with', async (method, sig) => {
    const fields = new URLSearchParams(documented)
    expect(vonageSignature(fields, 'my_secret_key_for_testing', method)).toBe(sig.toLowerCase())

    const settings = { ...base, signatureSecret: 'my_secret_key_for_testing', signatureMethod: method }
    const { carrier, inbound } = await startCarrier(vonage, settings, { clock: () => 1_385_047_700_000 })
    await carrier.callbacks?.sms?.(callback({ form: { ...documented, sig } }))
    await carrier.callbacks?.sms?.(callback({ query: { ...documented, sig: sig.toLowerCase() } }))
    await carrier.callbacks?.sms?.(callback({ json: { ...documented, sig } }))
    expect(inbound.map(sms => sms.id)).toEqual([documented.messageId, documented.messageId, documented.messageId])
  })

  test('has & and = of a value as _', () => {
    const text = (given: string) => new URLSearchParams({ text: given })
    expect(vonageSignature(text('a&b=c'), 'secret', 'md5hash')).toBe(
      vonageSignature(text('a_b_c'), 'secret', 'md5hash'),
    )
    const twoFields = new URLSearchParams({ a: '1', b: '2', timestamp: '1461605396', sig: 'x' })
    expect(vonageSignature(twoFields, 'secret', 'md5hash')).toBe('6af838ef94998832dbfc29020b564830')
  })

  test.each([
    ['absent', {}],
    ['wrong', { sig: 'd2e7b1dc968737c5998ad624e02f90b8' }],
    ['over another text', { sig: 'd2e7b1dc968737c5998ad624e02f90b7', text: 'Test again!' }],
  ])('that is %s is refused and changes nothing', async (_, own) => {
    const settings = { ...base, signatureSecret: 'my_secret_key_for_testing' }
    const { carrier, inbound } = await startCarrier(vonage, settings, { clock: () => 1_385_047_700_000 })
    await expect(carrier.callbacks?.sms?.(callback({ form: { ...documented, ...own } }))).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect(inbound).toEqual([])
  })

  test.each([
    [1_385_047_698_000 + 86_400_000, true],
    [1_385_047_698_000 + 86_401_000, false],
    [1_385_047_698_000 - 86_401_000, false],
  ])('that is read at %i is fresh enough: %s', async (now, isFresh) => {
    const settings = { ...base, signatureSecret: 'my_secret_key_for_testing' }
    const { carrier, inbound } = await startCarrier(vonage, settings, { clock: () => now })
    const form = { ...documented, sig: 'd2e7b1dc968737c5998ad624e02f90b7' }
    await carrier.callbacks?.sms?.(callback({ form })).catch(() => undefined)
    expect(inbound).toHaveLength(isFresh ? 1 : 0)
  })

  test('with a timestamp that is no number is refused', async () => {
    const { carrier } = await startCarrier(vonage, { ...base, signatureSecret: 'secret' })
    const form = { ...receipt(), timestamp: 'soon' }
    const sig = vonageSignature(new URLSearchParams(form), 'secret', 'md5hash')
    await expect(carrier.callbacks?.report?.(callback({ form: { ...form, sig } }))).rejects.toMatchObject({
      code: 'forbidden',
    })
  })
})

describe('an SMS', () => {
  const sms = { msisdn: '447700900001', to: '447700900000', messageId: '0A01', text: 'Hello & été', type: 'unicode' }

  test('comes with its numbers as the engine has them', async () => {
    const { carrier, inbound } = await startCarrier(vonage, base)
    await carrier.callbacks?.sms?.(callback({ query: sms }))
    await carrier.callbacks?.sms?.(callback({ json: { ...sms, to: '12345', text: '' } }))
    expect(inbound).toEqual([
      { from: '+447700900001', to: '+447700900000', text: 'Hello & été', id: '0A01' },
      { from: '+447700900001', to: '12345', text: '', id: '0A01' },
    ])
  })

  test('in parts says which one it is', async () => {
    const { carrier, inbound } = await startCarrier(vonage, base)
    const concat = { concat: 'true', 'concat-ref': '37', 'concat-total': '3', 'concat-part': '2' }
    await carrier.callbacks?.sms?.(callback({ form: { ...sms, ...concat } }))
    expect(inbound[0]?.part).toEqual({ reference: 37, number: 2, total: 3 })
  })

  test('that is binary reaches no script', async () => {
    const { carrier, inbound } = await startCarrier(vonage, base)
    const { text, ...rest } = sms
    await carrier.callbacks?.sms?.(callback({ form: { ...rest, type: 'binary', data: text, udh: '06050415811581' } }))
    expect(inbound).toEqual([])
  })
})
