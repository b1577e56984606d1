// A network that throttles while messages of several parts are under way: its
// carrier pauses at once, and what has begun goes on after the pause.

import { setTimeout as wait } from 'node:timers/promises'

import { expect, test, vi } from 'vitest'

import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { createPlace, message } from '../../outbox/open-outbox.ts'
import { createCarrier } from './open-carrier.ts'
import { startRawSmsc, type RawPeer } from './raw-smsc.ts'

interface Submit {
  to: string
  /** Of a longer text; undefined when it is whole. */
  part: number | undefined
  take(): void
  throttle(): void
}

/** An outbox with one carrier over a message centre that answers submits as `judge` says; without it, it takes them. */
async function open(judge: (submit: Submit) => void, settings: Record<string, unknown> = {}) {
  const place = await createPlace()
  const submits: Submit[] = []
  const smsc = await startRawSmsc({
    on(pdu: Pdu, peer: RawPeer) {
      if (pdu.command !== 'submit_sm') return false
      const { esmClass, shortMessage, destinationAddr } = pdu.fields
      const submit = {
        to: destinationAddr!,
        part: (esmClass! & 0x40) === 0 ? undefined : shortMessage![5],
        take: () => peer.send('submit_sm_resp', pdu.sequence, { fields: { messageId: `id${pdu.sequence}` } }),
        throttle: () => peer.send('submit_sm_resp', pdu.sequence, { status: 0x58 }),
      }
      submits.push(submit)
      judge(submit)
      return true
    },
  })
  const url = `smpp://user:secret@127.0.0.1:${smsc.port}`
  const carrier = createCarrier({ url, drainTimeoutMs: 20, ...settings }, place.clock)
  const { outbox, until, close } = place.open({ carriers: [carrier] })
  await outbox.start()
  await vi.waitFor(() => expect(carrier.ready()).toBe(true))
  const view = async () => (await outbox.carriers())[0]!
  return {
    submits,
    parts: () => submits.map(({ part }) => part),
    clock: place.clock,
    outbox,
    until,
    close,
    view,
    paused: () => vi.waitFor(async () => expect(await view()).toMatchObject({ state: 'paused' })),
  }
}

const ofParts = (count: number) => 'x'.repeat(153 * count)

test('the first part that is throttled pauses the carrier, and no other part is tried', async () => {
  const { outbox, submits, parts, paused, view } = await open(
    submit => (submits.length === 1 ? submit.take() : submit.throttle()),
    { window: 1 },
  )
  await outbox.accept(message({ text: ofParts(8) }))
  for (let n = 1; n <= 5; n++) await outbox.accept(message({ to: `+1201555010${n}` }))
  await paused()
  await wait(200)
  expect(parts()).toEqual([1, 2])
  expect((await view()).lastErrors).toMatchObject([{ error: '0x58 ESME_RTHROTTLED' }])
})

test('while the carrier pauses, parts of messages that were not throttled wait too', async () => {
  const held: Submit[] = []
  const { outbox, submits, paused, until, clock } = await open(submit => void held.push(submit), { window: 2 })
  const [long, code] = [message({ to: '+12015550100', text: ofParts(4), priority: 'bulk' }), message()]
  await outbox.accept(long)
  await vi.waitFor(() => expect(held).toHaveLength(2))
  await outbox.accept(code)
  held.shift()!.take()
  await vi.waitFor(() => expect(held).toHaveLength(2))
  expect(held[1]).toMatchObject({ to: '12015550123' })
  held.pop()!.throttle()
  await paused()
  held.pop()!.take()
  await wait(200)
  expect(submits).toHaveLength(3)

  const serving = setInterval(() => held.shift()?.take(), 5)
  clock.advance(1_000)
  expect((await until(long.id, 'sent')).attempts).toBe(1)
  await until(code.id, 'sent')
  clearInterval(serving)
})

test('a message that was taken in part goes on after each pause with what is missing; pauses double until a part is taken', async () => {
  // How many parts are taken before the next is throttled.
  const taken = [1, 1, 0, 0, 1, 0]
  const pauses: number[] = []
  const { outbox, parts, until, clock, view, paused } = await open(
    submit => {
      if (taken.length > 0 && taken[0]!-- === 0) {
        taken.shift()
        submit.throttle()
      } else submit.take()
    },
    { window: 1 },
  )
  const asked = message({ text: ofParts(5) })
  await outbox.accept(asked)
  for (let left = taken.length - 1; left >= 0; left--) {
    await vi.waitFor(() => expect(taken).toHaveLength(left))
    await paused()
    pauses.push((await view()).pausedUntil! - clock())
    clock.advance(pauses.at(-1)!)
  }
  const sent = await until(asked.id, 'sent')
  expect(pauses).toEqual([1_000, 1_000, 2_000, 4_000, 1_000, 2_000])
  expect(parts()).toEqual([1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5])
  expect(sent.timeline.map(({ state }) => state)).toEqual(['queued', 'sent'])
})

test('a network that throttles a part of every long message is asked more slowly', async () => {
  const refused = new Set<string>()
  const { outbox, submits, paused, view } = await open(submit => {
    if (submit.part !== 2 || refused.has(submit.to)) return submit.take()
    refused.add(submit.to)
    submit.throttle()
  })
  for (let n = 10; n < 50; n++) await outbox.accept(message({ to: `+120155501${n}`, text: ofParts(2) }))
  await paused()
  await wait(200)
  expect(submits.length).toBeLessThanOrEqual(10)
  expect((await view()).lastErrors).toHaveLength(1)
})

test('of what waits inside the carrier when a pause begins, a message that has not begun goes back to the line', async () => {
  const held: Submit[] = []
  const { outbox, submits, until, paused, view, clock } = await open(submit => void held.push(submit), { window: 2 })
  const [first, second] = [message({ text: ofParts(2), priority: 'bulk' }), message({ to: '+12015550102' })]
  await outbox.accept(first)
  await vi.waitFor(() => expect(held).toHaveLength(2))
  // A code is taken although the window is full.
  await outbox.accept(second)
  await vi.waitFor(async () => expect(await view()).toMatchObject({ submitted: 2 }))
  held.shift()!.throttle()
  await paused()
  held.shift()!.throttle()
  await vi.waitFor(async () => expect(await view()).toMatchObject({ refused: 2 }))
  expect((await outbox.get(second.id))!.timeline.at(-1)).toMatchObject({ detail: 'not sent: the network throttles' })
  expect(submits).toHaveLength(2)

  const serving = setInterval(() => held.shift()?.take(), 5)
  clock.advance(1_000)
  for (const { id } of [first, second]) await until(id, 'sent')
  clearInterval(serving)
})

test('a message whose time ends in a pause is uncertain then, and none of its parts is sent any more', async () => {
  const { outbox, parts, paused, until, clock } = await open(submit =>
    submit.part === 2 ? submit.throttle() : submit.take(),
  )
  const asked = message({ text: ofParts(2), validForMs: 500, onUncertain: 'fail' })
  await outbox.accept(asked)
  await paused()
  clock.advance(600)
  const failed = await until(asked.id, 'failed')
  expect(failed.error).toBe('1 of 2 parts were taken, then 0x58 ESME_RTHROTTLED')
  expect(parts()).toEqual([1, 2])
})

test('a stop does not wait for the end of a pause', async () => {
  const { outbox, paused, parts, close } = await open(
    submit => (submit.part === 2 ? submit.throttle() : submit.take()),
    { drainTimeoutMs: 10_000 },
  )
  await outbox.accept(message({ text: ofParts(2) }))
  await paused()
  const began = performance.now()
  await close()
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(parts()).toEqual([1, 2])
})
