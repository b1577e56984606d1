// The sandbox as the rest of the engine sees it: give it an event, get the
// outcome of its run.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { EngineError } from '../errors.ts'
import { maskDigits, type Log } from '../log.ts'
import { primitives } from '../primitives/list.ts'
import type { PrimitiveParts } from '../primitives/primitive.ts'
import { buildChild, buildGuest } from './build.ts'
import { guessesFor } from './guesses.ts'
import { openLibrary, type Library, type ScriptSettings } from './library.ts'
import { defaultSandboxLimits, type RunLimits, type SandboxLimits } from './limits.ts'
import { createPool, type Pool } from './pool.ts'
import { createRun, failRun, loseRun, type Run, type RunEvent, type RunOutcome } from './run.ts'

export interface Sandbox {
  readonly library: Library
  /**
   * Handles one event. Resolves with the ended run, whose outcome may be a
   * failure; rejects with `overloaded` when the script has too many runs, or
   * when the engine is stopping.
   */
  run(event: RunEvent): Promise<Run & { outcome: RunOutcome }>
  /** Newest first: runs under way and the last thousand that ended. */
  history(): Run[]
  setTexts(resources: Record<string, object>): void
  stats: Pool['stats']
  /** Takes no new run, gives those under way `withinMs` to end, then ends them. */
  stop(withinMs: number): Promise<void>
}

export interface SandboxParts {
  folder: string
  texts: Record<string, object>
  testNumbers: Record<string, string>
  settingsOf(name: string): ScriptSettings
  runLimits: RunLimits
  sandboxLimits?: Partial<SandboxLimits>
  primitiveParts: PrimitiveParts
  log: Log
}

/** Of ended runs, for their traces: so many, or so many that they said so much. */
const keptRuns = 1_000
const keptChars = 32_000_000

export async function createSandbox(parts: SandboxParts): Promise<Sandbox> {
  const { runLimits, primitiveParts, log } = parts
  const { clock } = primitiveParts
  const [code, setup] = await Promise.all([buildChild(), readSetup(parts)])
  const limits = { ...defaultSandboxLimits, ...parts.sandboxLimits }
  const pool = createPool(
    {
      code,
      setup,
      texts: JSON.stringify(parts.texts),
      limits,
      turnMs: runLimits.cpuMs,
    },
    log,
  )
  const live = new Map<string, Set<Run>>()
  const ended: Run[] = []
  let endedChars = 0
  let stopping = false

  primitiveParts.storage.ahead.onLost(() => {
    for (const runs of live.values()) for (const run of runs) loseRun(run)
  })

  await pool.start()
  const library = await openLibrary({
    folder: parts.folder,
    settingsOf: parts.settingsOf,
    readManifest: pool.readManifest,
    log,
    clock,
  }).catch((error: unknown) => {
    pool.stop()
    throw error
  })
  const sweep = setInterval(endOverdue, 50).unref()

  function endOverdue(): void {
    const before = clock() - runLimits.wallMs
    for (const runs of live.values()) {
      // The eldest come first.
      for (const run of runs) {
        if (run.startedAt > before) break
        failRun(run, 'script_timeout', `the run took longer than ${runLimits.wallMs} ms`, { limit: 'wall' })
      }
    }
  }

  function keep(run: Run): void {
    // Entropy and answers have served their purpose; the trace does without.
    for (const turn of run.journal.turns) turn.text = ''
    ended.push(run)
    endedChars += run.saidChars
    while (ended.length > keptRuns || endedChars > keptChars) endedChars -= ended.shift()!.saidChars
  }

  function wireRun(event: RunEvent, resolve: (run: Run & { outcome: RunOutcome }) => void): Run {
    const wiring = {
      limits: runLimits,
      parts: primitiveParts,
      wake: pool.wake,
      repeat: pool.repeat,
      finish(run: Run) {
        pool.release(run)
        live.get(event.script.name)?.delete(run)
        keep(run)
        logRun(run, log)
        resolve(run as Run & { outcome: RunOutcome })
      },
    }
    return createRun(event, wiring, guessesFor(event.script, event.action, limits.guesses))
  }

  return {
    library,
    run(event) {
      const { name } = event.script
      let runs = live.get(name)
      if (runs === undefined) live.set(name, (runs = new Set()))
      if (stopping || runs.size >= runLimits.runsAtOnce) {
        return Promise.reject(new EngineError('overloaded', { retryAfter: 1 }))
      }
      return new Promise(resolve => {
        const run = wireRun(event, resolve)
        runs.add(run)
        pool.wake(run)
      })
    },
    history: () => [...ended, ...[...live.values()].flatMap(runs => [...runs])].toReversed(),
    setTexts: resources => pool.setTexts(JSON.stringify(resources)),
    stats: pool.stats,
    async stop(withinMs) {
      stopping = true
      library.close()
      const deadline = performance.now() + withinMs
      const running = (): Run[] => [...live.values()].flatMap(runs => [...runs])
      while (running().length > 0 && performance.now() < deadline) {
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      for (const run of running()) failRun(run, 'script_timeout', 'the engine stopped', { limit: 'stop' })
      clearInterval(sweep)
      pool.stop()
    },
  }
}

async function readSetup({ testNumbers, runLimits: { hostCalls, valueBytes } }: SandboxParts): Promise<string> {
  const require = createRequire(import.meta.url)
  const ses = join(dirname(require.resolve('ses/package.json')), 'dist', 'lockdown.umd.min.js')
  const [guest, sesCode] = await Promise.all([buildGuest(), readFile(ses, 'utf8')])
  const settings = JSON.stringify({
    primitives: primitives.map(({ name, parameters }) => ({ name, parameters })),
    testNumbers,
    limits: { hostCalls, valueBytes },
  })
  return JSON.stringify({ guest, ses: sesCode, settings, testNumbers })
}

function logRun(run: Run, log: Log): void {
  const { id, script, action, trigger } = run.event
  const outcome = run.outcome!
  const line = {
    run: id,
    script: script.name,
    version: script.hash,
    action,
    trigger,
    // A refusal's code is the script's own word.
    outcome: outcome.kind === 'answer' ? 'answer' : maskDigits(outcome.code),
    ms: run.endedAt! - run.startedAt,
    turns: run.journal.turns.length,
    calls: run.calls.size,
  }
  if (outcome.kind === 'failure') log.warn({ ...line, detail: shortDetail(outcome) }, 'run')
  else log.info(line, 'run')
}

/** The first place in the script, and no word of the script's own: those may hold what a log must not. */
function shortDetail({ detail, place }: { detail: string; place?: string }): string {
  return place === undefined ? maskDigits(detail.split('\n')[0]!).slice(0, 200) : `at ${place}`
}
