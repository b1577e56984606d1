// A real engine for a test: real storage in a folder of its own, real sandbox
// processes, the loopback carrier, a free port. All of it goes with the test.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { afterAll, beforeAll, onTestFinished } from 'vitest'

import type { LoopbackMessage } from '../engine/carriers/loopback.ts'
import { loadConfig } from '../engine/config.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { createLog, type LogLevel } from '../engine/log.ts'
import type { Message } from '../engine/outbox/message.ts'
import type { SandboxLimits } from '../engine/sandbox/limits.ts'

const root = resolve(import.meta.dirname, '..')

export interface TestEngineOptions {
  /** Which of the shipped scripts are there; `lib/` always is. */
  scripts?: string[]
  /** More scripts: file name to source. */
  files?: Record<string, string>
  /** The configuration file. */
  config?: Record<string, unknown>
  environment?: Record<string, string>
  clock?: () => number
  sandboxLimits?: Partial<SandboxLimits>
  log?: LogLevel
  /** An existing folder: the engine of before comes back. */
  folder?: string
  /** Takes what ends the engine, for one that several tests share; by default it ends with its test. */
  atEnd?: (end: () => Promise<void>) => void
}

/** What an endpoint answered. */
export interface Answer {
  status: number
  headers: Headers
  // Tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export interface TestEngine {
  engine: Engine
  /** Holds `data/`, `scripts/`, `patchcord.json`, `log`. */
  folder: string
  /** The first token: every scope. */
  token: string
  post(path: string, body: unknown, options?: RequestOptions): Promise<Answer>
  get(path: string, options?: RequestOptions): Promise<Answer>
  call(method: string, path: string, options?: RequestOptions & { body?: string | Buffer }): Promise<Answer>
  newToken(wanted: { scopes: string[]; app?: string; brand?: string }): Promise<string>
  /** What the loopback phone got, newest first. */
  inbox(): Promise<Array<LoopbackMessage>>
  /** The text of the newest SMS to a number, once it is there. */
  sms(to: string): Promise<string>
  /** Resolves when the message is in that state. */
  reaches(messageId: string, state: Message['state']): Promise<void>
  /** Everything that the loopback carrier printed. */
  printed: string[]
  readLog(): Promise<string>
  writeScript(name: string, source: string): Promise<void>
  /** Stops the engine and leaves the folder. */
  stop(): Promise<void>
}

interface RequestOptions {
  token?: string | null
  headers?: Record<string, string>
}

export async function createTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const atEnd = options.atEnd ?? onTestFinished
  const folder = options.folder ?? (await newFolder(atEnd))
  await mkdir(join(folder, 'scripts'), { recursive: true })
  await cp(join(root, 'scripts', 'lib'), join(folder, 'scripts', 'lib'), { recursive: true, force: true })
  for (const name of options.scripts ?? [])
    await cp(join(root, 'scripts', `${name}.ts`), join(folder, 'scripts', `${name}.ts`))
  for (const [name, source] of Object.entries(options.files ?? {}))
    await writeFile(join(folder, 'scripts', name), source)
  if (options.config !== undefined) await writeFile(join(folder, 'patchcord.json'), JSON.stringify(options.config))
  const config = loadConfig(
    { PATCHCORD_PORT: '0', PATCHCORD_LOCALES: join(root, 'locales'), ...options.environment },
    folder,
  )
  config.storage = config.storage.replace(/^sqlite:(?!\/)/, `sqlite:${folder}/`)

  const log = createLog(options.log ?? 'info', join(folder, 'log'))
  const printed: string[] = []
  const engine = await createEngine(config, {
    log,
    print: line => void printed.push(line),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.sandboxLimits === undefined ? {} : { sandboxLimits: options.sandboxLimits }),
  })
  let stopped = false
  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    await engine.stop()
    log.flush()
  }
  atEnd(stop)
  const token = config.token ?? (await readFile(join(config.dataFolder, 'token'), 'utf8')).trim()

  async function call(
    method: string,
    path: string,
    { body, token: own = token, headers = {} }: RequestOptions & { body?: string | Buffer } = {},
  ): Promise<Answer> {
    const response = await fetch(engine.url + path, {
      method,
      headers: {
        ...(own === null ? {} : { authorization: `Bearer ${own}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body as string }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
  }

  return {
    engine,
    folder,
    token,
    printed,
    stop,
    call,
    post: (path, body, requestOptions) => call('POST', path, { ...requestOptions, body: JSON.stringify(body) }),
    get: (path, requestOptions) => call('GET', path, requestOptions),
    async newToken({ scopes, app, brand }) {
      const made = await engine.tokens.create({ name: 'test', scopes, app, brand })
      return made.token
    },
    async inbox() {
      const { body } = await call('GET', '/admin/loopback')
      return body.messages as LoopbackMessage[]
    },
    async sms(to) {
      return until(async () => {
        const { body } = await call('GET', '/admin/loopback')
        return (body.messages as LoopbackMessage[]).find(message => message.to === to)?.text
      })
    },
    async reaches(messageId, state) {
      await until(async () => (await engine.outbox.get(messageId))?.state === state || undefined)
    },
    async readLog() {
      log.flush()
      return readFile(join(folder, 'log'), 'utf8')
    },
    writeScript: (name, source) => writeFile(join(folder, 'scripts', name), source),
  }
}

/** One engine for all tests of a file or a `describe`, where none of them minds what the others left. */
export function shareEngine(options: TestEngineOptions = {}): () => TestEngine {
  const ends: Array<() => Promise<void>> = []
  let engine: TestEngine
  beforeAll(async () => {
    engine = await createTestEngine({ ...options, atEnd: end => void ends.unshift(end) })
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })
  return () => engine
}

/** A folder that goes with the test. */
export async function newFolder(atEnd: (end: () => Promise<void>) => void = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Asks again until there is an answer; gives up after 20 s. */
export async function until<T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited in vain for ${ask.toString()}`)
    await new Promise(resolveSoon => setTimeout(resolveSoon, 10))
  }
}
