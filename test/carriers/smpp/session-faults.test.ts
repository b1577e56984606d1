import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { fields, noTlvs, openSession, submit } from './open-session.ts'
import { startRawSmsc } from './raw-smsc.ts'

function frameOf(command: number, status: number, sequence: number, body = '') {
  const frame = Buffer.alloc(16 + body.length)
  for (const [place, value] of [frame.length, command, status, sequence].entries()) {
    frame.writeUInt32BE(value, place * 4)
  }
  frame.write(body, 16, 'latin1')
  return frame
}

test('a command that nobody knows, or that is not for us, is answered by generic_nack', async () => {
  const smsc = await startRawSmsc()
  await openSession(smsc.port).bound()
  smsc.peers[0]!.socket.write(frameOf(0x0000_0999, 0, 77))
  smsc.peers[0]!.send('submit_sm', 78, { fields })
  const nacks = await smsc.peers[0]!.saw('generic_nack', 2)
  expect(nacks.map(({ sequence, status }) => [sequence, status])).toEqual([
    [77, 0x03],
    [78, 0x03],
  ])
})

test('a deliver_sm that cannot be read is refused with its own answer', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port)
  await one.bound()
  smsc.peers[0]!.socket.write(frameOf(0x0000_0005, 0, 9, 'abc'))
  const [refused] = await smsc.peers[0]!.saw('deliver_sm_resp')
  expect(refused).toMatchObject({ sequence: 9 })
  expect(refused?.status).not.toBe(0)
  expect(one.session.state()).toBe('bound')
})

test('an answer that cannot be read makes its submit uncertain, unless it refuses it', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port)
  await one.bound()
  const outcomes = [submit(one), submit(one)]
  const sent = await smsc.peers[0]!.saw('submit_sm', 2)
  // A parameter that is longer than what is left.
  for (const [place, status] of [0, 0x0b].entries()) {
    smsc.peers[0]!.socket.write(frameOf(0x8000_0004, status, sent[place]!.sequence, 'ab\0\x04\x24\x00\x09abc'))
  }
  expect(await Promise.all(outcomes)).toMatchObject([
    { kind: 'lost', reason: 'an answer that cannot be read', connectionLost: false },
    { kind: 'answered', pdu: { status: 0x0b } },
  ])
})

test.each([
  ['2 GB', 0x8000_0000],
  ['two octets', 2],
  ['nothing', 0],
  ['an HTTP answer', 0x4854_5450],
])('a PDU with the length of %s ends the session', async (_, length) => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port)
  await one.bound()
  const outcome = submit(one)
  const peer = smsc.peers[0]!
  await peer.saw('submit_sm')
  const header = Buffer.alloc(16)
  header.writeUInt32BE(length)
  peer.socket.write(header)
  expect(await one.closed()).toEqual({ reason: 'a PDU of impossible length' })
  expect(await peer.saw('generic_nack')).toMatchObject([{ status: 0x02, sequence: 0 }])
  expect(await outcome).toEqual({ kind: 'lost', reason: 'a PDU of impossible length', connectionLost: true })
})

test('a PDU that never ends ends the session', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { partialPduMs: 20 })
  await one.bound()
  smsc.peers[0]!.socket.write(Buffer.from([0, 0, 0, 32, 0]))
  expect(await one.closed()).toEqual({ reason: 'a PDU that never ends' })
})

test('a submit without an answer is uncertain when its time is over; the answer that comes later is counted', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port, { responseTimeoutMs: 20 })
  await one.bound()
  const outcomes = await Promise.all([submit(one), submit(one)])
  const given = { kind: 'lost', reason: 'no answer in time', connectionLost: false }
  expect(outcomes).toEqual([given, given])
  expect([one.session.inFlight(), one.session.state()]).toEqual([0, 'bound'])
  const [sent] = await smsc.peers[0]!.saw('submit_sm')
  smsc.peers[0]!.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  await until(() => one.session.late() === 1 || undefined)
})

test('when the connection breaks, what was handed over is uncertain', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port)
  await one.bound()
  const outcomes = Array.from({ length: 10 }, () => submit(one))
  await smsc.peers[0]!.saw('submit_sm', 10)
  smsc.peers[0]!.socket.resetAndDestroy()
  const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind)
  expect(kinds).toEqual(Array.from({ length: 10 }, () => 'lost'))
  expect((await one.closed()).reason).toMatch(/^connection lost: /)
  expect(one.session.submit(fields, noTlvs)).toBeUndefined()
})

test('what was never handed to the socket comes back as unsent, and never arrives', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port, { window: 1 })
  await one.bound()
  const first = submit(one)
  const peer = smsc.peers[0]!
  const [sent] = await peer.saw('submit_sm')
  // The answer makes room, the next submit waits for the end of the tick, and the unbind comes before that.
  const second = Promise.withResolvers<unknown>()
  one.hooks.room = () => second.resolve(submit(one))
  peer.socket.cork()
  peer.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  peer.send('unbind', 5)
  peer.socket.uncork()
  expect((await first).kind).toBe('answered')
  expect(await second.promise).toMatchObject({ kind: 'unsent' })
  expect(await one.closed()).toEqual({ reason: 'unbound by the peer' })
  expect(await peer.saw('unbind_resp')).toMatchObject([{ sequence: 5, status: 0 }])
  expect(peer.pdus.filter(({ command }) => command === 'submit_sm')).toHaveLength(1)
})

test('no answer to enquire_link ends the session', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'enquire_link' })
  const one = openSession(smsc.port, { enquireLinkMs: 10, enquireTimeoutMs: 10 })
  expect(await one.closed()).toEqual({ reason: 'no answer to enquire_link' })
})

test('nobody answers the bind, or the connection', async () => {
  const smsc = await startRawSmsc({ on: () => true })
  expect(await openSession(smsc.port, { bindTimeoutMs: 10 }).closed()).toEqual({ reason: 'no answer to the bind' })
  // A TLS handshake with a peer that says nothing does not end by itself.
  const deaf = await startRawSmsc({ deaf: true })
  const silent = openSession(deaf.port, { connectTimeoutMs: 10, tls: {} })
  expect(await silent.closed()).toEqual({ reason: 'no connection in time' })
})

test('a refused bind tells the status', async () => {
  const smsc = await startRawSmsc({
    on: ({ sequence }, peer) => {
      peer.send('bind_transceiver_resp', sequence, { status: 0x0e })
      return true
    },
  })
  expect(await openSession(smsc.port).closed()).toEqual({ reason: 'bind refused', refused: 0x0e })
})

test('an unbind does not wait for ever', async () => {
  const smsc = await startRawSmsc({ on: pdu => ['submit_sm', 'unbind'].includes(pdu.command) })
  const one = openSession(smsc.port, { unbindTimeoutMs: 10 })
  await one.bound()
  const outcome = submit(one)
  await one.session.unbind(10)
  expect(await outcome).toEqual({ kind: 'lost', reason: 'no answer to unbind', connectionLost: true })
})
