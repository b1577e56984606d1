// A TCP or TLS connection to an SMSC. Over TLS its certificate is always
// verified, against a private CA where one is given; there is no way around.

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Endpoint {
  host: string
  port: number
  /** Undefined: plain TCP. `ca` in PEM; `servername` is whom the certificate has to name instead of `host`. */
  tls?: { ca?: string | undefined; servername?: string | undefined } | undefined
}

/** `opened` is called once, when the connection stands and its certificate is verified. */
export function openSocket({ host, port, tls }: Endpoint, opened: () => void): Socket {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true }, opened)
  const { ca, servername } = tls
  const socket = connectTls(
    { host, port, ...(ca !== undefined && { ca }), ...(servername !== undefined && { servername }) },
    opened,
  )
  return socket.setNoDelay(true)
}
