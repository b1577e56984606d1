// The single costs of the sandbox, measured from where the engine stands: an
// event goes in, its outcome comes out, with real processes and real storage
// in between.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { newId } from '../engine/ids.ts'
import { createLog } from '../engine/log.ts'
import { createHeartbeat } from '../engine/outbox/heartbeat.ts'
import { createOutbox } from '../engine/outbox/outbox.ts'
import { defaultRunLimits, type SandboxLimits } from '../engine/sandbox/limits.ts'
import { createSandbox, type Sandbox } from '../engine/sandbox/sandbox.ts'
import { openStorage } from '../engine/storage/list.ts'
import type { Storage } from '../engine/storage/storage.ts'
import { median } from './tables.ts'

export type Costs = Array<{ what: string; note: string } & ({ ms: number } | { mb: number })>

const scripts = {
  empty: `export default () => null`,
  ownEmpty: `export default () => null`,
  ownInRow: `export default async ({ calls }) => { for (let n = 0; n < calls; n++) await storage.get('k') }`,
  inRow: `export default async ({ calls }) => { for (let n = 0; n < calls; n++) await storage.get('k') }`,
  together: `export default async ({ calls }) => { await Promise.all(Array.from({ length: calls }, () => storage.get('k'))) }`,
  waiting: `export default async ({ gate }) => { await storage.get('k'); await storage.get('k'); await storage.get(gate) }`,
}
const calls = 40
const many = 100

export async function measureCosts(times: number): Promise<Costs> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-bench-'))
  const files = Object.entries(scripts).map(([name, code]) => [kebab(name), code] as const)
  const fresh = Array.from({ length: times }, (_, n) => [`fresh-${n}`, `export default () => ${n}`] as const)
  for (const [name, code] of [...files, ...fresh]) await writeFile(join(folder, `${name}.ts`), code)
  const gates = createGates()
  const { sandbox, close } = await openSandbox(folder, {}, defaultRunLimits.cpuMs, gates)

  try {
    const runs = times * 100
    for (const name of ['empty', 'in-row', 'together', 'own-empty', 'own-in-row'])
      await repeat(runs, () => handle(sandbox, name, { calls }))
    const turn = await medianOf(runs, () => handle(sandbox, 'empty'))
    const inRow = await medianOf(runs, () => handle(sandbox, 'in-row', { calls }))
    const together = await medianOf(runs, () => handle(sandbox, 'together', { calls }))
    const crowd = await medianOf(times, () =>
      Promise.all(Array.from({ length: 64 }, () => handle(sandbox, 'empty'))).then(() => undefined),
    )
    const own = await medianOf(runs / 4, () => handle(sandbox, 'own-empty'))
    const ownInRow = await medianOf(runs / 4, () => handle(sandbox, 'own-in-row', { calls }))
    const ownCrowd = await medianOf(times, () =>
      Promise.all(Array.from({ length: 64 }, () => handle(sandbox, 'own-empty'))).then(() => undefined),
    )
    const isolates: number[] = []
    for (const [name] of fresh) isolates.push(await timed(() => handle(sandbox, name)))
    const losses: Loss[] = []
    for (let n = 0; n < Math.max(3, times / 4); n++) losses.push(await loseProcess(sandbox, gates))
    return [
      { what: 'one turn', ms: turn, note: 'a run without calls, one at a time, from event to outcome' },
      { what: 'one turn of 64', ms: crowd / 64, note: '64 such runs at once, for each of them' },
      { what: 'one host call', ms: (inRow - turn) / calls, note: 'storage.get and the turn that takes its answer' },
      { what: 'one of 40 host calls', ms: (together - turn) / calls, note: 'the same, all at once' },
      { what: 'one turn, isolation: run', ms: own, note: 'the same run in an isolate of its own, made for it' },
      {
        what: 'one turn of 64, isolation: run',
        ms: ownCrowd / 64,
        note: '64 at once, an isolate made for each of them',
      },
      { what: 'one host call, isolation: run', ms: (ownInRow - own) / calls, note: 'storage.get, as above' },
      { what: 'a fresh isolate', ms: median(isolates) - turn, note: 'the first run of a script in its process' },
      {
        what: 'a process lost',
        ms: median(losses.map(loss => loss.firstMs)),
        note: 'one run is finished in the next one: isolate and replay',
      },
      {
        what: 'one replay',
        ms: median(losses.map(loss => loss.restMs)) / many,
        note: `each of ${many} runs of three turns, after their process was killed`,
      },
    ]
  } finally {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Calls that are answered when the measurement says so: `gate:first`, `gate:rest`. */
interface Gates {
  waiting: number
  pass(key: string): Promise<void>
  open(key: string): void
}

function createGates(): Gates {
  const gates = new Map<string, PromiseWithResolvers<void>>()
  return {
    waiting: 0,
    pass(key) {
      this.waiting++
      if (!gates.has(key)) gates.set(key, Promise.withResolvers())
      return gates.get(key)!.promise
    },
    open(key) {
      gates.get(key)!.resolve()
      gates.delete(key)
    },
  }
}

/** A sandbox with real storage, as the engine has it. */
export async function openSandbox(
  folder: string,
  limits: Partial<SandboxLimits> = {},
  cpuMs = defaultRunLimits.cpuMs,
  gates?: Gates,
): Promise<{ sandbox: Sandbox; close: () => Promise<void> }> {
  const clock = Date.now
  const log = createLog('error', '/dev/null')
  const secret = 'a secret that keeps nothing worth having'
  const stored = await openStorage(`sqlite:${folder}/patchcord.db`, { secret, clock })
  const { ahead } = stored
  const storage: Storage = {
    ...stored,
    ahead: {
      ...ahead,
      entries: {
        ...ahead.entries,
        async get(space, key) {
          if (key.startsWith('gate:')) await gates?.pass(key)
          return ahead.entries.get(space, key)
        },
      },
    },
  }
  const engine = newId('eng')
  const outbox = createOutbox({
    storage,
    carriers: [],
    heartbeat: createHeartbeat({ storage, engine, log }),
    clock,
    log,
  })
  const sandbox = await createSandbox({
    folder,
    texts: { en: {} },
    testNumbers: {},
    settingsOf: name => ({ countries: ['*'], memoryMb: 64, isolation: name.startsWith('own') ? 'run' : 'shared' }),
    runLimits: { ...defaultRunLimits, cpuMs },
    sandboxLimits: limits,
    primitiveParts: { storage, outbox, timers: { wake() {} }, clock },
    engine,
    living: async () => [engine],
    place: '',
    log,
  })
  return {
    sandbox,
    async close() {
      await sandbox.stop(0)
      await stored.close()
    },
  }
}

/** One event, to its answer; rejects with the code of anything else. */
export async function handle(sandbox: Sandbox, name: string, request: object = {}): Promise<void> {
  const script = sandbox.library.get(name)!
  const id = newId('run')
  const { outcome } = await sandbox.run({
    id,
    script,
    action: 'default',
    trigger: 'http',
    request,
    call: { id, script: name, action: 'default' },
    language: 'en',
  })
  if (outcome.kind !== 'answer') throw new Error(`${name}: ${outcome.code}`)
}

interface Loss {
  firstMs: number
  restMs: number
}

// Runs wait for a call, and their process is killed. Once the engine has seen
// that, the call of one run is answered: that takes an isolate in the next
// process, the replay of the run's turns so far, and one new turn. Then the
// others follow, into the same isolate.
async function loseProcess(sandbox: Sandbox, gates: Gates): Promise<Loss> {
  gates.waiting = 0
  const first = handle(sandbox, 'waiting', { gate: 'gate:first' })
  const rest = Promise.all(Array.from({ length: many }, () => handle(sandbox, 'waiting', { gate: 'gate:rest' })))
  await until(() => gates.waiting === many + 1)
  const { pid } = mainLane(sandbox)!
  // The spare process has to be ready, and nothing may start meanwhile.
  await new Promise(resolve => setTimeout(resolve, 1_500))
  process.kill(pid, 'SIGKILL')
  await until(() => ![undefined, pid].includes(mainLane(sandbox)?.pid))
  const firstMs = await timed(() => (gates.open('gate:first'), first))
  await new Promise(resolve => setTimeout(resolve, 1_500))
  const restMs = await timed(() => (gates.open('gate:rest'), rest))
  return { firstMs, restMs }
}

function mainLane(sandbox: Sandbox): { pid: number } | undefined {
  return sandbox.stats().lanes.find(({ role }) => role === 'main')
}

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise(resolve => setTimeout(resolve, 1))
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await task()
  return performance.now() - began
}

async function repeat(times: number, task: () => Promise<void>): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < times; n++) found.push(await timed(task))
  return found
}

async function medianOf(times: number, task: () => Promise<void>): Promise<number> {
  return median(await repeat(times, task))
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, capital => `-${capital.toLowerCase()}`)
}
