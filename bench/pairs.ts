// Paired rounds: both sides are up, one is measured after the other, so that
// what the machine does meanwhile meets both alike. What counts is the median
// of the ratios of the pairs.

import { cpuMs, memoryMb, startServer, type Callers, type Server } from './processes.ts'

export interface PairsOrder {
  path: string
  /** Where the databases lie. */
  place: string
  connections: readonly number[]
  pairs: number
  seconds: number
}

export interface Round {
  connections: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** CPU time of one request, of the server's process and of its sandbox processes. */
  cpuUs: number | undefined
  sandboxCpuUs: number | undefined
}

export interface Side {
  rounds: Round[]
  idleMb: number | undefined
  loadedMb: number | undefined
  /** Per request, by name; what is asked less than once in a hundred requests is left out. */
  operations: Record<string, number>
}

const sides = ['with-sandbox', 'no-sandbox'] as const
export type SideName = (typeof sides)[number]
export type Pairs = Record<SideName, Side>

/** The code of both sides has been compiled by then, and every isolate is there. */
const firstSeconds = 3
const warmUpSeconds = 0.3

export async function measurePairs(order: PairsOrder, callers: Callers): Promise<Pairs> {
  const servers = await Promise.all(sides.map(side => startServer(side, order.place)))
  const measured = sides.map((): Side => ({ rounds: [], idleMb: undefined, loadedMb: undefined, operations: {} }))
  const used = sides.map(() => 0)

  async function load(index: number, connections: number, seconds: number): Promise<Round> {
    const server = servers[index]!
    const before = await cpuOf(server)
    const result = await callers.run(server, {
      path: order.path,
      connections,
      seconds,
      warmUpSeconds,
      firstNumber: used[index]!,
    })
    used[index]! += result.sent
    // Sending and reports are part of what a request costs.
    await server.ask('drain')
    const after = await cpuOf(server)
    const perRequest = (part: 'server' | 'sandbox'): number | undefined =>
      before[part] === undefined || after[part] === undefined
        ? undefined
        : ((after[part] - before[part]) * 1_000) / result.sent
    const { requestsPerSecond, p50Ms, p99Ms } = result
    return {
      connections,
      requestsPerSecond,
      p50Ms,
      p99Ms,
      cpuUs: perRequest('server'),
      sandboxCpuUs: perRequest('sandbox'),
    }
  }

  try {
    for (const [index, side] of measured.entries()) {
      await load(index, 1, 0.1)
      side.idleMb = await memoryMb(servers[index]!.pids)
      for (const connections of order.connections) await load(index, connections, firstSeconds / 2)
    }
    const before = await Promise.all(servers.map(async server => ({ ...(await server.ask('state')).operations })))
    const usedBefore = [...used]
    for (let pair = 0; pair < order.pairs; pair++) {
      for (const connections of order.connections) {
        for (const [index, side] of measured.entries()) side.rounds.push(await load(index, connections, order.seconds))
      }
    }
    for (const [index, side] of measured.entries()) {
      const { operations, pids } = await servers[index]!.ask('state')
      side.loadedMb = await memoryMb(pids)
      side.operations = perRequest(operations, before[index]!, used[index]! - usedBefore[index]!)
    }
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
  return { 'with-sandbox': measured[0]!, 'no-sandbox': measured[1]! }
}

async function cpuOf({ pids }: Server): Promise<{ server: number | undefined; sandbox: number | undefined }> {
  const [server, sandbox] = await Promise.all([cpuMs(pids.slice(0, 1)), cpuMs(pids.slice(1))])
  return { server, sandbox }
}

// Timers ask now and then too; that is no request's.
function perRequest(
  after: Record<string, number>,
  before: Record<string, number>,
  requests: number,
): Record<string, number> {
  const counts = Object.entries(after).map(([name, count]) => [name, (count - before[name]!) / requests] as const)
  return Object.fromEntries(counts.filter(([, count]) => count >= 0.01))
}
