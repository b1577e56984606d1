// A run as it is written down, so that another engine can lead it to its end.

import type { HostCall } from './host-call.ts'
import type { JournalTurn } from './journal.ts'
import type { Delivery, Run, RunEvent } from './run.ts'

/** What has to be done with the outcome, in the words of whoever began the run. */
export type RunOwner = { kind: 'key'; place: string; bodyHash: string } | { kind: 'timer' | 'sms' | 'report' }

/** A run as it was when its last effect became durable. */
export interface KeptRun {
  /** Whose it is. */
  engine: string
  owner: RunOwner
  event: Omit<RunEvent, 'script' | 'owner'>
  script: { name: string; hash: string }
  turns: JournalTurn[]
  /** Those that were answered. */
  calls: KeptCall[]
  /** Answers that were in no turn yet. */
  deliveries: Delivery[]
  messages: number
  /** Which of its messages a call is, for those that were not answered. */
  reserved: Array<[call: number, message: number]>
  hadEffect: boolean
  changes: Array<[string, { before: string | undefined; after: string | undefined }]>
}

export type KeptCall = Omit<HostCall, 'done' | 'changed' | 'input'>

/** `engine` is whose it is. */
export function recordOf(run: Run, engine: string): KeptRun {
  const { script, owner, ...event } = run.event
  return {
    engine,
    owner: owner!,
    event,
    script: { name: script.name, hash: script.hash },
    turns: run.journal.turns,
    calls: [...run.calls.values()].filter(call => call.endedAt !== undefined).map(keptCall),
    deliveries: run.deliveries,
    messages: run.messages,
    reserved: [...run.calls.values()].flatMap(({ number, message }) =>
      message === undefined ? [] : [[number, message] satisfies [number, number]],
    ),
    hadEffect: run.hadEffect,
    changes: [...(run.changes ?? [])],
  }
}

function keptCall({ done: _done, changed: _changed, input: _input, ...call }: HostCall): KeptCall {
  return call
}
