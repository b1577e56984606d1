// What an engine that has died had begun for requests with an Idempotency-Key:
// the same request finds its answer here.

import { EngineError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Texts } from '../locales.ts'
import type { KeptRun } from '../sandbox/run-record.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { HandledRun, Idempotency } from './idempotency.ts'
import { handledRun } from './run-answer.ts'

export interface TakeUpParts {
  sandbox: Sandbox
  idempotency: Idempotency
  /** The engines that have their runs themselves. */
  living: readonly string[]
  /** One of the others was seen to go since the last time; else only a look now and then is worth its reads. */
  hasDied: boolean
  texts: () => Texts
  log: Log
}

/** Leads those runs to their ends. Resolves when all are under way. */
export async function takeUpKeyedRuns(parts: TakeUpParts): Promise<void> {
  const { sandbox, idempotency, living, hasDied, texts, log } = parts
  for (const kept of await sandbox.kept.inherit(living, hasDied)) {
    const { owner, event, script } = kept
    if (owner.kind !== 'key') continue
    const refused = (error: EngineError): void =>
      log.warn({ err: error, run: event.id }, 'a run of a dead engine is tried again')
    idempotency.takeUp(kept, { owner, lead, refused }).then(
      isDone => isDone && log.info({ run: event.id, script: script.name }, 'run of a dead engine was ended'),
      (error: unknown) => log.error({ err: error, run: event.id }, 'a run of a dead engine cannot be ended'),
    )
  }

  async function lead(kept: KeptRun): Promise<HandledRun | undefined> {
    const run = await sandbox.resume(kept).catch((error: unknown) => {
      if (!(error instanceof EngineError) || error.code !== 'not_found') throw error
      // Nobody is to wait for it for ever.
      log.error({ run: kept.event.id }, 'a run of a dead engine cannot be ended: its version of the script is gone')
      return undefined
    })
    // That is no answer to keep: its record leads it on.
    if (run?.outcome.kind === 'failure' && run.outcome.code === 'storage_unavailable')
      throw new EngineError('storage_unavailable', { retryAfter: 1 })
    return run && handledRun(run, sandbox, texts())
  }
}
