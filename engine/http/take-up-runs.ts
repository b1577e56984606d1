// What the engine before this one had begun for requests with an
// Idempotency-Key, and died over: the same request finds its answer here.

import type { Log } from '../log.ts'
import type { Texts } from '../locales.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Idempotency } from './idempotency.ts'
import { handledRun } from './run-answer.ts'

/** Leads those runs to their ends. Resolves when all are under way. */
export async function takeUpKeyedRuns(parts: {
  sandbox: Sandbox
  idempotency: Idempotency
  texts: () => Texts
  log: Log
}): Promise<void> {
  const { sandbox, idempotency, texts, log } = parts
  for (const kept of await sandbox.kept.list()) {
    if (kept.owner.kind !== 'key') continue
    const ended = sandbox.resume(kept).then(run => handledRun(run, sandbox, texts()))
    idempotency.takeUp(kept.owner, ended).then(
      () => log.info({ run: kept.event.id, script: kept.script.name }, 'run of the engine before was ended'),
      (error: unknown) => log.error({ err: error, run: kept.event.id }, 'a run of the engine before cannot be ended'),
    )
  }
}
