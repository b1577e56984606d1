import { expect, test } from 'vitest'

import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { createSequence, lastSequence } from '../../../engine/carriers/smpp/session/sequence.ts'
import { until } from '../../helpers.ts'
import { newCertificate } from './certificate.ts'
import { fields, noTlvs, openSession, submit } from './open-session.ts'
import { startRawSmsc } from './raw-smsc.ts'

test('binds with what it was given', async () => {
  const smsc = await startRawSmsc()
  const { bound, session } = openSession(smsc.port)
  await bound()
  const [bind] = await smsc.peers[0]!.saw('bind_transceiver')
  expect(bind?.fields).toMatchObject({
    systemId: 'user',
    password: 'secret',
    systemType: 'VMA',
    interfaceVersion: 0x34,
  })
  expect(session.free()).toBe(10)
})

test('answers reach their submits in whatever order they come', async () => {
  const held: Pdu[] = []
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' && held.push(pdu) > 0 })
  const one = openSession(smsc.port)
  await one.bound()
  const outcomes = [submit(one), submit(one), submit(one)]
  await until(() => held.length === 3 || undefined)
  for (const { sequence } of held.toReversed()) {
    smsc.peers[0]!.send('submit_sm_resp', sequence, { fields: { messageId: `for ${sequence}` } })
  }
  const ids = (await Promise.all(outcomes)).map(outcome => outcome.kind === 'answered' && outcome.pdu.fields.messageId)
  expect(ids).toEqual(held.map(({ sequence }) => `for ${sequence}`))
})

test('a full window takes nothing more until an answer comes', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port, { window: 2 })
  await one.bound()
  void submit(one)
  void submit(one)
  expect(one.session.submit(fields, noTlvs)).toBeUndefined()
  expect([one.session.free(), one.session.inFlight(), one.rooms()]).toEqual([0, 2, 0])
  const [first] = await smsc.peers[0]!.saw('submit_sm')
  smsc.peers[0]!.send('submit_sm_resp', first!.sequence)
  await until(() => one.rooms() === 1 || undefined)
  expect(one.session.free()).toBe(1)
})

test('sequence numbers begin anew after the last', async () => {
  const smsc = await startRawSmsc({
    on: ({ command, sequence }) => command === 'submit_sm' && sequence === 1,
  })
  // The bind has the last but one, so the first submit has the last.
  const one = openSession(smsc.port, { sequenceStart: lastSequence - 2 })
  await one.bound()
  void submit(one)
  void submit(one)
  void submit(one)
  const sent = await smsc.peers[0]!.saw('submit_sm', 3)
  expect(sent.map(({ sequence }) => sequence)).toEqual([lastSequence, 1, 2])
})

test('a number that still waits for its answer is not given again', () => {
  const next = createSequence(sequence => sequence === 1 || sequence === 2, lastSequence - 1)
  expect([next(), next(), next()]).toEqual([lastSequence, 3, 4])
})

test('a silence is asked about, and an answer keeps the session', async () => {
  const smsc = await startRawSmsc()
  const one = openSession(smsc.port, { enquireLinkMs: 10 })
  await (await smsc.peer()).saw('enquire_link', 3)
  expect(one.session.state()).toBe('bound')
})

test('the peer’s enquire_link is answered with its own number', async () => {
  const smsc = await startRawSmsc()
  await openSession(smsc.port).bound()
  smsc.peers[0]!.send('enquire_link', 4711)
  expect(await smsc.peers[0]!.saw('enquire_link_resp')).toMatchObject([{ sequence: 4711, status: 0 }])
})

test('after the peer’s unbind, answers that are under way are still taken', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port, { unbindTimeoutMs: 5_000 })
  await one.bound()
  const outcome = submit(one)
  const peer = smsc.peers[0]!
  const [sent] = await peer.saw('submit_sm')
  peer.send('unbind', 5)
  await peer.saw('unbind_resp')
  peer.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  expect((await outcome).kind).toBe('answered')
  expect(await one.closed()).toEqual({ reason: 'unbound by the peer' })
})

test('an unbind lets open submits end first', async () => {
  const smsc = await startRawSmsc({ on: pdu => pdu.command === 'submit_sm' })
  const one = openSession(smsc.port)
  await one.bound()
  const outcome = submit(one)
  const ended = one.session.unbind(10_000)
  expect(one.session.free()).toBe(0)
  const peer = smsc.peers[0]!
  const [sent] = await peer.saw('submit_sm')
  expect(peer.pdus.some(({ command }) => command === 'unbind')).toBe(false)
  peer.send('submit_sm_resp', sent!.sequence, { fields: { messageId: 'a' } })
  expect((await outcome).kind).toBe('answered')
  await ended
  expect(await one.closed()).toEqual({ reason: 'unbound' })
})

test('over TLS the certificate is verified against the CA that was given', async () => {
  const { key, cert } = await newCertificate('smsc.example')
  const ca = cert
  const smsc = await startRawSmsc({ tls: { key, cert } })

  const trusted = openSession(smsc.port, { tls: { ca, servername: 'smsc.example' } })
  await trusted.bound()
  expect((await submit(trusted)).kind).toBe('answered')

  const unknownCa = openSession(smsc.port, { tls: { servername: 'smsc.example' } })
  expect((await unknownCa.closed()).reason).toBe('connection lost: DEPTH_ZERO_SELF_SIGNED_CERT')
  const otherName = openSession(smsc.port, { tls: { ca } })
  expect((await otherName.closed()).reason).toBe('connection lost: ERR_TLS_CERT_ALTNAME_INVALID')
  // Only the trusted one ever said its password.
  expect(smsc.peers.flatMap(({ pdus }) => pdus).filter(({ command }) => command === 'bind_transceiver')).toHaveLength(1)
})
