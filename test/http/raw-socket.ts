// Bytes on a TCP connection, and whatever comes back until the other side ends it.

import { connect } from 'node:net'

/** Writes `bytes`, ends its own side (unless `keep`), and resolves with everything that was answered. */
export function exchange(url: string, bytes: string | Uint8Array, { keep = false } = {}): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.setEncoding('latin1').on('data', (piece: string) => {
      answer += piece
    })
    // A connection that is cut off has answered what it has answered.
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    if (keep) socket.write(bytes)
    else socket.end(bytes)
  })
}

/** Status line, headers in lower case, body. */
export function parseAnswer(text: string): { status: number; headers: Map<string, string>; body: string } {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { status: Number(first.split(' ')[1]), headers: new Map(headers), body: rest.join('\r\n\r\n') }
}
