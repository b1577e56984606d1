// Redis that fails under load: primaries of a cluster that die and come back as
// replicas, and one Redis that is away for a while under an engine. What was
// answered holds; what cannot be done is said at once.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { describe, expect, onTestFinished, test } from 'vitest'

import { askAtRate } from '../../bench/rate.ts'
import { startSink } from '../../bench/start-sink.ts'
import { openStorage } from '../../engine/storage/list.ts'
import type { NewWork, Storage } from '../../engine/storage/storage.ts'
import { newFolder, until } from '../helpers.ts'
import { furnish, startEngine } from '../http/engine-process.ts'
import { post } from '../http/work.ts'
import { startRedisCluster, type RedisCluster } from '../redis-cluster.ts'
import { startRedis, type RedisServer } from '../redis.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const secret = 'a secret for tests, long enough to be one'
const token = 'a-token-that-all-engines-know'

describe('a cluster with two replicas per primary', () => {
  const rounds = isLong ? 6 : 1

  test(`forgets nothing that was answered in ${rounds} failovers`, { timeout: 600_000 }, async () => {
    const cluster = await startRedisCluster({ replicas: 2 })
    const storage = await openStorage(cluster.url, { secret, clock: Date.now, replicas: 1 })
    onTestFinished(() => storage.close())
    const writes = startWrites(storage)
    const promoted: string[] = []
    for (let round = 0; round < rounds; round++) {
      const before = await cluster.primaries()
      const victim = before[round % before.length]!
      const answered = writes.answered()
      await until(() => writes.answered() > answered + 100 || undefined)
      // Every other one is not dead, only away: it comes back and believes that it is primary.
      const isAway = round % 2 === 1
      await (isAway ? victim.pause() : victim.kill())
      const now = await until(async () => {
        const all = await cluster.primaries()
        return all.length === 3 && !all.includes(victim) ? all : undefined
      })
      promoted.push(...now.filter(node => !before.includes(node)).map(({ port }) => String(port)))
      await (isAway ? victim.resume() : victim.restart())
      await isWhole(cluster)
      await until(() => writes.allSlotsAnswer())
    }
    await until(() => writes.ofEachKind() > 50 || undefined)
    const { kinds, refused } = await writes.end()
    expect(promoted).toHaveLength(rounds)
    const lost = await writes.lost()
    tell(`${rounds} failovers`, { ...kinds, refused, lost: lost.length })
    expect(refused).toBeGreaterThan(0)
    expect(lost).toEqual([])
  })
})

/** Every node that lives follows a primary or is one, and every replica has its copy. */
async function isWhole({ nodes, primaries }: RedisCluster): Promise<void> {
  await until(async () => {
    const holders = await primaries()
    const infos = await Promise.all(nodes.map(node => node.command('INFO', 'replication').catch(() => '')))
    return (
      nodes.every((node, at) =>
        holders.includes(node)
          ? infos[at]!.includes('role:master')
          : infos[at]!.includes('role:slave') && infos[at]!.includes('master_link_status:up'),
      ) || undefined
    )
  })
}

interface Writes {
  answered(): number
  /** At least so many. */
  ofEachKind(): number
  /** Whether a write to any place is answered again; undefined if not. */
  allSlotsAnswer(): Promise<true | undefined>
  end(): Promise<{ kinds: Record<string, number>; refused: number }>
  /** What was answered, and does not hold. */
  lost(): Promise<unknown[]>
}

/** Ten callers, each of whom writes one thing after another: new entries, changed ones, counters, work that is stored, claimed, done. */
function startWrites({ entries, work }: Storage): Writes {
  const counted = new Map<string, { answered: number; highest: number }>()
  const replaced = new Map<string, number>()
  const written: string[] = []
  const deleted: string[] = []
  const stored: string[] = []
  const done: string[] = []
  const progress = { over: false, refused: 0 }
  const item = (id: string): NewWork => ({
    queue: 'failover',
    id,
    lane: 'main',
    state: 'queued',
    priority: 0,
    dueAt: 1,
    expiresAt: null,
    tags: {},
    body: id,
  })

  async function act(name: string, at: number, caller: number): Promise<void> {
    switch (at % 5) {
      case 0:
        await entries.set('s', name, name)
        if (at % 2 === 0) written.push(name)
        else if (await entries.delete('s', name)) deleted.push(name)
        return
      case 1: {
        const counter = `count:${caller}:${at % 50}`
        const { value } = (await entries.increment('s', counter))!
        const before = counted.get(counter) ?? { answered: 0, highest: 0 }
        counted.set(counter, { answered: before.answered + 1, highest: Math.max(before.highest, value) })
        return
      }
      case 2: {
        const key = `replaced:${caller}:${at % 50}`
        const entry = await entries.get('s', key)
        const value = Number(entry?.value ?? 0) + 1
        if (await entries.replace('s', key, { version: entry?.version ?? null, value: String(value) }))
          replaced.set(key, value)
        return
      }
      case 3:
        if (await work.schedule(item(name))) stored.push(name)
        return
      default: {
        const claimed = await work.scheduleClaimed(item(name), `engine-${caller}`)
        const { version } = claimed!
        if (await work.settle('failover', name, { state: 'done', dueAt: null }, { version })) done.push(name)
      }
    }
  }

  const callers = Array.from({ length: 10 }, async (_, caller) => {
    for (let at = 0; !progress.over; at++) {
      await act(`${caller}:${at}`, at, caller).catch((error: { code?: string }) => {
        if (error.code !== 'storage_unavailable') throw error
        progress.refused++
        return wait(5)
      })
      await new Promise(resolve => setImmediate(resolve))
    }
  })

  const counts = (): Record<string, number> => ({
    written: written.length,
    deleted: deleted.length,
    counted: [...counted.values()].reduce((sum, { answered }) => sum + answered, 0),
    replaced: [...replaced.values()].reduce((sum, value) => sum + value, 0),
    stored: stored.length,
    done: done.length,
  })

  return {
    answered: () => Object.values(counts()).reduce((sum, count) => sum + count, 0),
    ofEachKind: () => Math.min(...Object.values(counts())),
    async allSlotsAnswer() {
      const keys = Array.from({ length: 40 }, (_, at) => `whole:${at}`)
      const answers = await Promise.allSettled(keys.map(key => entries.set('s', key, 'value')))
      return answers.every(({ status }) => status === 'fulfilled') || undefined
    },
    async end() {
      progress.over = true
      await Promise.all(callers)
      return { kinds: counts(), refused: progress.refused }
    },
    async lost() {
      const lost: unknown[] = []
      const expectOf = async (names: Iterable<string>, holds: (name: string) => Promise<boolean>): Promise<void> => {
        for (const name of names) if (!(await holds(name))) lost.push(name)
      }
      await expectOf(written, async name => (await entries.get('s', name))?.value === name)
      await expectOf(deleted, async name => (await entries.get('s', name)) === undefined)
      await expectOf(counted.keys(), async name => {
        const { answered, highest } = counted.get(name)!
        const value = Number((await entries.get('s', name))?.value)
        // An answered one is counted once; one that was refused may be counted.
        return value >= highest && highest >= answered
      })
      await expectOf(
        replaced.keys(),
        async name => Number((await entries.get('s', name))?.value) >= replaced.get(name)!,
      )
      // Each waits, and is given out once; with them those that nobody was told of.
      const waiting = await claimAll(work)
      const isWaiting = new Set(waiting)
      if (isWaiting.size < waiting.length) lost.push('something was claimed twice')
      await expectOf(stored, name => Promise.resolve(isWaiting.has(name)))
      await expectOf(done, async name => (await work.get('failover', name))?.state === 'done')
      return lost
    },
  }
}

async function claimAll(work: Storage['work']): Promise<string[]> {
  const found: string[] = []
  const order = { owner: 'heir', now: Number.MAX_SAFE_INTEGER, limit: 500 }
  for (;;) {
    const items = await work.claim('failover', 'main', order)
    found.push(...items.map(({ body }) => body))
    if (items.length < order.limit) return found
  }
}

describe('an engine whose Redis', () => {
  const awayMs = isLong ? 60_000 : 3_000

  test(`is stopped for ${awayMs / 1_000} s refuses, and goes on`, { timeout: 600_000 }, async () => {
    await outage(awayMs, {
      begin: redis => redis.pause(),
      end: redis => redis.resume(),
    })
  })

  test(`is dead for ${awayMs / 1_000} s refuses, and goes on`, { timeout: 600_000 }, async () => {
    await outage(awayMs, {
      begin: redis => redis.kill(),
      end: redis => redis.restart(),
    })
  })
})

interface Outage {
  begin(redis: RedisServer): unknown
  end(redis: RedisServer): unknown
}

const perSecond = 100
/** Of the message centre: the queue is never empty, so something is always being claimed, sent and settled. */
const sentPerSecond = 150
const backlog = isLong ? 1_000 : 200
const perBroadcast = 50
/** Requests that are refused while memory is watched. */
const crowd = isLong ? 20_000 : 500
const broadcast = `
export default async ({ first, count }) =>
  Promise.all(Array.from({ length: count }, (_, n) => sendSms({
    to: '+1201' + String(2000000 + first + n), text: 'message ' + (first + n), validFor: '1h', priority: 'bulk',
  }))).then(sent => sent.map(({ id }) => id))
export const one = async ({ n }) => {
  await storage.set('n:' + n, n)
  return (await sendSms({ to: '+1201' + n, text: 'one ' + n, validFor: '1h' })).id
}
export const has = async ({ n }) => (await storage.get('n:' + n)) === n`

async function outage(awayMs: number, { begin, end }: Outage): Promise<void> {
  const redis = await startRedis({ args: ['--appendfsync', 'always'] })
  const folder = await newFolder()
  const submitsFile = join(folder, 'submits')
  const sink = await startSink({ submitsFile, delayMs: 20 })
  onTestFinished(() => sink.stop())
  const main = { driver: 'smpp', url: `smpp://user:secret@127.0.0.1:${sink.port}`, window: 20, rate: sentPerSecond }
  await furnish(folder, { 'broadcast.ts': broadcast }, { carriers: { main }, engine: { scriptMessages: perBroadcast } })
  const engine = startEngine(folder, {
    PATCHCORD_STORAGE: redis.url,
    PATCHCORD_SECRET: secret,
    PATCHCORD_TOKEN: token,
    PATCHCORD_LOG: 'warn',
    // What is kept of each request soon shows in a heap that is nearly full.
    NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4',
  })
  const url = await engine.url()
  const accepted = new Set<string>()

  const answers: Array<{ n: string; status: number; code: string; retryAfter: string | null; ms: number; at: number }> =
    []
  let isOver = false
  const asking = askAtRate(
    perSecond,
    () => !isOver,
    async at => {
      const n = String(3_000_000 + at)
      const begun = performance.now()
      const { status, headers, body } = await post(url, token, '/broadcast/one', { n })
      const ended = performance.now()
      if (status === 200) accepted.add(body as string)
      answers.push({ n, status, code: body.code, retryAfter: headers.get('retry-after'), ms: ended - begun, at: ended })
    },
  )
  await until(() => answers.length > 50 || undefined)
  // A queue that it meets: what waits, what is being claimed, what is on its way.
  let unsent = 0
  for (let first = 0; unsent < backlog; first += perBroadcast) {
    const { status, body } = await post(url, token, '/broadcast', { first, count: perBroadcast })
    expect(status).toBe(200)
    for (const id of body as string[]) accepted.add(id)
    unsent = accepted.size - (await readSubmits(submitsFile)).size
  }
  await begin(redis)
  const goneAt = performance.now()
  await until(() => answers.at(-1)!.status !== 200 || undefined)
  await refuse(crowd / 2)
  const earlyMemory = await memoryOf(engine.pid)
  await refuse(crowd)
  const lateMemory = await memoryOf(engine.pid)
  await wait(Math.max(0, goneAt + awayMs - performance.now()))
  const backAt = performance.now()
  await end(redis)
  const firstGood = await until(() => answers.find(({ status, at }) => status === 200 && at > backAt))
  await until(() => answers.slice(-50).every(({ status }) => status === 200) || undefined)
  isOver = true
  await asking

  /** So many requests more, as fast as they are refused. */
  async function refuse(count: number): Promise<void> {
    await inTurns(20, Array.from({ length: count }), async () => {
      const { status } = await post(url, token, '/broadcast/one', { n: 'none' })
      expect(status).toBe(503)
    })
  }

  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.length).toBeGreaterThan(isLong ? (perSecond * awayMs) / 1_000 / 2 : 10)
  for (const { status, code, retryAfter } of refused)
    expect({ status, code, retryAfter }).toEqual({ status: 503, code: 'storage_unavailable', retryAfter: '1' })
  // What it answered with 200 is there.
  const good = answers.filter(({ status }) => status === 200)
  const missing: string[] = []
  for (const { n } of good) if ((await post(url, token, '/broadcast/has', { n })).body !== true) missing.push(n)
  expect(missing).toEqual([])

  const ends = await until(async () => {
    const rows = await readCdr(url)
    const byId = new Map(rows.map(row => [row.id, row]))
    if ([...accepted].every(id => byId.get(id)?.state === 'sent')) return rows
    await wait(300)
    return undefined
  })
  const submits = await readSubmits(submitsFile)
  const isAccepted = ends.filter(({ id }) => accepted.has(id))
  expect(isAccepted.filter(({ to }) => !submits.has(to.slice(1)))).toEqual([])
  let uncertain = 0
  let copies = 0
  for (const { id, to, attempts } of ends) {
    const more = (submits.get(to.slice(1))?.length ?? 0) - 1
    if (attempts < 2 && more < 1) continue
    const { timeline } = await getMessage(url, id)
    const marks = timeline.filter(({ state }) => state === 'uncertain').length
    expect(more).toBeLessThanOrEqual(marks)
    uncertain += marks
    copies += Math.max(more, 0)
  }
  // A number that no message is for was sent nothing.
  const numbers = new Set(ends.map(({ to }) => to.slice(1)))
  expect([...submits.keys()].filter(to => !numbers.has(to))).toEqual([])

  const figures = {
    requests: answers.length,
    refused: refused.length,
    slowestRefusalMs: Math.round(Math.max(...refused.map(({ ms }) => ms))),
    slowerThanASecond: refused.filter(({ ms }) => ms > 1_000).length,
    goodAfterMs: Math.round(firstGood.at - backAt),
    accepted: accepted.size,
    stored: ends.length,
    uncertain,
    copies,
    memoryMb: [earlyMemory, lateMemory].map(bytes => Math.round(bytes / 2 ** 20)),
    crowd,
    unsent,
  }
  tell(`away for ${awayMs} ms`, figures)
  // Wide bounds: on a machine with time for it the slowest takes less than 1 s.
  expect(figures.slowestRefusalMs).toBeLessThan(5_000)
  expect(figures.goodAfterMs).toBeLessThan(5_000)
  expect(lateMemory - earlyMemory).toBeLessThan(20 * 2 ** 20)
  engine.kill('SIGTERM')
  expect(await engine.ended).toEqual({ code: 0, signal: null })
}

/** By their numbers, without `+`. */
async function readSubmits(file: string): Promise<Map<string, string[]>> {
  const lines = (await readFile(file, 'latin1').catch(() => '')).split('\n').slice(0, -1)
  return Map.groupBy(lines, line => line.split(' ')[1]!)
}

async function inTurns<Item>(callers: number, items: Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values()
  const one = async (): Promise<void> => {
    for (const item of left) await act(item)
  }
  await Promise.all(Array.from({ length: callers }, one))
}

/** Resident, bytes: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1_024
}

interface Row {
  id: string
  to: string
  state: string
  attempts: number
}

async function readCdr(url: string): Promise<Row[]> {
  const now = Date.now()
  // The test may have begun before midnight.
  const days = new Set([now - 600_000, now].map(at => new Date(at).toISOString().slice(0, 10)))
  const headers = { authorization: `Bearer ${token}` }
  const texts = await Promise.all(
    [...days].map(async day => (await fetch(`${url}/admin/cdr?day=${day}&format=ndjson`, { headers })).text()),
  )
  const lines = texts.join('').split('\n').filter(Boolean)
  return lines.map(line => JSON.parse(line) as Row)
}

async function getMessage(url: string, id: string): Promise<{ timeline: Array<{ state: string }> }> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/admin/messages/${id}`, { headers })
  return (await response.json()) as { timeline: Array<{ state: string }> }
}

function tell(what: string, figures: Record<string, unknown>): void {
  if (isLong) process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`)
}
