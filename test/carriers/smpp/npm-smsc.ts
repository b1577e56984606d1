// A message centre on the npm package `smpp`: a peer that we did not write.

import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Server } from 'node:net'

import { onTestFinished } from 'vitest'

export interface NpmPdu extends Record<string, unknown> {
  command: string
  command_status: number
  sequence_number: number
  response(fields?: object): NpmPdu
}

export interface NpmSession {
  on(event: string, listener: (pdu: NpmPdu) => void): void
  send(pdu: NpmPdu): boolean
  deliver_sm(fields: object, answered?: (pdu: NpmPdu) => void): boolean
  destroy(): void
}

const smpp = createRequire(import.meta.url)('smpp') as {
  createServer(listener: (session: NpmSession) => void): Server
}

export interface NpmSmsc {
  port: number
  sessions: NpmSession[]
  binds: NpmPdu[]
  submits: NpmPdu[]
  /** How many are bound now, and were at most. */
  bound: { now: number; most: number }
  /** Nobody listens any more, and all connections are cut. */
  close(): Promise<void>
  /** On the same port again. */
  open(): Promise<void>
}

/** `submit` answers each submit_sm; the first one gets `message_id` m1. */
export async function startNpmSmsc(
  submit: (pdu: NpmPdu, session: NpmSession, count: number) => void = (pdu, session, count) =>
    void session.send(pdu.response({ message_id: `m${count}` })),
): Promise<NpmSmsc> {
  const smsc: NpmSmsc = { port: 0, sessions: [], binds: [], submits: [], bound: { now: 0, most: 0 }, close, open }
  const server = smpp.createServer(session => {
    smsc.sessions.push(session)
    let isBound = false
    const unbound = (): void => {
      if (isBound) smsc.bound.now--
      isBound = false
    }
    session.on('error', () => undefined)
    session.on('close', unbound)
    for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
      session.on(command, pdu => {
        smsc.binds.push(pdu)
        isBound = true
        smsc.bound.now++
        smsc.bound.most = Math.max(smsc.bound.most, smsc.bound.now)
        session.send(pdu.response())
      })
    }
    for (const command of ['enquire_link', 'unbind']) session.on(command, pdu => void session.send(pdu.response()))
    session.on('unbind', unbound)
    session.on('submit_sm', pdu => submit(pdu, session, smsc.submits.push(pdu)))
  })
  onTestFinished(close)
  await open()
  return smsc

  async function open(): Promise<void> {
    server.listen(smsc.port, '127.0.0.1')
    await once(server, 'listening')
    smsc.port = (server.address() as { port: number }).port
  }

  async function close(): Promise<void> {
    for (const session of smsc.sessions) session.destroy()
    await new Promise(resolve => server.close(resolve))
  }
}
