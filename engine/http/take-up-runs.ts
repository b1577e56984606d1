// What an engine that has died had begun for requests with an Idempotency-Key:
// the same request finds its answer here.

import { EngineError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Texts } from '../locales.ts'
import type { KeptRun } from '../sandbox/kept-runs.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Idempotency } from './idempotency.ts'
import { handledRun } from './run-answer.ts'

export interface TakeUpParts {
  sandbox: Sandbox
  idempotency: Idempotency
  /** The engines that have their runs themselves. */
  living: readonly string[]
  texts: () => Texts
  log: Log
}

/** Leads those runs to their ends. Resolves when all are under way. */
export async function takeUpKeyedRuns(parts: TakeUpParts): Promise<void> {
  const { sandbox, idempotency, living, texts, log } = parts
  for (const kept of await sandbox.kept.inherit(living)) {
    if (kept.owner.kind !== 'key') continue
    const ended = sandbox.resume(kept).then(run => handledRun(run, sandbox, texts()))
    idempotency.takeUp(kept.owner, kept.event.id, ended).then(
      () => log.info({ run: kept.event.id, script: kept.script.name }, 'run of a dead engine was ended'),
      (error: unknown) => giveUp(kept, error),
    )
  }

  function giveUp({ event: { id } }: KeptRun, error: unknown): void {
    log.error({ err: error, run: id }, 'a run of a dead engine cannot be ended')
    // Its version is gone: the same request begins anew, it cannot wait for ever.
    if (error instanceof EngineError && error.code === 'not_found')
      sandbox.kept.forget({ recorded: true, event: { id } }).catch(() => {})
  }
}
