// Two engines over one Redis behind the balancer that we ship, under load: one
// is killed again and again, or both are stopped and started one after the
// other. Callers are told nothing that does not hold.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { Pool } from 'undici'
import { expect, onTestFinished, test } from 'vitest'

import { startSink } from '../bench/start-sink.ts'
import { startHaproxy, type Haproxy } from './haproxy.ts'
import { newFolder, until } from './helpers.ts'
import { furnish, startEngine, type EngineProcess } from './http/engine-process.ts'
import { onFreePort, startRedis } from './redis.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const perSecond = isLong ? 500 : 100
const atLeastMs = isLong ? 60_000 : 4_000
const kills = isLong ? 10 : 1
/** Fewer than one engine alone has at once. */
const mostOpen = 60
/** Some are always on their way, so that a death finds them. */
const smscDelayMs = 50
/** As shipped in the long run. */
const checkEveryMs = isLong ? 1_000 : 400
const token = 'a-token-that-all-engines-know'
const otp = resolve(import.meta.dirname, '..', 'scripts', 'otp.ts')

test(`${kills} kills under ${perSecond} requests/s lose nothing`, { timeout: 600_000 }, async () => {
  const site = await openSite()
  const deaths: Death[] = []
  const calls = startCalls(site, () => deaths.length === kills && deaths.at(-1)!.isOver)
  await until(() => calls.verifications.length > 50 || undefined)
  for (let kill = 0; kill < kills; kill++) {
    const engine = site.engines[kill % 2]!
    const death: Death = {
      engine: engine.name,
      open: new Set(calls.open),
      from: calls.count.asked,
      to: Infinity,
      isOver: false,
    }
    deaths.push(death)
    await engine.end('SIGKILL')
    await until(async () => !(await site.balancer.gives(engine.name)) || undefined)
    death.to = calls.count.asked
    await engine.start()
    death.isOver = true
  }
  await calls.ended

  // Who failed was at an engine that was killed, or was given to it before the balancer knew.
  const met = (name: number, death: Death): boolean =>
    site.balancer.requests.get(String(name))!.server === death.engine &&
    (death.open.has(name) || (name >= death.from && name <= death.to))
  // Of others a line of its log may be missing: it drops what nobody reads at once.
  await until(() => calls.failures.every(({ name }) => site.balancer.requests.has(String(name))))
  const unexplained = calls.failures.filter(({ name }) => !deaths.some(death => met(name, death)))
  expect(endsOf(site.balancer, { failures: unexplained })).toEqual({})
  const found = await prove(site, calls)
  tell(`${kills} kills`, { ...found, ends: endsOf(site.balancer, calls) })
})

test(`a restart of both engines under ${perSecond} requests/s fails nobody`, { timeout: 600_000 }, async () => {
  const site = await openSite()
  const progress = { over: false }
  const calls = startCalls(site, () => progress.over)
  await until(() => calls.verifications.length > 50 || undefined)
  for (const engine of site.engines) {
    expect(await engine.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await engine.start()
  }
  progress.over = true
  await calls.ended
  expect(endsOf(site.balancer, calls)).toEqual({})
  const found = await prove(site, calls)
  expect(found.uncertain).toBe(0)
  tell('2 restarts', found)
})

/** What a kill may cost: the requests that were open, and those that came until the balancer knew. */
interface Death {
  engine: string
  open: ReadonlySet<number>
  from: number
  to: number
  isOver: boolean
}

interface Site {
  balancer: Haproxy
  engines: SiteEngine[]
  /** What the message centre got: the texts for each number. */
  submits(): Promise<Map<string, string[]>>
}

interface SiteEngine {
  /** As the balancer calls it. */
  name: string
  url: string
  /** Resolves when the balancer gives requests to it. */
  start(): Promise<void>
  end(signal: NodeJS.Signals): EngineProcess['ended']
}

async function openSite(): Promise<Site> {
  const redis = await startRedis({ args: ['--appendfsync', 'always'] })
  const folder = await newFolder()
  const submitsFile = join(folder, 'submits')
  const sink = await startSink({ submitsFile, delayMs: smscDelayMs })
  onTestFinished(() => sink.stop())
  const main = { driver: 'smpp', url: `smpp://user:secret@127.0.0.1:${sink.port}`, window: 100, reconnectMs: 50 }
  await furnish(folder, { 'otp.ts': await readFile(otp, 'utf8') }, { carriers: { main } })
  const environment = {
    PATCHCORD_STORAGE: redis.url,
    PATCHCORD_SECRET: 'a secret for tests, long enough to be one',
    PATCHCORD_TOKEN: token,
    PATCHCORD_LOG: 'warn',
    // deploy/compose.yaml: five of the balancer's checks.
    PATCHCORD_DRAIN_MS: String(5 * checkEveryMs),
  }
  const ports = [await freePort(), await freePort()]
  const balancer = await startHaproxy(ports, checkEveryMs)
  const engines = ports.map((port, at): SiteEngine => {
    const name = `engine-${at + 1}`
    let running: EngineProcess
    return {
      name,
      url: `http://127.0.0.1:${port}`,
      async start() {
        running = startEngine(folder, { ...environment, PATCHCORD_PORT: String(port) })
        await running.url()
        await until(async () => (await balancer.gives(name)) || undefined)
      },
      end(signal) {
        running.kill(signal)
        return running.ended
      },
    }
  })
  await Promise.all(engines.map(engine => engine.start()))
  return {
    balancer,
    engines,
    async submits() {
      const lines = (await readFile(submitsFile, 'latin1').catch(() => '')).split('\n').slice(0, -1)
      const found = new Map<string, string[]>()
      for (const line of lines) {
        const [, to, hex] = line.split(' ')
        found.set(`+${to}`, [...(found.get(`+${to}`) ?? []), Buffer.from(hex!, 'hex').toString('latin1')])
      }
      return found
    },
  }
}

/** What a caller was told with status 200. */
interface Verification {
  id: string
  number: string
  code: string
  messageId: string
  /** What came of a right guess under load; undefined without an answer, and where there was none. */
  guess?: { isRight: boolean; answer: Answer | undefined }
}

interface Answer {
  status: number
  // Looked into by the tests alone.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

interface Calls {
  verifications: Verification[]
  failures: Array<{ name: number; what: string }>
  open: ReadonlySet<number>
  /** `asked` are all requests, some of them `guesses`. */
  readonly count: { readonly asked: number; readonly guesses: number; readonly seconds: number }
  /** When `isEnough` and the least time has passed. */
  ended: Promise<unknown>
}

function startCalls({ balancer }: Site, isEnough: () => boolean): Calls {
  // A connection for each request: of one on a kept connection haproxy 2.6 logs nothing when its engine dies, and closes it without a word.
  const pool = new Pool(balancer.url, { connections: 500, pipelining: 0 })
  onTestFinished(() => pool.destroy())
  const verifications: Verification[] = []
  const unguessed: Verification[] = []
  const failures: Calls['failures'] = []
  const open = new Set<number>()
  const count = { asked: 0, numbers: 0, guesses: 0, seconds: 0 }
  const begunAt = performance.now()

  async function call(name: number, path: string, body: object): Promise<Answer | undefined> {
    open.add(name)
    try {
      const answer = await post(pool, path, body, { 'x-request': String(name) })
      if (answer.status === 200) return answer
      failures.push({ name, what: `${answer.status} ${answer.body.code ?? ''}` })
    } catch (error) {
      failures.push({ name, what: String(error) })
    } finally {
      open.delete(name)
    }
    return undefined
  }

  async function send(name: number): Promise<void> {
    const number = `+1201${2_000_000 + count.numbers++}`
    const answer = await call(name, '/otp', { number, language: 'en' })
    if (answer === undefined) return
    const { id, code, messageId } = answer.body as Verification
    const verification = { id, number, code, messageId }
    verifications.push(verification)
    unguessed.push(verification)
  }

  // Every second guess is right; of the others the code is for afterwards.
  async function guess(name: number, verification: Verification): Promise<void> {
    const { id, code } = verification
    const isRight = count.guesses++ % 2 === 0
    verification.guess = { isRight, answer: undefined }
    verification.guess.answer = await call(name, '/otp/check', { id, code: isRight ? code : other(code) })
  }

  const progress = { wake: (): void => {} }
  async function ask(): Promise<void> {
    const asking: Array<Promise<void>> = []
    let dueAt = begunAt
    for (let n = 0; !isEnough() || performance.now() < begunAt + atLeastMs; n++) {
      dueAt = Math.max(dueAt + 1_000 / perSecond, performance.now())
      count.asked = n + 1
      const verification = n % 2 === 0 ? undefined : unguessed.shift()
      const one = verification === undefined ? send(n) : guess(n, verification)
      asking.push(one.then(() => progress.wake()))
      // A machine that is busy with other things gets fewer, not more than it can answer.
      while (open.size >= mostOpen) await new Promise<void>(resolve => (progress.wake = resolve))
      await wait(Math.max(0, dueAt - performance.now()))
    }
    await Promise.all(asking)
    count.seconds = (performance.now() - begunAt) / 1_000
  }
  const ended = ask()
  return { verifications, failures, open, count, ended }
}

const other = (code: string): string => code.replace(/.$/, last => String((Number(last) + 1) % 10))

/** All that was answered holds, whichever engine is asked, and nobody got an SMS twice without a mark. */
async function prove({ engines, submits }: Site, calls: Calls): Promise<Record<string, unknown>> {
  const { verifications } = calls
  // What a dead engine had claimed is taken over 5 s after its last beat.
  const sent = await until(async () => {
    const found = await submits()
    if (verifications.every(({ number }) => found.has(number))) return found
    await wait(200)
    return undefined
  })
  for (const { number, code } of verifications) for (const text of sent.get(number)!) expect(text).toContain(code)

  const pools = engines.map(({ url }) => new Pool(url, { connections: 20 }))
  onTestFinished(async () => void (await Promise.all(pools.map(pool => pool.destroy()))))
  const lost: unknown[] = []
  await inTurns(verifications, async ({ id, code, guess }, at) => {
    const pool = pools[at % 2]!
    if (guess?.answer !== undefined) {
      const { status, body } = guess.answer
      if (status !== 200 || body.verified !== guess.isRight) lost.push({ id, guess })
    }
    const { status, body } = await post(pool, '/otp/check', { id, code })
    const wasVerified = status === 409 && body.code === 'already_verified'
    const isVerified = status === 200 && body.verified === true
    // A right guess without an answer may have been taken.
    const holds = !guess?.isRight ? isVerified : guess.answer === undefined ? isVerified || wasVerified : wasVerified
    if (!holds) lost.push({ id, guess, status, body })
  })
  expect(lost).toEqual([])

  let marks = 0
  let copies = 0
  const again = new Set([...sent].filter(([, texts]) => texts.length > 1).map(([number]) => number))
  const doubtful = (await readCdr(engines[0]!.url)).filter(({ to, attempts }) => attempts > 1 || again.has(to))
  expect(new Set(doubtful.map(({ to }) => to))).toEqual(new Set([...doubtful.map(({ to }) => to), ...again]))
  await inTurns(doubtful, async ({ id, to }, at) => {
    const { timeline } = (await get(engines[at % 2]!.url, `/admin/messages/${id}`)) as {
      timeline: Array<{ state: string }>
    }
    const uncertain = timeline.filter(({ state }) => state === 'uncertain').length
    const more = (sent.get(to)?.length ?? 0) - 1
    expect(more, JSON.stringify(timeline)).toBeLessThanOrEqual(uncertain)
    marks += uncertain
    copies += Math.max(more, 0)
  })
  const ends = await Promise.all(engines.map(engine => engine.end('SIGTERM')))
  expect(ends).toEqual(engines.map(() => ({ code: 0, signal: null })))
  return {
    requests: calls.count.asked,
    perSecond: Math.round(calls.count.asked / calls.count.seconds),
    verifications: verifications.length,
    guesses: calls.count.guesses,
    failures: calls.failures.length,
    uncertain: marks,
    copies,
  }
}

async function inTurns<Item>(items: readonly Item[], act: (item: Item, at: number) => Promise<void>): Promise<void> {
  const entries = items.entries()
  const one = async (): Promise<void> => {
    for (const [at, item] of entries) await act(item, at)
  }
  await Promise.all(Array.from({ length: 40 }, one))
}

async function post(pool: Pool, path: string, body: object, more: Record<string, string> = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...more }
  const {
    statusCode,
    headers: answered,
    body: answer,
  } = await pool.request({ path, method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  return { status: statusCode, body: String(answered['content-type']).includes('json') ? JSON.parse(text) : text }
}

async function get(url: string, path: string): Promise<unknown> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  return response.json()
}

async function readCdr(url: string): Promise<Array<{ id: string; to: string; attempts: number }>> {
  const now = Date.now()
  // The test may have begun before midnight.
  const days = new Set([now - 600_000, now].map(at => new Date(at).toISOString().slice(0, 10)))
  const texts = await Promise.all(
    [...days].map(async day => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`${url}/admin/cdr?day=${day}&format=ndjson`, { headers })).text()
    }),
  )
  const lines = texts.join('').split('\n').filter(Boolean)
  return lines.map(line => JSON.parse(line) as { id: string; to: string; attempts: number })
}

/** How the failed requests ended, in the eyes of the caller and of the balancer. */
function endsOf({ requests }: Haproxy, { failures }: Pick<Calls, 'failures'>): Record<string, number> {
  const ends = Map.groupBy(failures, ({ name, what }) => {
    const { server = '?', end = '?' } = requests.get(String(name)) ?? {}
    return `${what} ${server} ${end}`
  })
  return Object.fromEntries([...ends].map(([end, { length }]) => [end, length]))
}

function tell(what: string, figures: Record<string, unknown>): void {
  if (isLong) process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`)
}

/** One that the killed engine finds free again. */
async function freePort(): Promise<number> {
  let found = 0
  await onFreePort(async port => {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    await new Promise(resolve => server.close(resolve))
    found = port
  })
  return found
}
