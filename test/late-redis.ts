// A way to Redis on which what was sent arrives long after its connection was
// given up, as behind a network that was parted for a while.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { onTestFinished } from 'vitest'

export interface LateRedis {
  /** Without the number of the database. */
  url: string
  /** Keeps back the next thing that is sent and looks like this, and all that comes after it on that connection. */
  keepBack(sent: (text: string) => boolean): void
  /** Whether something is kept back. */
  hasKept(): boolean
  /** Lets it arrive; resolves when Redis has answered. */
  deliver(): Promise<void>
}

export async function openLateRedis(port: number): Promise<LateRedis> {
  const sockets = new Set<Socket>()
  let wanted: ((text: string) => boolean) | undefined
  let kept: { redis: Socket; pieces: Buffer[] } | undefined
  const server = createServer(client => {
    const redis = connect(port, '127.0.0.1')
    const isKept = (): boolean => kept?.redis === redis
    for (const socket of [client, redis]) sockets.add(socket.on('error', () => {}))
    client.on('data', (data: Buffer) => {
      if (wanted?.(data.toString('latin1')) === true) {
        wanted = undefined
        kept = { redis, pieces: [] }
      }
      if (isKept()) kept!.pieces.push(data)
      else redis.write(data)
    })
    redis.on('data', data => void (isKept() || client.write(data)))
    client.on('close', () => void (isKept() || redis.destroy()))
    redis.on('close', () => client.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    keepBack(sent) {
      wanted = sent
    },
    hasKept: () => kept !== undefined,
    async deliver() {
      const { redis, pieces } = kept!
      const answered = new Promise(resolve => redis.once('data', resolve))
      for (const piece of pieces) redis.write(piece)
      await answered
      redis.destroy()
      kept = undefined
    },
  }
}
