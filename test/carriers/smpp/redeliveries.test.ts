import { describe, expect, test } from 'vitest'

import type { Pdu, PduFields } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { createRedeliveries } from '../../../engine/carriers/smpp/redeliveries.ts'
import { until } from '../../helpers.ts'
import { openCarrier } from './open-carrier.ts'
import { fields, openSession } from './open-session.ts'
import { startRawSmsc } from './raw-smsc.ts'

function sms(text = 'hi', more: PduFields = {}): Pdu {
  const given = { sourceAddr: '12015550123', destinationAddr: '12345', shortMessage: Buffer.from(text), ...more }
  return { command: 'deliver_sm', status: 0, sequence: 1, fields: given, tlvs: new Map() }
}

describe('an SMS', () => {
  test('has an id of its own, also one with the same text as one that was acknowledged', () => {
    const { idOf } = createRedeliveries()
    expect(idOf(sms())).not.toBe(idOf(sms()))
  })

  test('that was not acknowledged has its id once more, and only once', () => {
    const { idOf, unanswered } = createRedeliveries()
    const first = sms()
    const id = idOf(first)
    unanswered(first)
    unanswered(first)
    expect(idOf(sms('hi', { dataCoding: 3 }))).not.toBe(id)
    expect(idOf(sms('ho'))).not.toBe(id)
    expect(idOf(sms())).toBe(id)
    expect(idOf(sms())).not.toBe(id)
  })

  test('that was twice the same keeps both ids', () => {
    const { idOf, unanswered } = createRedeliveries()
    const both = [sms(), sms()]
    const ids = both.map(idOf)
    both.forEach(unanswered)
    expect([idOf(sms()), idOf(sms())]).toEqual(ids)
  })

  test('is known for ten minutes, and the newest ten thousand are', () => {
    let now = 0
    const { idOf, unanswered } = createRedeliveries(() => now)
    const take = (text: string) => {
      const one = sms(text)
      const id = idOf(one)
      unanswered(one)
      return id
    }
    const old = take('old')
    now = 600_000
    expect(idOf(sms('old'))).not.toBe(old)
    const ids = Array.from({ length: 10_001 }, (_, place) => take(`text ${place}`))
    expect(idOf(sms('text 0'))).not.toBe(ids[0])
    expect(idOf(sms('text 1'))).toBe(ids[1])
    expect(idOf(sms('text 10000'))).toBe(ids[10_000])
  })
})

describe('over a bind', () => {
  const mo = { sourceAddr: '12015550123', destinationAddr: '12345', shortMessage: Buffer.from('STOP') }

  test('an SMS that could not be stored is the same when it comes again, one after it is another', async () => {
    let broken = true
    const inbound = async () => {
      if (broken) throw new Error('disk full')
    }
    const smsc = await startRawSmsc()
    const { told } = await openCarrier(smsc.port, {}, { inbound })
    const peer = smsc.peers[0]!
    peer.send('deliver_sm', 1, { fields: mo })
    await peer.saw('deliver_sm_resp')
    broken = false
    peer.send('deliver_sm', 2, { fields: mo })
    peer.send('deliver_sm', 3, { fields: mo })
    expect(await peer.saw('deliver_sm_resp', 3)).toMatchObject([{ status: 0x64 }, { status: 0 }, { status: 0 }])
    const [refused, again, other] = told.inbound.map(({ id }) => id)
    expect(again).toMatch(/^mo_/)
    expect([again === refused, other === refused]).toEqual([true, false])
  })

  test('an SMS whose session ends before it is stored is the same on the next one', async () => {
    const stored = Promise.withResolvers<void>()
    const smsc = await startRawSmsc()
    const { carrier, told } = await openCarrier(smsc.port, {}, { inbound: () => stored.promise })
    smsc.peers[0]!.send('deliver_sm', 1, { fields: mo })
    await until(() => told.inbound.length === 1 || undefined)
    smsc.peers[0]!.socket.destroy()
    await until(() => (smsc.peers.length === 2 && carrier.ready()) || undefined)
    smsc.peers[1]!.send('deliver_sm', 1, { fields: mo })
    await until(() => told.inbound.length === 2 || undefined)
    stored.resolve()
    await smsc.peers[1]!.saw('deliver_sm_resp')
    expect(told.inbound[1]!.id).toBe(told.inbound[0]!.id)
  })

  test('an answer that never left counts as none', async () => {
    const stored = Promise.withResolvers<void>()
    const smsc = await startRawSmsc()
    const one = openSession(smsc.port, { window: 10_000 }, () => stored.promise)
    await one.bound()
    const peer = smsc.peers[0]!
    peer.send('deliver_sm', 1, { fields })
    peer.socket.pause()
    const payload = new Map([[0x0424, Buffer.alloc(60_000)]])
    await until(() => {
      void one.session.submit({ destinationAddr: '1' }, payload)
      return one.session.free() === 0 || undefined
    })
    stored.resolve()
    await stored.promise
    expect(one.unanswered).toEqual([])
    peer.socket.resetAndDestroy()
    await one.closed()
    expect(one.unanswered).toMatchObject([{ command: 'deliver_sm', sequence: 1 }])
  })
})
