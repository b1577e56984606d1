// Messages that a network reports on part by part, and ids that it writes in two ways.

import { expect, test, vi } from 'vitest'

import type { SubmitResult } from '../../engine/carriers/carrier.ts'
import { createPlace, message, puppet } from './open-outbox.ts'

async function open(...ids: string[][]) {
  const place = await createPlace()
  const carrier = puppet('main')
  for (const carrierIds of ids) carrier.answers.push(async () => ({ accepted: true, carrierIds }))
  const opened = place.open({ carriers: [carrier] })
  await opened.outbox.start()
  return { place, carrier, ...opened }
}

test('a message is delivered when all of its parts are, in whatever order and however often they are reported', async () => {
  const { carrier, outbox, until } = await open(['a', 'b', 'c'])
  const asked = message({ text: 'x'.repeat(400) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  for (const part of ['c', 'c', 'a']) await carrier.report(part, 'delivered')
  expect(await outbox.get(asked.id)).toMatchObject({ state: 'sent' })
  await carrier.report('b', 'delivered')

  const done = await until(asked.id, 'delivered')
  expect(done.timeline.map(({ detail }) => detail)).toContain('2 of 3 parts delivered')
})

test('one part that does not arrive is the end of the message', async () => {
  const { carrier, outbox, until, changes } = await open(['a', 'b'])
  const asked = message({ text: 'x'.repeat(200) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await carrier.report('a', 'undelivered', 'absent')
  await carrier.report('b', 'delivered')
  expect(await until(asked.id, 'undelivered')).toMatchObject({ error: 'absent' })
  expect(changes).toHaveLength(1)
})

test('a part whose report is faster than the answer to the submit is not forgotten', async () => {
  const { carrier, outbox, until } = await open()
  const answer = Promise.withResolvers<{ accepted: true; carrierIds: string[] }>()
  carrier.answers.push(() => answer.promise)
  const asked = message({ text: 'x'.repeat(200) })
  await outbox.accept(asked)
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  const reports = [carrier.report('b', 'delivered'), carrier.report('a', 'delivered')]
  answer.resolve({ accepted: true, carrierIds: ['a', 'b'] })
  await Promise.all(reports)
  await until(asked.id, 'delivered')
})

test('reports on all parts that come at once all count', async () => {
  const ids = Array.from({ length: 24 }, (_, n) => `part ${n}`)
  const { carrier, outbox, until } = await open(ids)
  const asked = message({ text: 'ж'.repeat(1600) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')

  await Promise.all([...ids, ...ids].map(id => carrier.report(id, 'delivered')))

  const done = await until(asked.id, 'delivered')
  expect(done.timeline.map(({ detail }) => detail)).toContain('23 of 24 parts delivered')
})

test('an id that is given out again leads to the message that got it last, also after a restart', async () => {
  const { place, carrier, outbox, until, close } = await open(['7'], ['7', '8'], ['8'])
  const [first, second, third] = [message(), message({ text: 'x'.repeat(200) }), message()]
  await outbox.accept(first)
  await until(first.id, 'sent')
  await carrier.report('7', 'delivered')
  for (const asked of [second, third]) {
    place.clock.advance(1_000)
    await outbox.accept(asked)
    await until(asked.id, 'sent')
  }
  await close()

  const again = puppet('main')
  const opened = place.open({ carriers: [again] })
  await opened.outbox.start()
  await again.report('7', 'delivered')
  await again.report('8', 'delivered')

  await opened.until(third.id, 'delivered')
  const { state, timeline } = (await opened.outbox.get(second.id))!
  expect([state, timeline.at(-1)!.detail]).toEqual(['sent', '1 of 2 parts delivered'])
})

test('parts are counted across a restart', async () => {
  const { place, carrier, outbox, until, close } = await open(['a', 'b'])
  const asked = message({ text: 'x'.repeat(200) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await carrier.report('a', 'delivered')
  await close()
  const again = puppet('main')
  const second = place.open({ carriers: [again] })
  await second.outbox.start()
  await again.report('b', 'delivered')
  await second.until(asked.id, 'delivered')
})

test('of two ways to read an id the one counts whose message went to that number', async () => {
  // 0x16 is 22: a network that answers in hex and reports in decimal says 22 for the second one.
  const { carrier, outbox, until } = await open(['22'], ['16'])
  const [first, second] = [message({ to: '+12015550101' }), message({ to: '+12015550202' })]
  for (const asked of [first, second]) {
    await outbox.accept(asked)
    await until(asked.id, 'sent')
  }
  await carrier.report('22', 'delivered', undefined, { carrierIds: ['22', '16'], to: '2015550202' })
  await until(second.id, 'delivered')
  expect(await outbox.get(first.id)).toMatchObject({ state: 'sent' })
  await carrier.report('22', 'delivered', undefined, { carrierIds: ['34', '22'], to: '12015550101' })
  await until(first.id, 'delivered')
})

test('reports that cross the answers to their submits are not lost', async () => {
  const { carrier, outbox, until } = await open()
  const asked = Array.from({ length: 300 }, () => message())
  // The report comes in the same breath as the answer.
  const reports: Array<Promise<void>> = []
  carrier.answers.push(
    ...asked.map(() => async ({ id }: { id: string }) => {
      reports.push(carrier.report(`x-${id}`, 'delivered'))
      return { accepted: true, carrierIds: [`x-${id}`] } as const
    }),
  )
  await Promise.all(asked.map(one => outbox.accept(one)))
  for (const { id } of asked) await until(id, 'delivered')
  await Promise.all(reports)
})

test('a network that gives all parts one id reports on them as one', async () => {
  const { carrier, outbox, until } = await open(['same', 'same', 'same'])
  const asked = message({ text: 'x'.repeat(400) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await carrier.report('same', 'delivered')
  await until(asked.id, 'delivered')
})

test('a report that comes again is not taken for one on another message', async () => {
  const { carrier, outbox, until } = await open(['10'], ['16'])
  const [first, second] = [message(), message()]
  for (const asked of [first, second]) {
    await outbox.accept(asked)
    await until(asked.id, 'sent')
  }
  for (let n = 0; n < 2; n++) await carrier.report('10', 'delivered', undefined, { carrierIds: ['10', '16'] })
  await until(first.id, 'delivered')
  expect(await outbox.get(second.id)).toMatchObject({ state: 'sent' })
})

test('a report that nobody knows waits for the submits that were under way, and not for later ones', async () => {
  const { carrier, outbox } = await open()
  const [first, second] = [Promise.withResolvers<SubmitResult>(), Promise.withResolvers<SubmitResult>()]
  carrier.answers.push(
    () => first.promise,
    () => second.promise,
  )
  await outbox.accept(message())
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  const told = { done: false }
  const report = carrier.report('unknown', 'delivered').then(() => (told.done = true))
  await outbox.accept(message())
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(2))
  expect(told.done).toBe(false)
  first.resolve({ accepted: true, carrierIds: ['a'] })
  await report
  second.resolve({ accepted: true, carrierIds: ['b'] })
})

test('at the stop a report that waits is given back to its network', async () => {
  const { carrier, outbox, close } = await open()
  carrier.answers.push(() => new Promise(() => {}))
  await outbox.accept(message())
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  const report = carrier.report('unknown', 'delivered')
  const refused = expect(report).rejects.toMatchObject({ code: 'overloaded' })
  await close()
  await refused
})

test('of too many reports that wait the newest are given back', async () => {
  const { carrier, outbox } = await open()
  const answer = Promise.withResolvers<SubmitResult>()
  carrier.answers.push(() => answer.promise)
  await outbox.accept(message())
  await vi.waitFor(() => expect(carrier.submissions).toHaveLength(1))
  const reports = Array.from({ length: 501 }, (_, n) =>
    carrier.report(`unknown-${n}`, 'delivered').then(
      () => 'taken',
      () => 'given back',
    ),
  )
  await Promise.race(reports)
  answer.resolve({ accepted: true, carrierIds: ['a'] })
  const ends = await Promise.all(reports)
  expect(ends.filter(end => end === 'given back')).toHaveLength(1)
})

test('an id that looks like a path leads to its message, also after a restart', async () => {
  const { place, outbox, until, close } = await open(['a:b', 'a:c'])
  const asked = message({ text: 'x'.repeat(200) })
  await outbox.accept(asked)
  await until(asked.id, 'sent')
  await close()

  const again = puppet('main')
  const opened = place.open({ carriers: [again] })
  await opened.outbox.start()
  for (const id of ['a:b', 'a:c']) await again.report(id, 'delivered')
  await opened.until(asked.id, 'delivered')
})
