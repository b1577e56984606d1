// A real Redis cluster for a test: three primaries and their replicas, joined as
// `redis-cli --cluster create` does it, but without its seconds of waiting.

import { setTimeout } from 'node:timers/promises'

import { busPort, startRedis, type RedisOptions, type RedisServer } from './redis.ts'
import { until } from './helpers.ts'

export interface RedisClusterOptions extends Pick<RedisOptions, 'args' | 'atEnd'> {
  /** Of each primary; none by default. */
  replicas?: 0 | 1 | 2
}

export interface RedisNode extends RedisServer {
  /** What it was made as; who is primary now says `primaries()`. */
  role(): 'primary' | 'replica'
}

export interface RedisCluster {
  /** `redis-cluster://127.0.0.1:20123,127.0.0.1:20124,…`: every node, primaries first. */
  readonly url: string
  /** Primaries first; node 3 is a replica of node 0, 4 of 1, 5 of 2, 6 of 0 again. */
  readonly nodes: RedisNode[]
  /** Who has the slots, as the node that knows the newest sees it; without those that it holds for dead. */
  primaries(): Promise<RedisNode[]>
  stop(): Promise<void>
}

const slotRanges = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
]

/** Resolves when every node sees the whole cluster and every replica has its copy. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { replicas = 0, args = [], ...rest } = options
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...args]
  const nodes = await Promise.all(
    Array.from({ length: 3 + 3 * replicas }, async (_, index): Promise<RedisNode> => {
      const server = await startRedis({ ...rest, args: settings })
      return Object.assign(server, { role: () => (index < 3 ? 'primary' : 'replica') } as const)
    }),
  )
  await join(nodes)
  for (const node of nodes) await until(() => isWhole(node, replicas))
  return {
    url: `redis-cluster://${nodes.map(node => `127.0.0.1:${node.port}`).join(',')}`,
    nodes,
    async primaries() {
      const answers = await Promise.allSettled(nodes.map(node => Promise.race([viewOf(node), late()])))
      const views = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
      const newest = views.toSorted((a, b) => newestEpoch(b) - newestEpoch(a))[0] ?? []
      const holders = newest.filter(seen => seen.hasSlots && !seen.flags.includes('fail'))
      return nodes.filter(node => holders.some(seen => seen.port === node.port))
    },
    async stop() {
      await Promise.all(nodes.map(node => node.stop()))
    },
  }
}

async function join(nodes: RedisNode[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    // Everyone meets everyone: by gossip alone it takes seconds.
    for (const { port } of nodes.slice(0, index))
      await node.command('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort(port)))
  }
  for (const [index, range] of slotRanges.entries()) await nodes[index]!.command('CLUSTER', 'ADDSLOTSRANGE', ...range)
  for (const node of nodes) await until(async () => (await viewOf(node)).filter(isWell).length === nodes.length)
  for (const [index, node] of nodes.entries()) {
    if (node.role() === 'primary') continue
    const id = await nodes[index % 3]!.command('CLUSTER', 'MYID')
    await node.command('CLUSTER', 'REPLICATE', id)
  }
}

async function isWhole(node: RedisNode, replicas: number): Promise<boolean> {
  const view = await viewOf(node)
  const copies = view.filter(seen => isWell(seen) && seen.flags.includes('slave'))
  const holders = view.filter(seen => isWell(seen) && seen.hasSlots)
  if (holders.length !== 3 || copies.length !== 3 * replicas) return false
  const replication = await node.command('INFO', 'replication')
  const isCopied =
    node.role() === 'replica'
      ? replication.includes('master_link_status:up')
      : [...replication.matchAll(/^slave\d+:.*state=online/gm)].length === replicas
  return isCopied && (await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')
}

/** One node in the eyes of another. */
interface Seen {
  port: number
  flags: string[]
  epoch: number
  isLinked: boolean
  hasSlots: boolean
}

/** https://redis.io/docs/latest/commands/cluster-nodes/: one line each, `id ip:port@bus flags primary ping pong epoch link slots…`. */
async function viewOf(node: RedisServer): Promise<Seen[]> {
  const lines = (await node.command('CLUSTER', 'NODES')).split('\n')
  return lines.map(line => {
    const [, address, flags, , , , epoch, link, ...slots] = line.split(' ')
    return {
      port: Number(/:(\d+)@/.exec(address!)![1]),
      flags: flags!.split(','),
      epoch: Number(epoch),
      isLinked: link === 'connected',
      hasSlots: slots.length > 0,
    }
  })
}

// A node that is paused answers nothing.
const late = (): Promise<Seen[]> => setTimeout(1_000, [], { ref: false })

const isWell = ({ isLinked, flags }: Seen): boolean =>
  isLinked && !flags.some(flag => ['fail', 'fail?', 'handshake', 'noaddr'].includes(flag))

const newestEpoch = (view: Seen[]): number => Math.max(0, ...view.map(seen => seen.epoch))
