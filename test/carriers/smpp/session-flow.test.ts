import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { fields, openSession, submit } from './open-session.ts'
import { startRawSmsc } from './raw-smsc.ts'

test('a peer that does not read makes it stop taking; it goes on when the peer does', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { window: 10_000 })
  await one.bound()
  const peer = smsc.peers[0]!
  peer.socket.pause()
  const payload = new Map([[0x0424, Buffer.alloc(60_000)]])
  const outcomes: Array<Promise<unknown>> = []
  await until(() => {
    const outcome = one.session.submit({ destinationAddr: '1' }, payload)
    if (outcome !== undefined) outcomes.push(outcome)
    return one.session.free() === 0 || undefined
  })
  expect(one.session.inFlight()).toBeLessThan(10_000)
  peer.socket.resume()
  await until(() => one.session.free() > 0 || undefined)
  expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => expect.objectContaining({ kind: 'answered' })))
})

test('a peer that never reads again is given up, though it still talks', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { window: 10_000, responseTimeoutMs: 50 })
  await one.bound()
  smsc.peers[0]!.socket.pause()
  const payload = new Map([[0x0424, Buffer.alloc(60_000)]])
  await until(() => {
    void one.session.submit({ destinationAddr: '1' }, payload)
    return one.session.free() === 0 || undefined
  })
  expect(await one.closed()).toEqual({ reason: 'the peer reads nothing' })
})

test('a peer that asks without end and reads nothing is given up', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { enquireTimeoutMs: 100 })
  await one.bound()
  const { socket } = smsc.peers[0]!
  socket.pause()
  const flood = Buffer.alloc(16 * 4_096)
  for (let at = 0; at < flood.length; at += 16) {
    flood.writeUInt32BE(16, at)
    flood.writeUInt32BE(0x15, at + 4)
    flood.writeUInt32BE(at / 16 + 1, at + 12)
  }
  const ask = () => {
    while (socket.write(flood));
  }
  socket.on('drain', ask)
  ask()
  expect(await one.closed()).toEqual({ reason: 'the peer reads nothing' })
  socket.off('drain', ask)
})

test('with too many deliveries that wait to be stored nothing more is read', async () => {
  const stored = Promise.withResolvers<void>()
  let taken = 0
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { openDeliveries: 3 }, () => {
    taken++
    return stored.promise
  })
  await one.bound()
  const peer = smsc.peers[0]!
  for (const sequence of [1, 2, 3]) peer.send('deliver_sm', sequence, { fields })
  await until(() => taken === 3 || undefined)
  peer.send('enquire_link', 4)
  // Another session's round trip: whatever was to be read has been read.
  const other = openSession(smsc.port)
  await other.bound()
  await submit(other)
  expect(peer.pdus.map(({ command }) => command)).toEqual(['bind_transceiver'])
  stored.resolve()
  await peer.saw('enquire_link_resp')
  expect(await peer.saw('deliver_sm_resp', 3)).toMatchObject([{ sequence: 1 }, { sequence: 2 }, { sequence: 3 }])
})

test('a delivery that could not be stored is to be repeated', async () => {
  const smsc = await startRawSmsc()
  await openSession(smsc.port, {}, () => Promise.reject(new Error('disk full'))).bound()
  smsc.peers[0]!.send('deliver_sm', 8, { fields })
  expect(await smsc.peers[0]!.saw('deliver_sm_resp')).toMatchObject([{ sequence: 8, status: 0x64 }])
})
