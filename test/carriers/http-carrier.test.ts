import { describe, expect, test } from 'vitest'

import type { HttpProvider } from '../../engine/carriers/over-http/http-carrier.ts'
import { EngineError, StartError } from '../../engine/errors.ts'
import { until } from '../helpers.ts'
import { callback, startMade, startProvider, submission } from './provider.ts'
import { makeSimple, openSimple } from './simple-provider.ts'

const takesAll: HttpProvider['judge'] = answer => ({
  accepted: true,
  carrierIds: (answer.json() as { ids: string[] }).ids,
})

describe('an answer', () => {
  test.each([
    [401, {}, { verdict: 'elsewhere' }],
    [403, {}, { verdict: 'elsewhere' }],
    [404, {}, { verdict: 'elsewhere' }],
    [302, { location: '/elsewhere' }, { verdict: 'elsewhere' }],
    [408, {}, { verdict: 'later' }],
    [429, {}, { verdict: 'later', throttled: true }],
    [500, {}, { verdict: 'later', carrierAtFault: true }],
    [503, {}, { verdict: 'later', carrierAtFault: true }],
    [503, { 'retry-after': '30' }, { verdict: 'later', throttled: true }],
  ])('with status %i is judged by the status', async (status, headers, verdict) => {
    const provider = await startProvider({ status, headers })
    const { carrier } = await openSimple(
      { baseUrl: provider.url },
      {
        judge: answer => ({ accepted: false, verdict: 'elsewhere', error: `HTTP ${answer.status}` }),
      },
    )
    expect(await carrier.submit(submission())).toEqual({ accepted: false, ...verdict, error: `HTTP ${status}` })
    expect(provider.calls).toHaveLength(1)
  })

  test.each([502, 504])('with status %i of a proxy leaves it unknown', async status => {
    const provider = await startProvider({ status })
    const { carrier } = await openSimple({ baseUrl: provider.url })
    await expect(carrier.submit(submission())).rejects.toThrow(`HTTP ${status}`)
  })

  test('that makes no sense to the provider leaves it unknown', async () => {
    const provider = await startProvider({ body: '<html>welcome</html>' })
    const { carrier } = await openSimple({ baseUrl: provider.url })
    await expect(carrier.submit(submission())).rejects.toThrow('an answer that says nothing')
  })

  test('of 2 MB is not read to its end: unknown with 200, a refusal with 500', async () => {
    const provider = await startProvider({ body: 'x'.repeat(2_000_000) })
    const { carrier } = await openSimple({ baseUrl: provider.url })
    await expect(carrier.submit(submission())).rejects.toThrow('the answer is too long')
    provider.answers({ status: 500, body: 'x'.repeat(2_000_000) })
    expect(await carrier.submit(submission())).toMatchObject({ verdict: 'later', error: 'HTTP 500' })
    provider.answers({ body: { id: 'x1' } })
    expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  })

  test('has its ids kept as they are: up to 256 characters each, the same for several parts', async () => {
    const carrierIds = ['a', 'x'.repeat(256), 'a']
    const provider = await startProvider({ body: { ids: carrierIds } })
    const { carrier } = await openSimple({ baseUrl: provider.url }, { judge: takesAll })
    expect(await carrier.submit(submission())).toEqual({ accepted: true, carrierIds })
  })

  test.each([
    ['an id of 257 characters', { ids: ['x'.repeat(257)] }],
    ['256 ids', { ids: Array.from({ length: 256 }, (__, index) => String(index)) }],
  ])('with %s leaves it unknown', async (_, body) => {
    const provider = await startProvider({ body })
    const { carrier } = await openSimple({ baseUrl: provider.url }, { judge: takesAll })
    await expect(carrier.submit(submission())).rejects.toThrow(/^(an id of )?more than 25[56] /)
  })

  test('that repeats secrets, the number and the text is shown without them', async () => {
    const provider = await startProvider(({ query, form }) => ({
      body: { error: `1021 ${query.get('key')} ${form.to} ${form.text} +1 212-555 1212, 482913` },
    }))
    const { carrier } = await openSimple({ baseUrl: provider.url })
    const result = await carrier.submit(submission())
    expect(result).toMatchObject({ error: `1021 *** *** *** +${'*'.repeat(14)}, ******` })
  })
})

describe('a call of the provider', () => {
  const reporting: Partial<HttpProvider> = {
    reports: call => [...call.query.keys()].map(id => ({ carrierIds: [id], state: 'delivered', error: null })),
    inbound: call => [{ from: '+1', to: '+2', text: call.body.toString() }],
    answer: { body: 'OK' },
  }

  test('is answered once all that it holds is stored', async () => {
    const provider = await startProvider()
    const stores: Array<() => void> = []
    const { carrier } = await startMade(makeSimple({ baseUrl: provider.url }, reporting), {
      report: () => new Promise<void>(resolve => void stores.push(resolve)),
    })
    let answered = false
    const answer = carrier.callbacks?.report?.(callback({ query: { a: '', b: '' } })).finally(() => (answered = true))
    await until(() => stores.length === 2)
    stores[0]?.()
    await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBe(false)
    stores[1]?.()
    expect(await answer).toEqual({ body: 'OK' })
  })

  test('fails when the storage does, so that the provider calls again', async () => {
    const provider = await startProvider()
    const { carrier } = await startMade(makeSimple({ baseUrl: provider.url }, reporting), {
      report: async () => {
        throw new EngineError('storage_unavailable')
      },
    })
    await expect(carrier.callbacks?.report?.(callback({ query: { a: '' } }))).rejects.toThrow(
      expect.objectContaining({ code: 'storage_unavailable' }),
    )
  })

  test('that is not proven changes nothing', async () => {
    const provider = await startProvider()
    const { carrier, reports, inbound } = await startMade(
      makeSimple(
        { baseUrl: provider.url },
        {
          ...reporting,
          verify() {
            throw new EngineError('forbidden')
          },
        },
      ),
    )
    const forbidden = expect.objectContaining({ code: 'forbidden' })
    await expect(carrier.callbacks?.report?.(callback({ query: { a: '' } }))).rejects.toThrow(forbidden)
    await expect(carrier.callbacks?.sms?.(callback({ form: { a: '' } }))).rejects.toThrow(forbidden)
    expect([reports, inbound]).toEqual([[], []])
  })

  test('is refused before the engine is ready', async () => {
    const carrier = makeSimple({ baseUrl: 'http://127.0.0.1:9' }, reporting)
    await expect(carrier.callbacks?.report?.(callback({ query: { a: '' } }))).rejects.toThrow(
      expect.objectContaining({ code: 'overloaded' }),
    )
  })

  test('comes to an address with the secret of the settings, else with the derived one', () => {
    const baseUrl = 'https://api.example.com'
    expect(makeSimple({ baseUrl }, reporting).callbacks?.secret).toBe('derived-callback-secret')
    const callbackSecret = 'chosen-by-the-operator'
    expect(makeSimple({ baseUrl, callbackSecret }, reporting).callbacks?.secret).toBe(callbackSecret)
    expect(makeSimple({ baseUrl }).callbacks).toBeUndefined()
  })

  test('has its errors shown without secrets', async () => {
    const provider = await startProvider()
    const { carrier, reports } = await openSimple(
      { baseUrl: provider.url },
      { reports: () => [{ carrierIds: ['a'], state: 'failed', error: '30008 hunter22 to +12125551212' }] },
    )
    await carrier.callbacks?.report?.(callback({ query: {} }))
    expect(reports[0]?.error).toBe('30008 *** to +***********')
  })
})

test.each([
  ['https://user:hunter22@api.example.com', 'must not hold a user or a password'],
  ['https://api.example.com/?a=b', 'must end with its path, without ? and #'],
  ['https://', 'must be an address that begins with https://'],
])('the base address %s stops the start', (baseUrl, trouble) => {
  expect(() => makeSimple({ baseUrl })).toThrow(new StartError(`carriers.main.baseUrl: ${trouble}`))
})

test('a wrong setting stops the start with its name', () => {
  expect(() => makeSimple({ baseUrl: 'ftp://example.com' })).toThrow(/^carriers\.main\.baseUrl: /)
  expect(() => makeSimple({ baseUrl: 'https://a.example', callbackSecret: 'short' })).toThrow(
    /^carriers\.main\.callbackSecret: /,
  )
})
