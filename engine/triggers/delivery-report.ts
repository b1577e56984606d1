// What became of a message becomes a run of the script that sent it, if it has
// an onReport.

import type { Log } from '../log.ts'
import type { DueReports } from '../outbox/due-reports.ts'
import type { Message } from '../outbox/message.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { createDueRuns, type DueRun, type DueRuns } from './due-runs.ts'

export interface ReportParts {
  /** Final messages whose scripts have not heard of them; the outbox frees its own claims at its start. */
  source: DueReports
  sandbox: () => Sandbox
  /** Runs of one script at once. */
  atOnce: number
  /** Other engines have a part in the source. */
  shared: boolean
  clock: () => number
  log: Log
}

export function createReportTrigger({ source, sandbox, atOnce, shared, clock, log }: ReportParts): DueRuns {
  return createDueRuns({
    what: 'report',
    source: {
      claim: async limit => (await source.claim(limit)).map(dueRun),
      done: ({ id }) => source.done(id),
      later: ({ id }, dueAt) => source.later(id, dueAt),
      nextDue: () => source.nextDue(),
      free: async () => {},
    },
    sandbox,
    atOnce,
    shared,
    clock,
    log,
  })
}

function dueRun({ id, script, ref, state, error, carrier }: Message): DueRun {
  return {
    id,
    key: `report:${id}:${state}`,
    script,
    action: 'onReport',
    trigger: 'report',
    request: { id, ref: ref ?? null, state, error: error ?? null, carrier: carrier ?? null },
  }
}
