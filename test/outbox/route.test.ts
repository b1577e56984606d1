import { expect, test } from 'vitest'

import { createRouter, route } from '../../engine/outbox/route.ts'

const carriers = ['main', 'backup', 'last']
const routes = [
  { prefix: '+1', carriers: ['main', 'backup'] },
  { prefix: '+1201', carriers: ['backup'] },
  { prefix: '+44', carriers: ['last', 'main'] },
]

test('without routes every carrier takes everything, in file order', () => {
  expect(route({ to: '+4915112345678' }, { carriers })).toEqual(carriers)
})

test('the longest prefix wins, wherever it stands', () => {
  expect(route({ to: '+12015550123' }, { carriers, routes })).toEqual(['backup'])
  expect(route({ to: '+12125550123' }, { carriers, routes })).toEqual(['main', 'backup'])
  expect(route({ to: '+12015550123' }, { carriers, routes: routes.toReversed() })).toEqual(['backup'])
})

test('a number that no prefix fits has no route', () => {
  expect(route({ to: '+4915112345678' }, { carriers, routes })).toEqual([])
  expect(route({ to: '+4915112345678' }, { carriers, routes: [] })).toEqual([])
})

test('an empty prefix fits what nothing else does', () => {
  const all = [...routes, { prefix: '', carriers: ['last'] }]
  expect(route({ to: '+4915112345678' }, { carriers, routes: all })).toEqual(['last'])
})

test('a message that names a carrier goes there or nowhere', () => {
  expect(route({ to: '+4915112345678', carrier: 'backup' }, { carriers, routes })).toEqual(['backup'])
  expect(route({ to: '+12125550123', carrier: 'other' }, { carriers, routes })).toEqual([])
})

test('carriers that are down come last, in their order', () => {
  expect(route({ to: '+1' }, { carriers }, { main: 'down' })).toEqual(['backup', 'last', 'main'])
  expect(route({ to: '+1' }, { carriers }, { main: 'down', backup: 'down', last: 'down' })).toEqual(carriers)
})

const countryOf = (e164: string): string | undefined =>
  e164.startsWith('+1809') ? 'DO' : e164.startsWith('+1') ? 'US' : undefined

test('a country is more than its calling code, and less than a longer prefix', () => {
  const routes = [
    { prefix: '+1', carriers: ['main'] },
    { country: 'DO', carriers: ['backup'] },
    { prefix: '+180955', carriers: ['last'] },
  ]
  const ask = (to: string) => route({ to }, { carriers, routes }, {}, countryOf)
  expect(ask('+12125551212')).toEqual(['main'])
  expect(ask('+18092345678')).toEqual(['backup'])
  expect(ask('+18095512345')).toEqual(['last'])
})

test('of routes for the same numbers the one wins that names the script, then the one that names the sender', () => {
  const routes = [
    { prefix: '+1', carriers: ['main'] },
    { prefix: '+1', from: 'ACME', carriers: ['backup'] },
    { prefix: '+1', script: 'otp', carriers: ['last'] },
  ]
  const ask = (more: object) => route({ to: '+12125551212', ...more }, { carriers, routes })
  expect(ask({ script: 'sms' })).toEqual(['main'])
  expect(ask({ script: 'sms', from: 'ACME' })).toEqual(['backup'])
  expect(ask({ script: 'otp', from: 'ACME' })).toEqual(['last'])
})

test('weights share messages out, the same message always the same way', () => {
  const routes = [
    {
      prefix: '',
      carriers: [{ carrier: 'main', weight: 3 }, { carrier: 'backup', weight: 1 }, 'last'],
    },
  ]
  const ask = (id: string) => route({ to: '+12125551212', id }, { carriers, routes })
  const firsts = Array.from({ length: 4_000 }, (_, n) => ask(`msg_${n}`)[0])
  const share = firsts.filter(name => name === 'main').length / firsts.length
  expect(share).toBeGreaterThan(0.72)
  expect(share).toBeLessThan(0.78)
  expect(new Set(firsts)).toEqual(new Set(['main', 'backup']))
  expect(ask('msg_1')).toEqual(ask('msg_1'))
  expect(ask('msg_1').toSorted()).toEqual(carriers.toSorted())
  expect(ask('msg_1').at(-1)).toBe('last')
})

test('a route gives its sender to messages that have none', () => {
  const routes = [
    { prefix: '+1', carriers: ['main'], sender: '+12125550000' },
    { prefix: '+44', carriers: ['main'], sender: 'Patchcord' },
    { prefix: '', carriers: ['main'] },
  ]
  const router = createRouter({ carriers, routes })
  expect(router.sender({ to: '+12125551212' })).toBe('+12125550000')
  expect(router.sender({ to: '+447400123456' })).toBe('Patchcord')
  expect(router.sender({ to: '+4915112345678' })).toBeUndefined()
})
