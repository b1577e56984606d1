import { describe, expect, test } from 'vitest'

import { http } from '../../engine/carriers/declared/http.ts'
import { infobip } from '../../engine/carriers/infobip/infobip.ts'
import { kannel } from '../../engine/carriers/kannel/kannel.ts'
import { startCarrier } from './provider.ts'

describe('what is declared wrong stops the start', () => {
  const report = { id: 'id', state: 's', states: { d: 'delivered' } }

  test.each<[settings: object, expected: RegExp]>([
    [{ json: { to: '{{two}}' } }, /^carriers\.main\.json: there is no \{\{two\}\}; allowed: to, /],
    [{ form: { to: '{{to}' } }, /^carriers\.main\.form\.to: there is a \{\{/],
    [{ path: '/{{nope}}' }, /^carriers\.main\.path: there is no \{\{nope\}\}/],
    [{ path: 'x' }, /^carriers\.main\.path: /],
    [{ headers: { 'x-a': '{{text}}' } }, /^carriers\.main\.headers\.x-a: a text cannot stand in a header/],
    [{ form: {}, json: {} }, /^carriers\.main\.json: there is form already/],
    [{ method: 'GET', json: {} }, /^carriers\.main\.json: a GET has no body/],
    [{ body: '{{text}}' }, /^carriers\.main\.body: headers have to name its content-type/],
    [{ id: 'a..b' }, /^carriers\.main\.id: "a\.\.b" cannot be read from "\.\.b"/],
    [{ id: 'query.x' }, /^carriers\.main\.id: .*there is no query here/],
    [{ id: { path: 'text', match: '(' } }, /^carriers\.main\.id: /],
    [{ accepted: { status: ['ok'] } }, /^carriers\.main\.accepted\.status\.0: /],
    [{ accepted: { where: { path: '' } } }, /^carriers\.main\.accepted\.where\.path: the path is empty/],
    [
      { refusals: [{ verdict: 'never' }] },
      /^carriers\.main\.refusals\.0\.verdict: must be one of final, elsewhere, later/,
    ],
    [
      { refusals: [{ verdict: 'final', where: { path: 'a', matches: '[' } }] },
      /^carriers\.main\.refusals\.0\.where\.matches: /,
    ],
    [{ report: { ...report, states: { A: 'lost' } } }, /^carriers\.main\.report\.states\.A: must be one of/],
    [{ report: { ...report, id: 'query' } }, /^carriers\.main\.report\.id: .*one name has to follow query/],
    [{ inbound: { from: 'a', to: 'b', text: 'text.x' } }, /^carriers\.main\.inbound\.text: .*nothing may follow text/],
    [
      { signature: { header: 'x', secret: 's', over: '{{url}}' } },
      /^carriers\.main\.signature\.over: \{\{body\}\} has to be in it/,
    ],
    [
      { report: { ...report, id: 'query.id' }, signature: { header: 'x', secret: 's' } },
      /^carriers\.main\.signature\.over: \{\{url\}\} has to be in it: report\.id is read from there/,
    ],
    [
      {
        inbound: { from: 'query.from', to: 'to', text: 'text' },
        signature: { header: 'x', secret: 's', over: '{{urlWithoutQuery}}{{body}}' },
      },
      /^carriers\.main\.signature\.over: \{\{url\}\} has to be in it: inbound\.from /,
    ],
    [
      { report: { ...report, state: 'header.X-State' }, signature: { header: 'x', secret: 's', over: 'url+body' } },
      /^carriers\.main\.signature\.over: \{\{header\.x-state\}\} has to be in it: report\.state /,
    ],
    [{ report: { ...report, states: {} } }, /^carriers\.main\.report\.states: /],
    [{ accepted: { status: [] } }, /^carriers\.main\.accepted\.status: /],
    [{ refusals: [{ verdict: 'final', status: [] }] }, /^carriers\.main\.refusals\.0\.status: /],
    [{ id: { path: 'text', match: '[a-z]+(?:x)' } }, /^carriers\.main\.id: match has no group/],
    [
      { refusals: [{ verdict: 'elsewhere', numberAtFault: true }] },
      /^carriers\.main\.refusals\.0\.numberAtFault: goes with the verdict final/,
    ],
    [
      { refusals: [{ verdict: 'later' }, { verdict: 'final', throttled: true }] },
      /^carriers\.main\.refusals\.1\.throttled: goes with the verdict later/,
    ],
    [
      { refusals: [{ verdict: 'later', throttled: true, carrierAtFault: true }] },
      /^carriers\.main\.refusals\.0\.throttled: does not go with carrierAtFault/,
    ],
    [{ headers: { 'X Bad': '1' } }, /^carriers\.main\.headers\.X Bad: /],
    [{ headers: { authorization: 'Bearer abc\n' } }, /^carriers\.main\.headers\.authorization: holds a line end/],
    [{ headers: { 'x-who': '\u5b57' } }, /^carriers\.main\.headers\.x-who: holds /],
    ...['Host', 'content-length', 'Transfer-Encoding', 'connection', 'expect'].map((name): [object, RegExp] => [
      { headers: { [name]: '1' } },
      new RegExp(`^carriers\\.main\\.headers\\.${name}: is no header`),
    ]),
    [{ path: '/send sms' }, /^carriers\.main\.path: holds a space/],
    [{ path: '/\u00e4/{{ to }}' }, /^carriers\.main\.path: holds a space or another character/],
    [{ query: {} }, /^carriers\.main\.json: the request holds neither the number/],
    [{ query: {}, method: 'GET' }, /^carriers\.main\.query: the request holds neither the number/],
    [{ query: {}, form: { id: '{{id}}' } }, /^carriers\.main\.form: the request holds neither the number/],
    [{ connections: 4 }, /^carriers\.main\.connections: there is no such setting/],
    [{ baseUrl: 'http://user:pw@127.0.0.1/' }, /^carriers\.main\.baseUrl: /],
    [{ colour: 1 }, /^carriers\.main\.colour: there is no such setting/],
  ])('%o', async (settings, expected) => {
    await expect(
      startCarrier(http, { baseUrl: 'http://127.0.0.1:1', query: { to: '{{to}}' }, ...settings }),
    ).rejects.toThrow(expected)
  })
})

describe('what no header and no address can hold stops the start', () => {
  const baseUrl = 'http://127.0.0.1:1'
  const smsbox = { baseUrl, username: 'u', password: 'p' }

  test.each([
    [{ path: '/send sms' }, /^carriers\.main\.path: holds a space/],
    [{ path: '/sendsms?x=1' }, /^carriers\.main\.path: /],
    [{ method: 'POST', password: 'p\u00e4ss\u5b57' }, /^carriers\.main\.password: holds [^\u5b57]*$/],
    [{ method: 'POST', username: 'user\n' }, /^carriers\.main\.username: holds a line end/],
    [{ method: 'POST', from: 'snow \u2603' }, /^carriers\.main\.from: holds /],
    [{ method: 'POST', smsc: 'a\r' }, /^carriers\.main\.smsc: holds /],
  ])('of kannel: %o', async (settings, expected) => {
    await expect(startCarrier(kannel, { ...smsbox, ...settings })).rejects.toThrow(expected)
  })

  test('but with GET a password of kannel may be anything', async () => {
    const { carrier } = await startCarrier(kannel, { ...smsbox, password: 'p\u00e4ss\u5b57' })
    expect(carrier.ready()).toBe(true)
  })

  test('of infobip, without showing the key', async () => {
    const refused = startCarrier(infobip, { baseUrl, apiKey: 'secret-value\n' })
    await expect(refused).rejects.toThrow(/^carriers\.main\.apiKey: holds a line end/)
    await expect(refused).rejects.not.toThrow(/secret-value/)
  })
})
