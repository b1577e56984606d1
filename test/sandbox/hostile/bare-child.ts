// One sandbox process without the engine around it, to see what a wall inside
// it is good for: the same code with one piece of text taken out or replaced.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { onTestFinished } from 'vitest'

import { primitives } from '../../../engine/primitives/list.ts'
import { buildScript } from '../../../engine/library/build.ts'
import { buildChild, buildGuest } from '../../../engine/sandbox/own-code.ts'
import { startSandboxProcess } from '../../../engine/sandbox/child-process.ts'
import { fields, line } from '../../../engine/sandbox/protocol.ts'
import { until } from '../../helpers.ts'
import type { HostileCase } from './corpus.ts'

/** Text that has to be there, and what takes its place. */
export type Replacement = [was: string | RegExp, is: string]

export interface Breach {
  guest?: Replacement[]
  child?: Replacement[]
  /** Budgets that are told to the isolate. */
  limits?: Record<string, number>
}

export interface Ending {
  /** `lost` to a limit, `silent` when nothing came in time, else the statement that ended the run. */
  how: 'end' | 'fail' | 'refuse' | 'limit' | 'lost' | 'silent'
  value: unknown
  calls: number
}

export interface BareChild {
  /** Runs a case to its end; every call is answered with nothing. */
  run(hostile: HostileCase, wanted?: { action?: string; limitMs?: number }): Promise<Ending>
}

const memoryMb = 32
/** Beyond its limit; a process that is silent for longer would be killed by the engine. */
const patienceMs = 1_500

export async function startBareChild({ guest = [], child = [], limits = {} }: Breach = {}): Promise<BareChild> {
  const require = createRequire(import.meta.url)
  const sesFile = join(dirname(require.resolve('ses/package.json')), 'dist', 'lockdown.umd.min.js')
  const [guestCode, childCode, ses] = await Promise.all([buildGuest(), buildChild(), readFile(sesFile, 'utf8')])
  const lines: string[] = []
  let over = false
  const process = startSandboxProcess(replaced(childCode, child), {
    line: text => void lines.push(text),
    exit: () => {
      over = true
    },
    complaint: () => {},
  })
  onTestFinished(async () => {
    process.kill()
    await until(() => over || undefined)
  })
  const settings = JSON.stringify({
    primitives: primitives.map(({ name, parameters }) => ({ name, parameters })),
    testNumbers: {},
    limits: { hostCalls: 50, valueBytes: 65_536, ...limits },
  })
  process.send(line('texts', JSON.stringify({ en: {} })))
  process.send(line('setup', JSON.stringify({ guest: replaced(guestCode, guest), ses, settings, testNumbers: {} })))
  await until(() => lines.includes('ready') || undefined)

  const isolates = new Map<string, string>()
  let turns = 0
  let runs = 0

  async function isolateOf({ name, source }: HostileCase): Promise<string> {
    const known = isolates.get(name)
    if (known !== undefined) return known
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-'))
    await writeFile(join(folder, `${name}.ts`), source)
    const { code, filename } = await buildScript(folder, join(folder, `${name}.ts`))
    await rm(folder, { recursive: true })
    process.send(
      line('script', name, JSON.stringify({ code, filename })) + line('isolate', name, name, memoryMb, 'shared'),
    )
    isolates.set(name, name)
    return name
  }

  /** Undefined when no line came about the turn. */
  async function turn(isolate: string, run: string, limitMs: number, body: object): Promise<string[] | undefined> {
    const number = String(++turns)
    process.send(line('turn', number, isolate, run, limitMs, Date.now(), 0, JSON.stringify(body)))
    const deadline = performance.now() + limitMs + patienceMs
    return until(() => {
      const found = lines.find(text => text.startsWith(`done\t${number}\t`) || text.startsWith(`lost\t${number}\t`))
      if (found !== undefined) return found.startsWith('done') ? fields(found, 4) : fields(found, 5)
      return performance.now() > deadline || over ? [] : undefined
    }).then(found => (found.length === 0 ? undefined : found))
  }

  return {
    async run(hostile, { action = 'default', limitMs = 100 } = {}) {
      const isolate = await isolateOf(hostile)
      const run = `run_${++runs}`
      let body: object = { start: { seed: '0'.repeat(64), action, request: {}, call: { id: run }, language: null } }
      let ending: Ending | undefined
      let calls = 0
      for (;;) {
        const answer = await turn(isolate, run, limitMs, body)
        if (answer === undefined) return { how: 'silent', value: undefined, calls }
        if (answer[0] === 'lost') return { how: 'lost', value: answer[2], calls }
        const statements = JSON.parse(answer[3]!) as Array<[string, ...unknown[]]>
        const called = statements.filter(([kind]) => kind === 'call')
        calls += called.length
        for (const [how, value] of statements)
          if (how === 'end' || how === 'fail' || how === 'refuse' || how === 'limit') ending ??= { how, value, calls }
        const settled = statements.some(([kind]) => kind === 'settled' || kind === 'limit')
        if (ending !== undefined && settled) return { ...ending, calls }
        if (called.length === 0) return { how: 'silent', value: undefined, calls }
        body = { deliver: called.map(([, number]) => [number, 'ok']) }
      }
    },
  }
}

function replaced(code: string, replacements: Replacement[]): string {
  let text = code
  for (const [was, is] of replacements) {
    const before = text
    text = text.replaceAll(was, () => is)
    if (text === before) throw new Error(`the wall is not where it was: ${String(was)}`)
  }
  return text
}
