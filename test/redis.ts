// A real Redis server for a test, on a free port, with a folder of its own. It
// goes with the test, and with the test's process however that ends.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { onTestFinished } from 'vitest'

const run = promisify(execFile)

export interface RedisOptions {
  /** More settings, as on the command line: `['--maxmemory', '2mb']`. */
  args?: string[]
  /** TLS and nothing else, with a certificate of its own for 127.0.0.1. */
  tls?: boolean
  /** As the setting `user` has them: `'app on >password ~* &* +@all'`. */
  users?: string[]
  /** Takes what ends the server, for one that several tests share; by default it ends with its test. */
  atEnd?: (end: () => Promise<void>) => void
}

export interface RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:20123/0`; `rediss:` with TLS. */
  readonly url: string
  /** Another one after `restart()`. */
  readonly pid: number
  readonly folder: string
  /** The path of the certificate, where it speaks TLS. */
  readonly ca?: string
  /** What redis-cli prints for a command of the user `default`; rejects with Redis's error, and after 5 s. */
  command(...words: string[]): Promise<string>
  /** Resolves when it has exited; SIGKILL by default. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** The same port and folder again; kills it before where it still runs. */
  restart(): Promise<void>
  pause(): void
  resume(): void
  /** Kills it and removes the folder. */
  stop(): Promise<void>
}

// Below the ports that systems give to connections: what is killed finds its
// port free again, and nobody who tries to reach it meanwhile connects to himself.
const ports = { lowest: 16_000, count: 8_000 }

/** Where nodes of a cluster talk to the one that listens on `port`. */
export const busPort = (port: number): number => port + ports.count

const install = 'the test needs redis-server: apt-get install -y redis-server'

/** Resolves when it takes connections. Rejects with how to install Redis where it is missing. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { args = [], tls = false, users = [], atEnd = onTestFinished } = options
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-redis-'))
  const guard = startGuard(folder)
  let port = 0
  let child: ChildProcess | undefined
  let exited: Promise<void> = Promise.resolve()

  async function launch(): Promise<void> {
    const started = spawn('redis-server', [join(folder, 'redis.conf'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    guard.watch(started.pid)
    exited = new Promise(resolve => {
      const over = (): void => {
        guard.watch(undefined)
        resolve()
      }
      started.once('exit', over).once('error', over)
    })
    await ready(started)
  }
  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    child?.kill(signal)
    await exited
  }
  async function stop(): Promise<void> {
    await kill()
    await guard.end()
  }
  atEnd(stop)

  const certificate = tls ? await makeCertificate(folder) : undefined
  await onFreePort(async free => {
    port = free
    const listen =
      certificate === undefined ? [`port ${port}`] : ['port 0', `tls-port ${port}`, ...certificate.settings]
    const settings = [...common, ...listen, ...users.map(user => `user ${user}`)]
    settings.push(`dir ${folder}`, `cluster-port ${busPort(port)}`)
    await writeFile(join(folder, 'redis.conf'), settings.join('\n'))
    await launch()
  })
  const client = ['-e', '-p', String(port)]
  if (certificate !== undefined) client.push('--tls', '--cacert', certificate.path)
  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}/0`,
    get pid() {
      return child!.pid!
    },
    folder,
    ...(certificate === undefined ? {} : { ca: certificate.path }),
    async command(...words) {
      const asked = run('redis-cli', [...client, ...words], { timeout: 5_000, killSignal: 'SIGKILL' })
      const { stdout } = await asked.catch((cause: Error & { stdout?: string; stderr?: string }) => {
        throw new Error(`${words[0]}: ${cause.stdout?.trim() || cause.stderr?.trim() || cause.message}`, { cause })
      })
      return stdout.trim()
    },
    kill,
    async restart() {
      await kill()
      await launch()
    },
    pause: () => void child!.kill('SIGSTOP'),
    resume: () => void child!.kill('SIGCONT'),
    stop,
  }
}

const common = [
  'bind 127.0.0.1',
  'protected-mode no',
  'daemonize no',
  'appendonly yes',
  'appendfsync everysec',
  'save ""',
  'maxmemory-policy noeviction',
  // A replica gets its copy at once, not after 5 s in which others might want one too.
  'repl-diskless-sync-delay 0',
]

/** Kills a process and removes a folder when it is told to, and when we have gone without a word. */
export function startGuard(folder: string): { watch(pid: number | undefined): void; end(): Promise<void> } {
  const script = 'while read -r line; do pid=$line; done; [ -z "$pid" ] || kill -9 "$pid"; rm -rf "$1"'
  // Detached: Ctrl-C is for us, and it has work to do then.
  const guard = spawn('sh', ['-c', script, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  guard.stdin.on('error', () => undefined)
  const exited = once(guard, 'exit')
  return {
    watch: pid => void guard.stdin.write(`${pid ?? ''}\n`),
    async end() {
      guard.stdin.end()
      await exited
    },
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('Ready to accept connections')) resolve()
      })
    child.once('error', cause => reject(new Error(install, { cause })))
    // Not `exit`: what it said last is still to be read then.
    child.once('close', code => reject(new Error(`redis-server ended (${code}): ${output}`)))
  })
}

/** Tries one after another; `start` rejects with what the program says of one that is taken. */
export async function onFreePort(start: (port: number) => Promise<void>): Promise<void> {
  for (let triesLeft = 20; ; triesLeft--) {
    try {
      return await start(ports.lowest + randomInt(ports.count))
    } catch (error) {
      if (triesLeft === 0 || !/address already in use/i.test(String(error))) throw error
    }
  }
}

async function makeCertificate(folder: string): Promise<{ path: string; settings: string[] }> {
  const [path, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const kind = ['-x509', '-days', '2', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  await run('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', path])
  const files = [`tls-cert-file ${path}`, `tls-key-file ${key}`, `tls-ca-cert-file ${path}`]
  return { path, settings: [...files, 'tls-auth-clients no'] }
}
