// The single costs of the sandbox, measured from where the engine stands: an
// event goes in, its outcome comes out, with real processes and real storage
// in between.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { newId } from '../engine/ids.ts'
import { createLog } from '../engine/log.ts'
import { createOutbox } from '../engine/outbox/outbox.ts'
import { defaultRunLimits } from '../engine/sandbox/limits.ts'
import { createSandbox, type Sandbox } from '../engine/sandbox/sandbox.ts'
import { openStorage } from '../engine/storage/list.ts'
import type { Storage } from '../engine/storage/storage.ts'
import { median } from './tables.ts'

export type Costs = Array<{ what: string; ms: number; note: string }>

const scripts = {
  empty: `export default () => null`,
  inRow: `export default async ({ calls }) => { for (let n = 0; n < calls; n++) await storage.get('k') }`,
  together: `export default async ({ calls }) => { await Promise.all(Array.from({ length: calls }, () => storage.get('k'))) }`,
  waiting: `export default async () => { await storage.get('k'); await storage.get('k'); await storage.get('gate') }`,
}
const calls = 40
const many = 100

export async function measureCosts(times: number): Promise<Costs> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-bench-'))
  const files = Object.entries(scripts).map(([name, code]) => [kebab(name), code] as const)
  const fresh = Array.from({ length: times }, (_, n) => [`fresh-${n}`, `export default () => ${n}`] as const)
  for (const [name, code] of [...files, ...fresh]) await writeFile(join(folder, `${name}.ts`), code)
  const gate = createGate()
  const { sandbox, close } = await openSandbox(folder, gate)

  try {
    const runs = times * 100
    for (const name of ['empty', 'in-row', 'together']) await repeat(runs, () => handle(sandbox, name, { calls }))
    const turn = await medianOf(runs, () => handle(sandbox, 'empty'))
    const inRow = await medianOf(runs, () => handle(sandbox, 'in-row', { calls }))
    const together = await medianOf(runs, () => handle(sandbox, 'together', { calls }))
    const crowd = await medianOf(times, () =>
      Promise.all(Array.from({ length: 64 }, () => handle(sandbox, 'empty'))).then(() => undefined),
    )
    const isolates: number[] = []
    for (const [name] of fresh) isolates.push(await timed(() => handle(sandbox, name)))
    const replays = { one: [] as number[], many: [] as number[] }
    for (let n = 0; n < Math.max(3, times / 4); n++) {
      replays.one.push(await replay(sandbox, gate, 1))
      replays.many.push(await replay(sandbox, gate, many))
    }
    const oneReplay = (median(replays.many) - median(replays.one)) / (many - 1)
    return [
      { what: 'one turn', ms: turn, note: 'a run without calls, one at a time, from event to outcome' },
      { what: 'one turn of 64', ms: crowd / 64, note: '64 such runs at once, for each of them' },
      { what: 'one host call', ms: (inRow - turn) / calls, note: 'storage.get and the turn that takes its answer' },
      { what: 'one of 40 host calls', ms: (together - turn) / calls, note: 'the same, all at once' },
      { what: 'a fresh isolate', ms: median(isolates) - turn, note: 'the first run of a script in its process' },
      {
        what: 'a process lost',
        ms: median(replays.one),
        note: 'one run is finished in the next one: isolate and replay',
      },
      {
        what: 'one replay',
        ms: oneReplay,
        note: `each of ${many} runs of three turns, after their process was killed`,
      },
    ]
  } finally {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Gate {
  /** How many wait. */
  waiting: number
  pass(): Promise<void>
  open(): void
}

function createGate(): Gate {
  let opened = Promise.withResolvers<void>()
  return {
    waiting: 0,
    pass() {
      this.waiting++
      return opened.promise
    },
    open() {
      this.waiting = 0
      opened.resolve()
      opened = Promise.withResolvers<void>()
    },
  }
}

async function openSandbox(folder: string, gate: Gate): Promise<{ sandbox: Sandbox; close: () => Promise<void> }> {
  const clock = Date.now
  const log = createLog('error', '/dev/null')
  const secret = 'a secret that keeps nothing worth having'
  const stored = await openStorage(`sqlite:${folder}/patchcord.db`, { secret, clock })
  const storage: Storage = {
    ...stored,
    entries: {
      ...stored.entries,
      async get(space, key) {
        if (key === 'gate') await gate.pass()
        return stored.entries.get(space, key)
      },
    },
  }
  const outbox = createOutbox({ storage, carriers: [], engine: newId('eng'), clock, log })
  const sandbox = await createSandbox({
    folder,
    texts: { en: {} },
    testNumbers: {},
    settingsOf: () => ({ countries: ['*'], memoryMb: 64 }),
    runLimits: defaultRunLimits,
    primitiveParts: { storage, outbox, timers: { wake() {} }, clock },
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

async function handle(sandbox: Sandbox, name: string, request: object = {}): Promise<void> {
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

// Runs wait for a call, their process is killed, and once the engine has seen
// that, the call is answered: from here on it takes an isolate in the next
// process, the replay of the turns so far, and one new turn.
async function replay(sandbox: Sandbox, gate: Gate, runs: number): Promise<number> {
  const ended = Promise.all(Array.from({ length: runs }, () => handle(sandbox, 'waiting')))
  await until(() => gate.waiting === runs)
  const { pid } = mainLane(sandbox)!
  // The spare process has to be ready, and nothing may start meanwhile.
  await new Promise(resolve => setTimeout(resolve, 1_500))
  process.kill(pid, 'SIGKILL')
  await until(() => ![undefined, pid].includes(mainLane(sandbox)?.pid))
  return timed(async () => {
    gate.open()
    await ended
  })
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
