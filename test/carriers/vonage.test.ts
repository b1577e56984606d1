import { describe, expect, test } from 'vitest'

import { UncertainError } from '../../engine/carriers/uncertain-error.ts'
import { vonageRefusals } from '../../engine/carriers/vonage/vonage-codes.ts'
import { vonage } from '../../engine/carriers/vonage/vonage.ts'
import { checkSettings } from '../../engine/settings.ts'
import { createPlace, message } from '../outbox/open-outbox.ts'
import { startCarrier, startProvider, submission, testParts } from './provider.ts'

const base = { apiKey: 'abcd1234', apiSecret: 'secret-of-the-account', from: 'Acme' }

const part = (own: Record<string, string> = {}) => ({
  to: '12125551212',
  'message-id': '0C000000217B7F02',
  status: '0',
  'remaining-balance': '15.53590000',
  'message-price': '0.03330000',
  network: '23410',
  ...own,
})
const answer = (...messages: object[]) => ({ body: { 'message-count': String(messages.length), messages } })

async function submitted(given: Parameters<typeof startProvider>[0]) {
  const provider = await startProvider(given)
  const { carrier } = await startCarrier(vonage, { ...base, baseUrl: provider.url })
  return carrier.submit(submission())
}

describe('a message', () => {
  test('is posted as the form that Vonage documents', async () => {
    const provider = await startProvider(answer(part()))
    const { carrier } = await startCarrier(vonage, { ...base, baseUrl: provider.url })

    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: ['0C000000217B7F02'] })
    expect(provider.calls[0]).toMatchObject({
      method: 'POST',
      path: '/sms/json',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(provider.calls[0]?.form).toEqual({
      api_key: 'abcd1234',
      api_secret: 'secret-of-the-account',
      from: 'Acme',
      to: '12125551212',
      text: 'Your code is 482913',
      type: 'text',
      ttl: '600000',
      'client-ref': 'msg_abc',
      callback: 'https://sms.example.com/callbacks/main/derived-callback-secret/report',
    })
  })

  test('beyond GSM 7 is unicode, from a number without its plus', async () => {
    const provider = await startProvider(answer(part()))
    const { carrier } = await startCarrier(vonage, { ...base, baseUrl: provider.url })
    await carrier.submit(submission({ encoding: 'ucs2', text: 'Код: 482913', from: '+15005550006' }))
    expect(provider.calls[0]?.form).toMatchObject({ type: 'unicode', text: 'Код: 482913', from: '15005550006' })
  })

  test('carries the ids that India asks for', async () => {
    const provider = await startProvider(answer(part()))
    const { carrier } = await startCarrier(vonage, { ...base, baseUrl: provider.url })
    await carrier.submit(submission({ params: { dltEntityId: '1101456324675322134', dltTemplateId: 1107 } }))
    expect(provider.calls[0]?.form).toMatchObject({ 'entity-id': '1101456324675322134', 'content-id': '1107' })
  })

  test.each([
    [1_000_500, '20000'],
    [1_000_000 + 700_000_000, '604800000'],
  ])('that expires at %i has a ttl that Vonage takes', async (expiresAt, ttl) => {
    const provider = await startProvider(answer(part()))
    const { carrier } = await startCarrier(vonage, { ...base, baseUrl: provider.url })
    await carrier.submit(submission({ expiresAt }))
    expect(provider.calls[0]?.form.ttl).toBe(ttl)
  })

  test('in several parts has an id for each', async () => {
    const parts = ['A', 'B', 'C'].map(id => part({ 'message-id': id }))
    expect(await submitted(answer(...parts))).toEqual({ accepted: true, carrierIds: ['A', 'B', 'C'] })
  })

  test('without any sender is not sent', async () => {
    const provider = await startProvider()
    const { apiKey, apiSecret } = base
    const { carrier } = await startCarrier(vonage, { apiKey, apiSecret, baseUrl: provider.url })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'elsewhere' })
    expect(provider.calls).toEqual([])
  })
})

describe('a refusal', () => {
  test.each(Object.entries(vonageRefusals))('with status %s is judged by the table', async (status, row) => {
    const { words, ...judgement } = row
    const result = await submitted(answer({ status, 'error-text': 'about +12125551212' }))
    expect(result).toEqual({ accepted: false, ...judgement, error: `${status} ${words}` })
  })

  test('with a status that is not in the table goes elsewhere, in its own words', async () => {
    const result = await submitted(answer({ status: '77', 'error-text': 'not +12125551212 nor secret-of-the-account' }))
    expect(result).toEqual({ accepted: false, verdict: 'elsewhere', error: '77 not *** nor ***' })
  })

  test('puts the number at fault only where the number is the trouble', () => {
    const atFault = Object.entries(vonageRefusals).filter(([, row]) => row.numberAtFault === true)
    expect(atFault.map(([code]) => Number(code))).toEqual([6, 7, 33])
  })

  test('of every part refuses the message', async () => {
    expect(await submitted(answer({ status: '1' }, { status: '1' }))).toMatchObject({
      verdict: 'later',
      throttled: true,
    })
  })

  test('of a part whose others were taken leaves it unknown what the phone shows', async () => {
    const error = await submitted(answer(part(), { status: '1', 'error-text': 'Throttled' })).catch(
      (cause: unknown) => cause,
    )
    expect(error).toBeInstanceOf(UncertainError)
    expect(error).toMatchObject({
      message: '1 of 2 parts were taken, then 1 throttled',
      connectionLost: false,
      refusal: { verdict: 'later', throttled: true },
    })
  })

  test('of a part shows none of its own words', async () => {
    const refused = submitted(answer({ status: '77', 'error-text': 'not secret-of-the-account' }, part()))
    await expect(refused).rejects.toThrow(/^1 of 2 parts were taken, then 77$/)
  })

  test('of a part for a number at fault refuses the message, whatever was taken', async () => {
    expect(await submitted(answer(part(), { status: '1' }, { status: '6' }))).toMatchObject({
      verdict: 'final',
      numberAtFault: true,
      error: '6 invalid message',
    })
  })

  test.each([
    [401, { verdict: 'elsewhere', error: 'HTTP 401' }],
    [429, { verdict: 'later', throttled: true }],
    [500, { verdict: 'later' }],
  ])('with the HTTP status %i is judged by that', async (status, result) => {
    expect(await submitted({ status, body: { type: 'x' } })).toMatchObject({ accepted: false, ...result })
  })

  test.each([
    '',
    '{}',
    'null',
    '{"messages":[]}',
    '{"messages":{}}',
    '{"messages":[null]}',
    '{"messages":[{}]}',
    '{"messages":[{"status":"0"}]}',
  ])('an answer like %j leaves it unknown', async body => {
    await expect(submitted({ body })).rejects.toThrow(/^(an answer without|accepted without)/)
  })
})

test('a message that was taken in part and throttled is not sent again unmarked, and its carrier pauses', async () => {
  const place = await createPlace()
  const provider = await startProvider(answer(part(), { status: '1' }))
  const settings = checkSettings('carriers.main', vonage.settings, { ...base, baseUrl: provider.url })
  const carrier = vonage.create('main', settings, testParts({ clock: place.clock }))
  const { outbox, until } = place.open({ carriers: [carrier] })
  await outbox.start()
  const asked = message({ text: 'x'.repeat(200), onUncertain: 'fail' })
  await outbox.accept(asked)
  const { timeline } = await until(asked.id, 'failed')
  expect(timeline.map(({ state }) => state)).toEqual(['queued', 'uncertain', 'failed'])
  expect(provider.calls).toHaveLength(1)
  expect((await outbox.carriers())[0]).toMatchObject({ state: 'paused', failures: 0 })
})

test('a wrong setting stops the start with its name', async () => {
  await expect(startCarrier(vonage, { ...base, signatureMethod: 'sha3' })).rejects.toThrow(
    'carriers.main.signatureMethod: must be one of md5hash, md5, sha1, sha256, sha512',
  )
  await expect(startCarrier(vonage, { apiKey: 'x' })).rejects.toThrow(/apiSecret/)
})
