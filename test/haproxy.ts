// A real haproxy before several engines, with the configuration that we ship:
// only its addresses are the test's. It goes with the test, and with the test's
// process however that ends.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { onTestFinished } from 'vitest'

import { until } from './helpers.ts'
import { onFreePort, startGuard } from './redis.ts'

const shipped = resolve(import.meta.dirname, '..', 'deploy', 'haproxy.cfg')

/** What haproxy says of a request that had the header `x-request`. */
export interface BalancedRequest {
  /** `engine-1`; `<NOSRV>` when it was given to nobody. */
  server: string
  status: number
  /** https://docs.haproxy.org/2.6/configuration.html#8.5: `SC` could not connect, `SH` no answer, `SD` half an answer, `--` well. */
  end: string
}

export interface Haproxy {
  readonly url: string
  /** By its `x-request`. */
  requests: ReadonlyMap<string, BalancedRequest>
  /** Whether it gives requests to that engine: `engine-1` is the first. */
  gives(engine: string): Promise<boolean>
  /** How often it has taken that engine out. */
  downs(engine: string): Promise<number>
}

/** Before engines that listen, or will, on these ports of this machine. */
export async function startHaproxy(enginePorts: readonly number[], checkEveryMs: number): Promise<Haproxy> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-haproxy-'))
  const guard = startGuard(folder)
  const admin = join(folder, 'admin')
  const requests = new Map<string, BalancedRequest>()
  let child: ChildProcess | undefined
  let port = 0
  onTestFinished(async () => {
    const exited = child !== undefined && child.exitCode === null && child.signalCode === null ? once(child, 'exit') : 0
    child?.kill('SIGKILL')
    await exited
    await guard.end()
  })

  const config = await readFile(shipped, 'utf8')
  await onFreePort(async free => {
    port = free
    await writeFile(join(folder, 'haproxy.cfg'), adapt(config, { port, admin, enginePorts, checkEveryMs }))
    child = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: ['ignore', 'pipe', 'pipe'] })
    guard.watch(child.pid)
    await listening(child, admin)
  })
  let rest = ''
  child!.stdout!.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const [, status, server, end, name] = /^\S+ \S+ (\d+) \S+?\/(\S+) .* ms (\S\S) \{(\w+)\}$/.exec(line) ?? []
      if (name !== undefined) requests.set(name, { server: server!, status: Number(status), end: end! })
    }
  })
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    gives: async engine => (await readStats(engine))[17]!.startsWith('UP'),
    downs: async engine => Number((await readStats(engine))[22]),
  }

  /** https://docs.haproxy.org/2.6/management.html#9.1: proxy, server, …, status is the 18th, how often it went down the 23rd. */
  async function readStats(engine: string): Promise<string[]> {
    const rows = (await ask(admin, 'show stat')).split('\n').map(line => line.split(','))
    return rows.find(([proxy, server]) => proxy === 'engines' && server === engine)!
  }
}

interface Addresses {
  port: number
  admin: string
  enginePorts: readonly number[]
  checkEveryMs: number
}

/** The shipped text with other addresses, and with `x-request` in its log. */
function adapt(shippedText: string, { port, admin, enginePorts, checkEveryMs }: Addresses): string {
  const changes: Array<[what: RegExp, by: string]> = [
    [/ipv4@127\.0\.0\.1:9999/, admin],
    [/^resolvers docker\n(?: .*\n)+/m, ''],
    [/ resolvers docker resolve-prefer ipv4 init-addr libc,none/, ''],
    [/check inter 1s fastinter 500ms/, `check inter ${checkEveryMs}ms fastinter ${checkEveryMs / 2}ms`],
    [/bind :8080/, `bind 127.0.0.1:${port}`],
    [/ capture response header/, ' capture request header x-request len 20\n    capture response header'],
    [/ ms %ts"/, ' ms %ts %hr"'],
    ...enginePorts.map((to, at): [RegExp, string] => [
      new RegExp(`server engine-${at + 1} .*`),
      `server engine-${at + 1} 127.0.0.1:${to}`,
    ]),
  ]
  return changes.reduce((config, [what, by]) => {
    if (!what.test(config)) throw new Error(`deploy/haproxy.cfg has no ${what.source}`)
    return config.replace(what, by)
  }, shippedText)
}

async function listening(child: ChildProcess, admin: string): Promise<void> {
  let errors = ''
  let failure: Error | undefined
  child.stderr!.setEncoding('utf8').on('data', (piece: string) => {
    errors += piece
  })
  child.once('error', cause => {
    failure = new Error('the test needs haproxy: apt-get install -y haproxy', { cause })
  })
  child.once('close', code => {
    failure ??= new Error(`haproxy ended (${code}): ${errors}`)
  })
  await until(async () => {
    if (failure !== undefined) throw failure
    return (await ask(admin, 'show info').catch(() => '')) !== '' || undefined
  })
}

async function ask(admin: string, question: string): Promise<string> {
  const socket = connect(admin)
  await once(socket, 'connect')
  socket.write(`${question}\n`)
  return text(socket)
}
