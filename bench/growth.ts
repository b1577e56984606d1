// POST /otp over a Redis that holds next to nothing, and over one with a million
// open verifications and a million queued messages; what each of them takes.

import { newId } from '../engine/ids.ts'
import { newBody, toWork } from '../engine/outbox/message.ts'
import { countSegments } from '../engine/outbox/segments.ts'
import { openStorage } from '../engine/storage/list.ts'
import type { Storage } from '../engine/storage/storage.ts'
import { benchSecret, startServer, type Callers, type Server } from './processes.ts'
import { startRedis, type BenchRedis } from './redis-server.ts'
import { median, table } from './tables.ts'

export interface GrowthOrder {
  /** Verifications, and as many messages. */
  count: number
  rounds: number
  seconds: number
  place: string
}

const few = 1_000
const atOnce = 500
const hourMs = 3_600_000
const connections = 64
const slowUs = 10_000

export async function measureGrowth({ count, rounds, seconds, place }: GrowthOrder, callers: Callers): Promise<string> {
  const servers: Server[] = []
  const stores: BenchRedis[] = []
  const open = async (held: number): Promise<Side> => {
    const redis = await startRedis(place)
    stores.push(redis)
    const [entryBytes, messageBytes] = await fill(redis, held)
    const server = await startServer('with-sandbox', place, { storage: redis.url })
    servers.push(server)
    return { held, redis, server, rates: [], entryBytes, messageBytes, slow: 0 }
  }
  try {
    const sides = [await open(few), await open(count)]
    let firstNumber = 0
    const load = async ({ server }: Side, forSeconds: number): Promise<number> => {
      const order = { path: '/otp', connections, seconds: forSeconds, warmUpSeconds: 0.3, firstNumber }
      const { requestsPerSecond, sent } = await callers.run(server, order)
      firstNumber += sent
      return requestsPerSecond
    }
    for (const side of sides) await load(side, 2)
    for (const { redis } of sides) await redis.settled()
    for (const { redis } of sides) await redis.ask('SLOWLOG', 'RESET')
    for (let round = 0; round < rounds; round++) for (const side of sides) side.rates.push(await load(side, seconds))
    for (const side of sides) side.slow = Number(await side.redis.ask('SLOWLOG', 'LEN'))
    // As redis-cli prints it: number, time, µs, command and its arguments, each on a line.
    return growthTable(sides, await sides[1]!.redis.ask('SLOWLOG', 'GET', '3'))
  } finally {
    await Promise.all(servers.map(server => server.stop()))
    await Promise.all(stores.map(redis => redis.stop()))
  }
}

interface Side {
  held: number
  redis: BenchRedis
  server: Server
  rates: number[]
  entryBytes: number
  messageBytes: number
  /** Commands above `slowUs` while it was asked. */
  slow: number
}

/** Resolves with the bytes that an entry and a message take. */
async function fill(redis: BenchRedis, count: number): Promise<[number, number]> {
  await redis.ask('CONFIG', 'SET', 'slowlog-log-slower-than', String(slowUs), 'slowlog-max-len', '10000')
  const storage = await openStorage(redis.url, { secret: benchSecret, clock: Date.now })
  const used = async (): Promise<number> => (await redis.counters()).used_memory!
  const before = await used()
  await inLots(count, async n => {
    await storage.entries.set('script/otp', `verification:fill:${n}`, verification(n), { ttlMs: hourMs })
  })
  const between = await used()
  await inLots(count, n => queue(storage, n))
  const after = await used()
  await storage.close()
  return [(between - before) / count, (after - between) / count]
}

async function inLots(count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, count - first) }, (_, at) => act(first + at)))
}

/** What scripts/otp.ts keeps of one has some 300 characters. */
function verification(n: number): string {
  return JSON.stringify({ id: newId('ver'), number: `+1201${n}`, code: '483920', ...pending })
}
const pending = {
  status: 'pending',
  language: 'en',
  sends: [{ at: 1_800_000_000_000, message: newId('run') }],
  checks: 0,
}

async function queue(storage: Storage, n: number): Promise<void> {
  const text = 'Your code is 483920, valid for the next 10 minutes'
  const to = `+1202${String(n).padStart(7, '0')}`
  const message = { id: newId('msg'), script: 'otp', to, text, validForMs: 2 * hourMs, priority: 'bulk' } as const
  const body = newBody(message, countSegments(text), Date.now())
  const place = { lane: 'loopback', state: 'queued', dueAt: Date.now() + hourMs, expiresAt: null } as const
  await storage.work.schedule(toWork(message.id, body, place))
}

function growthTable(sides: Side[], slow: string): string {
  const rows = [
    ['verifications, messages', 'requests/s', 'rounds', 'bytes an entry', 'bytes a message', 'slow commands'],
  ]
  for (const { held, rates, entryBytes, messageBytes, slow } of sides) {
    rows.push([
      held.toLocaleString('en'),
      median(rates).toFixed(0),
      `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`,
      entryBytes.toFixed(0),
      messageBytes.toFixed(0),
      String(slow),
    ])
  }
  const ratios = sides[1]!.rates.map((rate, round) => rate / sides[0]!.rates[round]!)
  return [
    table(rows),
    '',
    `${median(ratios).toFixed(2)} of the requests/s, median of the rounds (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); target 0.90`,
    `Slow is above ${slowUs / 1_000} ms in SLOWLOG while it was asked; must be none.${slow.trim() === '' ? '' : ` The last of them:\n${slow}`}`,
  ].join('\n')
}
