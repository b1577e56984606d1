// Starts the processes of a measurement, and reads what the system knows of them.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import type { LoadOrder, LoadResult } from './load.ts'
import type { ServerQuestion, ServerState } from './serve.ts'

const root = resolve(import.meta.dirname, '..')
const token = 'token-of-the-measurement-only'
export const benchSecret = 'a secret that keeps nothing worth having'

// Databases of a measurement that was broken off must not stay, least of all in memory.
const folders = new Set<string>()
process.on('exit', () => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

export interface Server {
  /** Holds `scripts/`, and `printed` where that is wanted. */
  readonly folder: string
  readonly token: string
  ask(question: ServerQuestion): Promise<ServerState>
  /** The server's process first, then its sandbox processes. */
  pids: number[]
  port: number
  stop(): Promise<void>
}

export interface Furniture {
  /** More scripts: file name to source. */
  files?: Record<string, string>
  /** The configuration file. */
  config?: object
  /** Instead of a SQLite file of its own. */
  storage?: string
  /** What the loopback carrier prints is written to a file, `printed`. */
  keepsPrinted?: boolean
}

/** Starts `bench/<side>.ts` with its files in a new folder inside `place`. */
export async function startServer(
  side: string,
  place: string,
  { files = {}, config, storage, keepsPrinted = false }: Furniture = {},
): Promise<Server> {
  await mkdir(place, { recursive: true })
  const folder = await mkdtemp(join(place, 'patchcord-bench-'))
  folders.add(folder)
  await copyScripts(join(folder, 'scripts'))
  for (const [name, source] of Object.entries(files)) await writeFile(join(folder, 'scripts', name), source)
  if (config !== undefined) await writeFile(join(folder, 'patchcord.json'), JSON.stringify(config))
  const environment = {
    PATCHCORD_PORT: '0',
    PATCHCORD_STORAGE: storage ?? `sqlite:${folder}/patchcord.db`,
    PATCHCORD_SCRIPTS: join(folder, 'scripts'),
    PATCHCORD_LOCALES: join(root, 'locales'),
    PATCHCORD_TOKEN: token,
    PATCHCORD_SECRET: benchSecret,
    PATCHCORD_LIMITS: 'off',
    PATCHCORD_SHIELD: 'off',
    PATCHCORD_LOG: 'info',
    BENCH_FOLDER: folder,
    ...(keepsPrinted ? { BENCH_PRINTED: join(folder, 'printed') } : {}),
  }
  const child = start(side, environment)
  const { pids, port } = await answerOf<ServerState>(child)
  async function ask(question: ServerQuestion): Promise<ServerState> {
    child.send(question)
    return answerOf<ServerState>(child)
  }
  return {
    folder,
    token,
    ask,
    pids,
    port,
    async stop() {
      const exited = once(child, 'exit')
      await ask('stop')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function copyScripts(folder: string): Promise<void> {
  await cp(join(root, 'scripts'), folder, { recursive: true, filter: path => !path.endsWith('.json') })
  await writeFile(join(folder, 'hello.ts'), 'export default () => ({ ok: true })\n')
}

export interface Callers {
  run(server: Pick<Server, 'port'>, order: Omit<LoadOrder, 'port' | 'token'>): Promise<LoadResult>
  stop(): void
}

export function startCallers(): Callers {
  const { ask, stop } = startProcess('load')
  return {
    run: (server, order) => ask<LoadResult>({ ...order, port: server.port, token } satisfies LoadOrder),
    stop,
  }
}

/** `bench/<file>.ts`, which answers each message with one, and ends with its channel. */
export function startProcess(
  file: string,
  values: string[] = [],
): { ask<T>(question: object): Promise<T>; stop(): void } {
  const child = start(file, {}, values)
  return {
    async ask<T>(question: object) {
      child.send(question)
      return answerOf<T>(child)
    },
    stop: () => void (child.connected && child.disconnect()),
  }
}

function start(file: string, environment: Record<string, string>, values: string[] = []): ChildProcess {
  const profile = process.env.BENCH_PROFILE
  return fork(join(import.meta.dirname, `${file}.ts`), values, {
    env: { PATH: process.env.PATH, ...environment },
    execArgv: [
      '--disable-sigusr1',
      '--disable-warning=ExperimentalWarning',
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile, file)}`]),
    ],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolveAnswer, reject) => {
    const exited = (code: number | null): void => reject(new Error(`a process of the measurement ended (${code})`))
    child.once('exit', exited)
    child.once('message', answer => {
      child.off('exit', exited)
      resolveAnswer(answer as T)
    })
  })
}

const msPerTick = 10

/** CPU time since they began; undefined where the system does not tell (it is Linux that does). */
export async function cpuMs(pids: number[]): Promise<number | undefined> {
  return sum(pids, '/proc/PID/stat', text => {
    // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * msPerTick
  })
}

/** Memory of the processes, what they share counted once (PSS). */
export async function memoryMb(pids: number[]): Promise<number | undefined> {
  return sum(pids, '/proc/PID/smaps_rollup', text => Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1]) / 1_024)
}

async function sum(pids: number[], path: string, read: (text: string) => number): Promise<number | undefined> {
  try {
    const texts = await Promise.all(pids.map(pid => readFile(path.replace('PID', String(pid)), 'utf8')))
    return texts.map(read).reduce((total, value) => total + value, 0)
  } catch {
    return undefined
  }
}
