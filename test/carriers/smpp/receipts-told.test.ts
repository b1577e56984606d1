// Receipts on their way to their messages: the carrier and the outbox together.

import { expect, test, vi } from 'vitest'

import { createPlace, message } from '../../outbox/open-outbox.ts'
import { createCarrier } from './open-carrier.ts'
import { startRawSmsc, type RawPeer } from './raw-smsc.ts'

/** A centre that gives each message the next of the ids, and has taken one for each. */
async function sent(ids: string[]) {
  const place = await createPlace()
  const left = [...ids]
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (pdu.command !== 'submit_sm') return false
      peer.send('submit_sm_resp', pdu.sequence, { fields: { messageId: left.shift()! } })
      return true
    },
  })
  const { outbox, until } = await open(smsc.port, place)
  const asked = ids.map((_, n) => message({ to: `+1201555012${n}`, from: '+15005550006' }))
  for (const one of asked) {
    await outbox.accept(one)
    await until(one.id, 'sent')
  }
  return {
    async receipt(sequence: number, given: Receipt) {
      receipt(smsc.peers[0]!, sequence, given)
      await smsc.peers[0]!.saw('deliver_sm_resp', sequence)
    },
    states: () => Promise.all(asked.map(async ({ id }) => (await outbox.get(id))!.state)),
  }
}

async function open(port: number, place: Awaited<ReturnType<typeof createPlace>>, settings: object = {}) {
  const url = `smpp://user:secret@127.0.0.1:${port}`
  const carrier = createCarrier({ url, drainTimeoutMs: 20, ...settings }, place.clock)
  const opened = place.open({ carriers: [carrier] })
  await opened.outbox.start()
  await vi.waitFor(() => expect(carrier.ready()).toBe(true))
  return opened
}

interface Receipt {
  id: string
  from: string
  to: string
  /** In a parameter of its own. */
  named?: string
}

function receipt(peer: RawPeer, sequence: number, { id, from, to, named }: Receipt) {
  const shortMessage = Buffer.from(`id:${id} stat:DELIVRD err:000`)
  const tlvs = new Map(named === undefined ? [] : [[0x001e, Buffer.from(`${named}\0`)]])
  peer.send('deliver_sm', sequence, {
    fields: { esmClass: 4, sourceAddr: from, destinationAddr: to, shortMessage },
    tlvs,
  })
}

test.each([
  ['from the phone', '12015550120', '15005550006'],
  ['as the submit had them', '15005550006', '12015550120'],
  ['from the phone, as it is called at home', '2015550120', 'Shop'],
  ['that say nothing', '', '12345'],
])('a receipt finds its message with addresses %s', async (_, from, to) => {
  // Answered in hexadecimal, reported in decimal.
  const { receipt, states } = await sent(['1267'])
  await receipt(1, { id: '4711', from, to })
  expect(await states()).toEqual(['delivered'])
})

test('a receipt on a message of nobody is none on another one, whatever way its id is read', async () => {
  const { receipt, states } = await sent(['100000'])
  const stranger = { from: '12015559999', to: '15005550006' }
  await receipt(1, { id: '1048576', named: '1048576', ...stranger })
  await receipt(2, { id: '1048576', ...stranger })
  await receipt(3, { id: '100000', ...stranger })
  expect(await states()).toEqual(['sent'])
})

test('an id that has a parameter of its own needs no number, but yields to one that has', async () => {
  const { receipt, states } = await sent(['26', '1a'])
  // 0x1a is 26: the number says that the second one is meant.
  await receipt(1, { id: '26', named: '26', from: '12015550121', to: '15005550006' })
  expect(await states()).toEqual(['sent', 'delivered'])
  await receipt(2, { id: '26', named: '26', from: '15005550006', to: 'Shop' })
  expect(await states()).toEqual(['delivered', 'delivered'])
})

test('receipts that wait for the answers to their submits do not keep those from being read', async () => {
  const place = await createPlace()
  const answers: Array<() => void> = []
  const count = 6
  const smsc = await startRawSmsc({
    on(pdu, peer) {
      if (pdu.command !== 'submit_sm') return false
      const id = `x${answers.length}`
      receipt(peer, 1_000 + answers.length, { id, from: pdu.fields.destinationAddr!, to: 'Shop' })
      answers.push(() => peer.send('submit_sm_resp', pdu.sequence, { fields: { messageId: id } }))
      // Only when all receipts were written.
      if (answers.length === count) for (const answer of answers) answer()
      return true
    },
  })
  const { outbox, until } = await open(smsc.port, place, { openDeliveries: 2, window: count })
  const asked = Array.from({ length: count }, () => message())
  for (const one of asked) await outbox.accept(one)

  for (const { id } of asked) {
    const { timeline } = await until(id, 'delivered')
    expect(timeline.map(({ state }) => state)).toEqual(['queued', 'sent', 'delivered'])
  }
})
