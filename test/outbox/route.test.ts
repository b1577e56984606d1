import { expect, test } from 'vitest'

import { StartError } from '../../engine/errors.ts'
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

test('a route to a carrier that does not exist stops the start', () => {
  const wrong = [{ prefix: '+1', carriers: ['main', 'mian'] }]
  expect(() => createRouter({ carriers, routes: wrong })).toThrow(StartError)
  expect(() => createRouter({ carriers, routes: wrong })).toThrow('routes.0.carriers: there is no carrier "mian"')
})
