// How the runs of each script ended, counted since the start.

import type { Run } from './run.ts'

//   answer    the script returned
//   refusal   it refused, with a code of its own
//   others    the code of the failure
export interface RunCount {
  script: string
  outcome: string
  count: number
}

export interface RunCounts {
  /** Under way now. */
  running: number
  /** Since the start. */
  ended: RunCount[]
}

export interface RunTally {
  /** A run that has ended. */
  add(run: Run): void
  read(): RunCount[]
}

export function createRunTally(): RunTally {
  const tallies = new Map<string, Map<string, number>>()

  return {
    add({ event, outcome }) {
      if (outcome === undefined) return
      const how = outcome.kind === 'failure' ? outcome.code : outcome.kind
      let outcomes = tallies.get(event.script.name)
      if (outcomes === undefined) tallies.set(event.script.name, (outcomes = new Map()))
      outcomes.set(how, (outcomes.get(how) ?? 0) + 1)
    },
    read: () =>
      [...tallies].flatMap(([script, outcomes]) =>
        [...outcomes].map(([outcome, count]) => ({ script, outcome, count })),
      ),
  }
}
