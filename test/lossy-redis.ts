// A way to Redis that loses a reply: what was asked is done, and nobody hears of it.

import { createHash } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { onTestFinished } from 'vitest'

import { readScripts, type ScriptName } from '../engine/storage/redis/scripts.ts'

export interface LossyRedis {
  /** Without the number of the database. */
  url: string
  /** Loses the reply to the next thing that is sent and looks like this, and all that would come after it on that connection. */
  loseReplyTo(sent: (text: string) => boolean): void
  lost(): number
}

export async function openLossyRedis(port: number): Promise<LossyRedis> {
  const sockets = new Set<Socket>()
  let wanted: ((text: string) => boolean) | undefined
  let lost = 0
  const server = createServer(client => {
    const redis = connect(port, '127.0.0.1')
    let isSilent = false
    sockets.add(client).add(redis)
    client.on('data', data => {
      if (wanted?.(data.toString('latin1')) === true) {
        wanted = undefined
        isSilent = true
        lost++
      }
      redis.write(data)
    })
    redis.on('data', data => void (isSilent || client.write(data)))
    for (const socket of [client, redis]) socket.on('error', () => {})
    client.on('close', () => redis.destroy())
    redis.on('close', () => client.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    loseReplyTo(sent) {
      wanted = sent
    },
    lost: () => lost,
  }
}

/** What a script of ours goes by on the wire. */
export const hashOf = (name: ScriptName): string =>
  createHash('sha1')
    .update(readScripts().find(one => one.name === name)!.lua)
    .digest('hex')
