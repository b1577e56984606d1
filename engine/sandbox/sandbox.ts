// The sandbox as the rest of the engine sees it: give it an event, get the
// outcome of its run.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { EngineError } from '../errors.ts'
import { maskDigits, type Log } from '../log.ts'
import { primitives } from '../primitives/list.ts'
import type { PrimitiveParts } from '../primitives/primitive.ts'
import { createRun, restoreRun } from './begin-run.ts'
import { buildChild, buildGuest } from './own-code.ts'
import { guessesFor } from './guesses.ts'
import { createKeptRuns, type KeptRuns } from './kept-runs.ts'
import type { KeptRun } from './run-record.ts'
import { openLibrary, type Library } from '../library/library.ts'
import type { ScriptSettings } from '../library/script.ts'
import { defaultSandboxLimits, type RunLimits, type SandboxLimits } from './limits.ts'
import { createPool, type Pool } from './pool.ts'
import { createRunTally, type RunCounts } from './run-tally.ts'
import { createStandings, type Offender, type Standing, type Standings } from './standing.ts'
import { failRun, loseRun, type Run, type RunEvent, type RunOutcome, type RunWiring } from './run.ts'

export interface Sandbox {
  readonly library: Library
  /**
   * Handles one event. Resolves with the ended run, whose outcome may be a
   * failure; rejects with `overloaded` when the script has too many runs, or
   * when the engine is stopping, with `script_suspended` when that version has
   * ended its sandbox too often.
   */
  run(event: RunEvent): Promise<EndedRun>
  /** Runs that an engine before this one began and did not end. */
  readonly kept: KeptRuns
  /** Leads such a run to its end. Rejects with `not_found` when nothing is known of its version any more. */
  resume(kept: KeptRun): Promise<EndedRun>
  /** Newest first: runs under way and the last thousand that ended. */
  history(): Run[]
  /** How many runs are under way, and how the others ended, by script. */
  counts(): RunCounts
  setTexts(resources: Record<string, object>): void
  /** Where versions live, for what they have done to their sandbox. */
  readonly standings: Standings
  stats: Pool['stats']
  /** Takes no new run, gives those under way `withinMs` to end, then ends them. */
  stop(withinMs: number): Promise<void>
}

export type EndedRun = Run & { outcome: RunOutcome }

export interface SandboxParts {
  folder: string
  texts: Record<string, object>
  testNumbers: Record<string, string>
  settingsOf(name: string): ScriptSettings
  runLimits: RunLimits
  sandboxLimits?: Partial<SandboxLimits>
  primitiveParts: PrimitiveParts
  /** Whose the runs are. */
  engine: string
  /** The engines that live, this one among them: a version is active on all or on none. */
  living: () => Promise<readonly string[]>
  /** Tells this folder from those of other engines. */
  place: string
  log: Log
}

/** Of ended runs, for their traces: so many, or so many that they said so much. */
const historyRuns = 1_000
const historyChars = 32_000_000

/** Somebody has to look at the script first. */
const suspendedRetryS = 60

export async function createSandbox(parts: SandboxParts): Promise<Sandbox> {
  const { runLimits, primitiveParts, log } = parts
  const { clock } = primitiveParts
  const [code, setup] = await Promise.all([buildChild(), readSetup(parts)])
  const limits = { ...defaultSandboxLimits, ...parts.sandboxLimits }
  const standings = createStandings(clock, (version, from, to) => logStanding(version, from, to, log))
  const pool = createPool({
    setup: {
      code,
      setup,
      texts: JSON.stringify(parts.texts),
      codeCache: undefined,
      limits,
      turnMs: runLimits.cpuMs,
    },
    standings,
    log,
  })
  const keptRuns = createKeptRuns(primitiveParts.storage, parts.engine)
  const live = new Map<string, Set<Run>>()
  const ended: Run[] = []
  const tally = createRunTally()
  let endedChars = 0
  let stopping = false

  primitiveParts.storage.ahead.onLost(() => {
    for (const runs of live.values()) for (const run of runs) loseRun(run)
  })

  await pool.start()
  const library = await openLibrary({
    ...parts,
    storage: primitiveParts.storage,
    readManifest: pool.readManifest,
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
    for (const call of run.calls.values()) call.delivery = call.asked = undefined
    ended.push(run)
    endedChars += run.saidChars
    while (ended.length > historyRuns || endedChars > historyChars) endedChars -= ended.shift()!.saidChars
  }

  function begin(name: string, create: (wiring: RunWiring) => Run): Promise<EndedRun> {
    let runs = live.get(name)
    if (runs === undefined) live.set(name, (runs = new Set()))
    return new Promise(resolve => {
      const run = create({
        limits: runLimits,
        parts: primitiveParts,
        note: keptRuns.note,
        before: keptRuns.before,
        wake: pool.wake,
        repeat: pool.repeat,
        finish(ended) {
          pool.release(ended)
          live.get(name)?.delete(ended)
          keep(ended)
          tally.add(ended)
          logRun(ended, log)
          resolve(ended as EndedRun)
        },
      })
      runs.add(run)
      pool.wake(run)
    })
  }

  return {
    library,
    kept: keptRuns,
    run(event) {
      const { name, hash } = event.script
      if (standings.of(hash) === 'suspended') {
        return Promise.reject(new EngineError('script_suspended', { retryAfter: suspendedRetryS }))
      }
      if (stopping || (live.get(name)?.size ?? 0) >= runLimits.runsAtOnce) {
        return Promise.reject(new EngineError('overloaded', { retryAfter: 1 }))
      }
      const guesses = guessesFor(event.script, event.action, limits.guesses)
      return begin(name, wiring => createRun(event, wiring, guesses))
    },
    async resume(record) {
      const script = await keptRuns.version(record, library)
      if (script === undefined) throw new EngineError('not_found')
      await keptRuns.own(record)
      return begin(script.name, wiring => restoreRun(record, script, wiring))
    },
    history: () => [...ended, ...[...live.values()].flatMap(runs => [...runs])].toReversed(),
    counts: () => ({ running: [...live.values()].reduce((sum, runs) => sum + runs.size, 0), ended: tally.read() }),
    setTexts: resources => pool.setTexts(JSON.stringify(resources)),
    standings,
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
      library.leave()
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
  return JSON.stringify({ guest, ses: inOneByte(sesCode), settings, testNumbers })
}

// One character beyond Latin-1 makes V8 keep the whole text in two bytes a
// character, in every isolate; ses has one in names, where it may be escaped.
function inOneByte(code: string): string {
  return code.replaceAll(/[^\0-\u00ff]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function logStanding({ name, hash }: Offender, from: Standing, to: Standing, log: Log): void {
  const line = { script: name, version: hash, from, to }
  if (to === 'fast') log.info(line, 'script runs with the others again')
  else log.warn(line, to === 'suspended' ? 'script suspended' : 'script runs apart from the others')
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
