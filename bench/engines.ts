// POST /otp over SQLite, over one Redis by one engine, and by two engines at
// once; what a request asks of Redis.

import { setTimeout as wait } from 'node:timers/promises'

import type { LoadResult } from './load.ts'
import { cpuMs, startCallers, startServer, type Callers, type Server } from './processes.ts'
import { startRedis, type BenchRedis } from './redis-server.ts'
import { median, table } from './tables.ts'

export interface EnginesOrder {
  rounds: number
  seconds: number
  place: string
}

interface Round {
  perSecond: number
  p50Ms: number
  p99Ms: number
  cpuUs: number
}

interface Setting {
  name: string
  engines: Server[]
  rounds: Round[]
}

const connections = 64
const idleMs = 3_000
const settleMs = 3_000
const single = 300

/** The table. */
export async function measureEngines({ rounds, seconds, place }: EnginesOrder): Promise<string> {
  const redis = await startRedis(place)
  const callers = [startCallers(), startCallers()]
  const servers: Server[] = []
  const start = async (storage?: string): Promise<Server> => {
    const server = await startServer('with-sandbox', place, storage === undefined ? {} : { storage })
    servers.push(server)
    return server
  }
  try {
    const sqlite = await start()
    const [one, two] = [await start(redis.url), await start(redis.url)]
    const settings: Setting[] = [
      { name: 'SQLite, one engine', engines: [sqlite], rounds: [] },
      { name: 'Redis, one engine', engines: [one], rounds: [] },
      { name: 'Redis, two engines', engines: [one, two], rounds: [] },
    ]
    let firstNumber = 0
    const load = async ({ engines }: Setting, forSeconds: number): Promise<Round> => {
      const pids = engines.flatMap(engine => engine.pids)
      const before = await cpuMs(pids)
      const results = await Promise.all(
        engines.map((engine, at) => {
          const number = firstNumber + at * 1_000_000
          return ask(callers[at]!, engine, connections / engines.length, forSeconds, number)
        }),
      )
      const cpu = ((await cpuMs(pids)) ?? Number.NaN) - (before ?? 0)
      const sent = results.reduce((sum, result) => sum + result.sent, 0)
      firstNumber += sent
      return {
        perSecond: results.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0),
        p50Ms: median(results.map(result => result.p50Ms)),
        p99Ms: Math.max(...results.map(result => result.p99Ms)),
        cpuUs: (cpu * 1_000) / sent,
      }
    }
    for (const setting of settings) await load(setting, 2)
    for (let round = 0; round < rounds; round++)
      for (const setting of settings) setting.rounds.push(await load(setting, seconds))
    // Receipts that are still to come would be counted as what an idle engine asks.
    await wait(settleMs)
    const asked = await costOfRequest(redis, callers[0]!, one, 4_000_000)
    return [roundsTable(settings), '', asked].join('\n')
  } finally {
    await Promise.all(servers.map(server => server.stop()))
    for (const one of callers) one.stop()
    await redis.stop()
  }
}

function ask(
  callers: Callers,
  engine: Server,
  count: number,
  seconds: number,
  firstNumber: number,
): Promise<LoadResult> {
  return callers.run(engine, { path: '/otp', connections: count, seconds, warmUpSeconds: 0.3, firstNumber })
}

/** One request after another, without what the engines ask while nobody asks them. */
async function costOfRequest(
  redis: BenchRedis,
  callers: Callers,
  engine: Server,
  firstNumber: number,
): Promise<string> {
  const span = async (act: () => Promise<unknown>): Promise<{ ms: number; counts: Record<string, number> }> => {
    const [before, began] = [await redis.counters(), performance.now()]
    await act()
    const [after, ended] = [await redis.counters(), performance.now()]
    const counts = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]))
    return { ms: ended - began, counts }
  }
  // Reading the counters is counted too.
  const own = await span(() => Promise.resolve())
  const idle = await span(() => wait(idleMs))
  const order = { path: '/otp', connections: 1, seconds: 0, requests: single, warmUpSeconds: 0, firstNumber }
  const busy = await span(() => callers.run(engine, order))
  const of = (...names: string[]): string => {
    const sum = (counts: Record<string, number>): number =>
      names.reduce((total, name) => total + (counts[name] ?? 0), 0)
    const idlePerMs = (sum(idle.counts) - sum(own.counts)) / idle.ms
    return ((sum(busy.counts) - sum(own.counts) - idlePerMs * busy.ms) / single).toFixed(1)
  }
  return [
    'One POST /otp, its SMS and its receipt, one request after another:',
    `  commands ${of('calls_evalsha', 'calls_eval', 'calls_mget', 'calls_zrangebylex', 'calls_zrevrange')}` +
      ` (what scripts do inside Redis not counted), socket reads of Redis ${of('total_reads_processed')}`,
    `  bytes to Redis ${of('total_net_input_bytes')}, from Redis ${of('total_net_output_bytes')}`,
  ].join('\n')
}

function roundsTable(settings: Setting[]): string {
  const rows = [['', 'requests/s', 'rounds', 'p50 ms', 'p99 ms', 'CPU µs/request', 'of SQLite']]
  const of = ({ rounds }: Setting, key: keyof Round): number => median(rounds.map(round => round[key]))
  for (const setting of settings) {
    const all = setting.rounds.map(({ perSecond }) => perSecond)
    rows.push([
      setting.name,
      of(setting, 'perSecond').toFixed(0),
      `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)}`,
      of(setting, 'p50Ms').toFixed(1),
      of(setting, 'p99Ms').toFixed(1),
      of(setting, 'cpuUs').toFixed(0),
      (of(setting, 'perSecond') / of(settings[0]!, 'perSecond')).toFixed(2),
    ])
  }
  return `${table(rows)}\n\n${connections} connections, shared out among the engines; medians`
}
