import { describe, expect, test } from 'vitest'

import { infobipNumberErrors } from '../../engine/carriers/infobip/infobip-statuses.ts'
import { infobip } from '../../engine/carriers/infobip/infobip.ts'
import { createLog } from '../../engine/log.ts'
import { callback, startCarrier, startProvider, submission } from './provider.ts'

const apiKey = 'fe1d0c9b8a7fe1d0c9b8a7-infobip'

/** As the documentation shows the answer to one message. */
function answerWith(groupId: number, groupName: string, id: number, name: string) {
  return {
    bulkId: 'a28dd97c-2222-4fcf-99f1-0b557ed381da',
    messages: [
      {
        messageId: 'msg_abc',
        status: { groupId, groupName, id, name, description: `${name} of 12125551212` },
        destination: '12125551212',
        details: { messageCount: 1 },
      },
    ],
  }
}

const pending = answerWith(1, 'PENDING', 26, 'PENDING_ACCEPTED')

async function start(settings: Record<string, unknown> = {}, answer: unknown = pending, status = 200) {
  const provider = await startProvider({ status, body: answer })
  const started = await startCarrier(infobip, { baseUrl: provider.url, apiKey, from: 'Acme', ...settings })
  return { provider, ...started }
}

function report(groupId: number, id: number, name: string, error: { id: number; name: string; permanent?: boolean }) {
  const result = {
    bulkId: 'BULK-ID-123-xyz',
    messageId: 'msg_abc',
    to: '12125551212',
    sentAt: '2026-11-09T16:00:00.000+0000',
    doneAt: '2026-11-09T16:00:01.000+0000',
    smsCount: 1,
    price: { pricePerMessage: 0.01, currency: 'EUR' },
    status: { groupId, groupName: 'GROUP', id, name, description: 'words' },
    error: { groupId: 1, groupName: 'HANDSET_ERRORS', description: 'words', permanent: false, ...error },
  }
  return callback({ json: { results: [result] } })
}

const noError = { id: 0, name: 'NO_ERROR' }

describe('a message', () => {
  test('goes out in the documented form with our own id', async () => {
    const { provider, carrier } = await start()
    const result = await carrier.submit(submission())

    expect(result).toEqual({ accepted: true, carrierIds: ['msg_abc'] })
    const [call] = provider.calls
    expect(call).toMatchObject({ method: 'POST', path: '/sms/3/messages' })
    expect(call?.headers).toMatchObject({ authorization: `App ${apiKey}`, 'content-type': 'application/json' })
    expect(call?.json).toEqual({
      messages: [
        {
          sender: 'Acme',
          destinations: [{ to: '12125551212', messageId: 'msg_abc' }],
          content: { text: 'Your code is 482913' },
          webhooks: {
            delivery: { url: 'https://sms.example.com/callbacks/main/derived-callback-secret/report' },
            contentType: 'application/json',
          },
          options: { validityPeriod: { amount: 600, timeUnit: 'SECONDS' } },
        },
      ],
    })
  })

  test('carries the ids that India asks for, its own sender, and a validity of 48 hours at most', async () => {
    const { provider, carrier } = await start()
    const params = { dltEntityId: '1101', dltTemplateId: '1107', other: 'left out' }
    await carrier.submit(submission({ from: 'Brand', params, expiresAt: 1_000_000 + 7 * 86_400_000 }))

    expect(provider.calls[0]?.json.messages[0]).toMatchObject({
      sender: 'Brand',
      options: {
        validityPeriod: { amount: 172_800 },
        regional: { indiaDlt: { principalEntityId: '1101', contentTemplateId: '1107' } },
      },
    })
  })
})

describe('the answer', () => {
  test.each([
    [5, 8, 'REJECTED_PREFIX_MISSING', { verdict: 'final', numberAtFault: true }],
    [5, 10, 'REJECTED_DND', { verdict: 'final', numberAtFault: true }],
    [5, 14, 'REJECTED_DESTINATION_BLOCKLISTED', { verdict: 'final', numberAtFault: true }],
    [5, 52, 'REJECTED_DESTINATION', { verdict: 'final', numberAtFault: true }],
    [5, 6, 'REJECTED_NETWORK', { verdict: 'elsewhere' }],
    [5, 11, 'REJECTED_SOURCE', { verdict: 'elsewhere' }],
    [5, 12, 'REJECTED_NOT_ENOUGH_CREDITS', { verdict: 'elsewhere', carrierAtFault: true }],
    [5, 13, 'REJECTED_SENDER', { verdict: 'elsewhere' }],
    [5, 51, 'MISSING_TO', { verdict: 'elsewhere' }],
    [5, 21, 'REJECTED_SYSTEM_ERROR', { verdict: 'later' }],
    [5, 87, 'SIGNALS_BLOCKED', { verdict: 'final' }],
    [5, 999, 'REJECTED_NEW', { verdict: 'elsewhere' }],
    [2, 9, 'UNDELIVERABLE_NOT_DELIVERED', { verdict: 'elsewhere' }],
  ])('group %i, status %i %s is judged', async (groupId, id, name, expected) => {
    const { carrier } = await start({}, answerWith(groupId, 'GROUP', id, name))
    expect(await carrier.submit(submission())).toEqual({ accepted: false, error: `${id} ${name}`, ...expected })
  })

  test('that it has this id already is an acceptance: the answer before was lost', async () => {
    const { carrier } = await start({}, answerWith(5, 'REJECTED', 23, 'REJECTED_DUPLICATE_MESSAGE_ID'))
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds: ['msg_abc'] })
  })

  test('with a requestError is no fault of the number and repeats neither text nor key', async () => {
    const text = `Invalid "to": +12125551212 in Your code is 482913, key ${apiKey}`
    const error = { requestError: { serviceException: { messageId: 'BAD_REQUEST', text, validationErrors: {} } } }
    const { carrier } = await start({}, error, 400)
    expect(await carrier.submit(submission())).toEqual({
      accepted: false,
      verdict: 'elsewhere',
      error: 'HTTP 400 BAD_REQUEST',
    })
  })

  test('401 is about our key, 500 is worth another try', async () => {
    const error = { requestError: { serviceException: { messageId: 'UNAUTHORIZED', text: 'Invalid login details' } } }
    const { carrier, provider } = await start({}, error, 401)
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'elsewhere', error: 'HTTP 401 UNAUTHORIZED' })
    provider.answers({ status: 500 })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later' })
  })

  test('that tells nothing leaves it unknown', async () => {
    const { carrier } = await start({}, '<html>welcome</html>')
    await expect(carrier.submit(submission())).rejects.toThrow(/does not tell/)
  })
})

describe('a report', () => {
  test.each([
    [3, 5, 'DELIVERED_TO_HANDSET', noError, 'delivered', null],
    [2, 9, 'UNDELIVERABLE_NOT_DELIVERED', { id: 27, name: 'EC_ABSENT_SUBSCRIBER' }, 'undelivered', undefined],
    [2, 9, 'UNDELIVERABLE_NOT_DELIVERED', { id: 1, name: 'EC_UNKNOWN_SUBSCRIBER' }, 'rejected', undefined],
    [2, 4, 'UNDELIVERABLE_REJECTED_OPERATOR', { id: 502, name: 'EC_NO_RESPONSE' }, 'failed', undefined],
    [4, 15, 'EXPIRED_EXPIRED', { id: 1, name: 'EC_UNKNOWN_SUBSCRIBER' }, 'expired', undefined],
    [5, 8, 'REJECTED_PREFIX_MISSING', noError, 'rejected', '8 REJECTED_PREFIX_MISSING'],
    [5, 12, 'REJECTED_NOT_ENOUGH_CREDITS', noError, 'failed', '12 REJECTED_NOT_ENOUGH_CREDITS'],
  ])('group %i, status %i %s with %o is stored', async (groupId, id, name, error, state, words) => {
    const { carrier, reports } = await start()
    await carrier.callbacks?.report?.(report(groupId, id, name, error))
    const said = words === undefined ? `${id} ${name}, ${error.id} ${error.name}` : words
    expect(reports).toEqual([{ carrierIds: ['msg_abc'], to: '12125551212', state, error: said }])
  })

  test.each([
    [1, 7, 'PENDING_ENROUTE'],
    [3, 2, 'DELIVERED_TO_OPERATOR'],
  ])('of group %i, status %i %s is not the last word', async (groupId, id, name) => {
    const { carrier, reports } = await start()
    expect(await carrier.callbacks?.report?.(report(groupId, id, name, noError))).toEqual({})
    expect(reports).toEqual([])
  })

  test('may be one of a hundred in a call', async () => {
    const { carrier, reports } = await start()
    const results = Array.from({ length: 100 }, (_, index) => ({
      messageId: `msg_${index}`,
      to: '12125551212',
      status: { groupId: 3, id: 5, name: 'DELIVERED_TO_HANDSET' },
    }))
    await carrier.callbacks?.report?.(callback({ json: { results } }))
    expect(reports.map(({ carrierIds }) => carrierIds[0])).toEqual(results.map(({ messageId }) => messageId))
  })

  test('that cannot be read is refused', async () => {
    const { carrier } = await start()
    for (const json of [{}, { results: [{}] }, 'text', null, [], { results: [null] }, { results: { length: 1 } }])
      await expect(carrier.callbacks?.report?.(callback({ json }))).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

test('one odd result in a call does not cost the others, and is told of without what it holds', async () => {
  const warnings: object[] = []
  const log = Object.assign(createLog('silent'), { warn: (facts: object) => void warnings.push(facts) })
  const settings = { baseUrl: 'http://127.0.0.1:1', apiKey }
  const { carrier, reports, inbound } = await startCarrier(infobip, settings, { log })
  const status = { groupId: 3, id: 5 }
  await carrier.callbacks?.report?.(
    callback({ json: { results: [{ messageId: 'a', status }, { messageId: 77, status }, null, 'x'] } }),
  )
  expect(reports.map(({ carrierIds }) => carrierIds)).toEqual([['a']])
  const sms = { messageId: '1', from: '12125551212', to: '15005550006', text: 'good' }
  await carrier.callbacks?.sms?.(callback({ json: { results: [{ ...sms, text: null }, sms] } }))
  expect(inbound.map(({ text }) => text)).toEqual(['good'])
  expect(warnings).toEqual([
    { carrier: 'main', unreadable: 3, items: 4 },
    { carrier: 'main', unreadable: 1, items: 2 },
  ])
})

test('each error that puts the number at fault has its reason', () => {
  for (const why of infobipNumberErrors.values()) expect(why).toMatch(/\w/)
})

test('SMS from phones are taken', async () => {
  const { carrier, inbound } = await start()
  const json = {
    results: [
      {
        messageId: '817790313235066447',
        from: '385916242493',
        to: '385921004026',
        text: 'QUIZ Correct answer is Paris',
        cleanText: 'Correct answer is Paris',
        keyword: 'QUIZ',
        receivedAt: '2026-10-06T09:28:39.220+0000',
        smsCount: 1,
      },
    ],
    messageCount: 1,
    pendingMessageCount: 0,
  }
  await carrier.callbacks?.sms?.(callback({ json }))
  expect(inbound).toEqual([
    { from: '+385916242493', to: '+385921004026', text: 'QUIZ Correct answer is Paris', id: '817790313235066447' },
  ])
})
