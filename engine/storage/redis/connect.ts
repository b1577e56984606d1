// A client of one Redis or of a cluster that is connected and ready, with our
// scripts as its commands.

import { TLSSocket } from 'node:tls'

import { Cluster, Redis, type RedisOptions } from 'ioredis'

import type { RedisAddress } from './address.ts'
import type { AwakeClock } from './awake.ts'
import { readScripts } from './scripts.ts'

export type Client = Redis | Cluster

/** After so long without a sign of life a connection is given up. */
const silenceMs = 900
const longestPauseMs = 500
const readyWithinMs = 3_000

/** Rejects with what the first attempt to connect came to; later on it connects anew by itself. */
export async function connect(address: RedisAddress, awake: AwakeClock): Promise<Client> {
  const client = clientOf(address)
  giveUpSilent(client, awake)
  for (const { name, lua } of readScripts()) client.defineCommand(name, { lua })
  let last: Error | undefined
  client.on('error', (error: Error) => {
    last = error
  })
  // Else a node would be connected to by its first command, and refuse the next ones meanwhile.
  client.on('+node', (node: Redis) => void node.connect().catch(() => {}))
  try {
    const connected = client.connect()
    // Of a cluster it may never resolve: one whose first look fails tries again by itself.
    if (client instanceof Cluster) connected.catch(() => {})
    else await connected
    await becomesReady(client)
    if (client instanceof Cluster) await Promise.all(client.nodes('master').map(becomesReady))
    return client
  } catch (error) {
    client.disconnect()
    throw last ?? error
  }
}

/** Not ioredis's `socketTimeout`: that one gives up connections whose answers have come while we did not get to read. */
function giveUpSilent(client: Client, awake: AwakeClock): void {
  const heard = new WeakMap<Stream, { octets: number; at: number }>()
  awake.onStep(() => {
    for (const { stream, commandQueue } of nodesOf(client)) {
      if ((stream as Stream | undefined)?.destroyed !== false) continue
      const last = heard.get(stream)
      if (last === undefined || last.octets !== stream.bytesRead || commandQueue.length === 0)
        heard.set(stream, { octets: stream.bytesRead, at: awake.now() })
      else if (awake.now() - last.at >= silenceMs) giveUp(stream)
    }
  })
}

/** What has not left yet never leaves: it would be done long after it was refused. */
function giveUp(stream: Stream): void {
  if (stream instanceof TLSSocket) stream.destroy(new Error(`no sign of life for ${silenceMs / 1_000} s`))
  else stream.resetAndDestroy()
}

const nodesOf = (client: Client): Redis[] => (client instanceof Cluster ? client.nodes() : [client])

/** There is none before the first connection. */
type Stream = Redis['stream']

function becomesReady(client: Client): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${readyWithinMs / 1_000} s`)), readyWithinMs)
    client.once('ready', () => {
      clearTimeout(late)
      resolve()
    })
  })
}

function clientOf({ nodes, isCluster, database, username, password, tls }: RedisAddress): Client {
  const options: RedisOptions = {
    username,
    password,
    ...(tls && { tls }),
    connectionName: 'patchcord',
    connectTimeout: 1_000,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A primary that has become a replica under the same name.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
  }
  const pauseMs = (times: number): number => Math.min(25 * 2 ** times, longestPauseMs)
  if (!isCluster) {
    return new Redis({
      ...options,
      ...nodes[0],
      db: database,
      lazyConnect: true,
      enableOfflineQueue: false,
      retryStrategy: pauseMs,
    })
  }
  return new Cluster(nodes, {
    redisOptions: options,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: pauseMs,
    clusterNodeRetryStrategy: pauseMs,
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: 2_000,
    maxRedirections: 8,
    // What was under way on a connection that broke may have been done: it is not sent again.
    retryDelayOnFailover: 0,
  })
}
