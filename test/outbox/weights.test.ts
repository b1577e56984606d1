// A message draws the order of its carriers once, by its id.

import { expect, test } from 'vitest'

import { route } from '../../engine/outbox/route.ts'
import { createPlace, message, puppet } from './open-outbox.ts'

const names = ['small', 'middle', 'large']
const routes = [{ carriers: names.map((carrier, place) => ({ carrier, weight: place + 1 })) }]

test('where one carrier after the other will not take it, a message asks them in the order of its draw', async () => {
  const place = await createPlace()
  const carriers = names.map(name => puppet(name))
  const { outbox, until } = place.open({ carriers, routes })
  await outbox.start()
  const asked: string[] = []
  for (const { name, answers } of carriers) {
    const refuse = async () => {
      asked.push(name)
      return { accepted: false, verdict: 'elsewhere', error: 'not here' } as const
    }
    answers.push(...Array.from({ length: 30 }, () => refuse))
  }
  // All to one number: nothing but the id tells their draws apart.
  for (let n = 0; n < 30; n++) {
    const { id, to } = message()
    await outbox.accept(message({ id, to }))
    await until(id, 'failed')
    expect(asked.splice(0)).toEqual(route({ id, to }, { carriers: names, routes }))
  }
})

test('a message that waits for a carrier which is down moves to the next one of its draw', async () => {
  const place = await createPlace()
  const carriers = names.map(name => puppet(name))
  for (const carrier of carriers) carrier.setReady(false)
  const { outbox, until } = place.open({ carriers, routes })
  await outbox.start()
  // By their number they would all draw the smallest first, and the others after it.
  const numbers = Array.from({ length: 100 }, (_, n) => `+12015550${100 + n}`)
  const to = numbers.find(number => route({ to: number }, { carriers: names, routes })[0] === 'small')!
  const messages = Array.from({ length: 30 }, () => message({ to }))
  for (const asked of messages) await outbox.accept(asked)
  for (const carrier of carriers) carrier.setReady(carrier.name !== 'large')
  place.clock.advance(6_000)
  for (const { id } of messages) {
    const drawn = route({ id, to }, { carriers: names, routes })
    expect((await until(id, 'sent')).carrier).toBe(drawn.find(name => name !== 'large'))
  }
})
