// A message centre that does what a test tells it, octet by octet where it has
// to be wrong. What it is not told about it answers as it should.

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

import { onTestFinished } from 'vitest'

import { isResponse, responseTo, type CommandName } from '../../../engine/carriers/smpp/wire/commands.ts'
import { createFramer } from '../../../engine/carriers/smpp/wire/framing.ts'
import { decodePdu, encodePdu, type Pdu, type PduFields } from '../../../engine/carriers/smpp/wire/pdu.ts'
import { until } from '../../helpers.ts'

export interface RawPeer {
  socket: Socket
  /** Everything that came, in order. */
  pdus: Pdu[]
  send(command: CommandName, sequence: number, more?: { status?: number; fields?: PduFields; tlvs?: Pdu['tlvs'] }): void
  /** Resolves when so many of them came. */
  saw(command: CommandName, count?: number): Promise<Pdu[]>
}

export interface RawSmsc {
  port: number
  /** All connections so far. */
  peers: RawPeer[]
  /** The connection with that number, from 0, once it is there. */
  peer(number?: number): Promise<RawPeer>
}

export interface RawSmscOptions {
  /** True: it was dealt with. */
  on?: (pdu: Pdu, peer: RawPeer) => boolean | void
  /** Accepts connections and reads nothing. */
  deaf?: boolean
  tls?: TlsOptions
}

/** Listens on a free port of 127.0.0.1 until the test ends. */
export async function startRawSmsc({ on, deaf, tls }: RawSmscOptions = {}): Promise<RawSmsc> {
  const peers: RawPeer[] = []
  const sockets = new Set<Socket>()

  function serve(socket: Socket) {
    sockets.add(socket)
    socket.on('error', () => undefined)
    const peer: RawPeer = {
      socket,
      pdus: [],
      send: (command, sequence, more) => void socket.write(encodePdu({ command, sequence, ...more })),
      saw: (command, count = 1) =>
        until(() => {
          const found = peer.pdus.filter(pdu => pdu.command === command)
          return found.length >= count ? found : undefined
        }),
    }
    const framer = createFramer({
      frame(octets) {
        const pdu = decodePdu(Buffer.from(octets))
        peer.pdus.push(pdu)
        if (on?.(pdu, peer) !== true) answer(pdu, peer)
      },
      wrong: error => socket.destroy(error),
    })
    if (deaf !== true) socket.on('data', (chunk: Buffer) => framer.push(chunk))
    peers.push(peer)
  }

  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  // One that breaks off the handshake is no matter of the server's.
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as { port: number }
  return { port, peers, peer: (number = 0) => until(() => peers[number]) }
}

function answer({ command, sequence }: Pdu, peer: RawPeer) {
  if (isResponse(command)) return
  const fields = command === 'submit_sm' ? { messageId: `id${sequence}` } : {}
  peer.send(responseTo(command)!, sequence, { fields })
}
