// A redis-server for a measurement, with a folder and a port of its own.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const before = -10

export interface BenchRedis {
  url: string
  /** What redis-cli prints. */
  ask(...words: string[]): Promise<string>
  /** Resolves once no child of it writes the AOF anew. */
  settled(): Promise<void>
  /** Counters of INFO, by name; what it says of each command as `calls_<command>`. */
  counters(): Promise<Record<string, number>>
  stop(): Promise<void>
}

/**
 * With an AOF that is synced each second; rejects where redis-server is missing.
 * Where we may, it goes before the other processes of this machine: what SLOWLOG
 * counts is the time by a clock, and a pause of its process would be a slow command.
 */
export async function startRedis(place: string): Promise<BenchRedis> {
  const folder = await mkdtemp(join(place, 'patchcord-bench-redis-'))
  const port = await freePort()
  const settings = ['--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'yes']
  const server = spawn('redis-server', [...settings, '--bind', '127.0.0.1'], { stdio: 'ignore' })
  process.on('exit', () => server.kill('SIGKILL'))
  if (server.pid !== undefined && process.getuid?.() === 0) setPriority(server.pid, before)
  const ask = async (...words: string[]): Promise<string> =>
    (await run('redis-cli', ['-p', String(port), ...words])).stdout
  const failed = once(server, 'error').then(() => {
    throw new Error('redis-server is missing: apt-get install -y redis-server')
  })
  const ready = async (): Promise<void> => {
    while ((await ask('PING').catch(() => '')).trim() !== 'PONG') await wait(20)
  }
  await Promise.race([ready(), failed])

  const counters = async (): Promise<Record<string, number>> => {
    const text = await ask('INFO', 'everything')
    const found: Record<string, number> = {}
    for (const [, name, value] of text.matchAll(/^(\w+):(\d+)\r?$/gm)) found[name!] = Number(value)
    for (const [, command, calls] of text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm))
      found[`calls_${command}`] = Number(calls)
    return found
  }

  return {
    url: `redis://127.0.0.1:${port}/0`,
    ask,
    counters,
    async settled() {
      while ((await counters()).aof_rewrite_in_progress !== 0) await wait(200)
    },
    async stop() {
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
