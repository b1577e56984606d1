// What both sides have in common: a process that serves, counts what it asks of
// the storage, and tells when its outbox is empty.

import { appendFileSync } from 'node:fs'

import { loadConfig, type Config } from '../engine/config.ts'
import { createLog, type Log } from '../engine/log.ts'
import type { Outbox } from '../engine/outbox/outbox.ts'
import type { SqliteStorage } from '../engine/storage/sqlite.ts'
import type { Storage } from '../engine/storage/storage.ts'

export interface Served {
  url: string
  storage: Storage
  outbox: Outbox
  /** Of its helpers, the engine's own process not among them. */
  otherPids(): number[]
  stop(): Promise<void>
}

export type ServerQuestion = 'state' | 'drain' | 'stop'

/** The answer to every question; to `drain` when the outbox is empty, to `stop` when all is over. */
export interface ServerState {
  port: number
  pids: number[]
  /** Operations of the storage so far, by name, and its commits. */
  operations: Record<string, number>
}

/** Ways out that both sides share: log lines to a file, the loopback carrier's to `BENCH_PRINTED` or nowhere. */
export async function serve(
  start: (config: Config, surroundings: { log: Log; print: (line: string) => void }) => Promise<Served>,
): Promise<void> {
  const folder = process.env.BENCH_FOLDER!
  const config = loadConfig(process.env, folder)
  const log = createLog(config.log, `${folder}/log`)
  const printed = process.env.BENCH_PRINTED
  const print = (line: string): void => (printed === undefined ? undefined : appendFileSync(printed, `${line}\n`))
  const served = await start(config, { log, print })
  const operations = countOperations(served.storage)

  function state(): ServerState {
    const { commits = 0 } = 'stats' in served.storage ? (served.storage as SqliteStorage).stats() : {}
    return {
      port: Number(new URL(served.url).port),
      pids: [process.pid, ...served.otherPids()],
      operations: { ...operations, commits },
    }
  }
  async function answer(question: ServerQuestion): Promise<void> {
    if (question === 'drain') await drain(served.outbox)
    if (question === 'stop') await served.stop()
    process.send!(state())
    if (question === 'stop') process.disconnect!()
  }
  process.on('message', (question: ServerQuestion) => void answer(question))
  process.on('disconnect', () => process.exit(0))
  process.send!(state())
}

function countOperations(storage: Storage): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [part, operationsOf] of [
    ['entries', storage.entries],
    ['entries', storage.ahead.entries],
    ['work', storage.work],
    ['work', storage.ahead.work],
  ] as const) {
    const operations = operationsOf as unknown as Record<string, (...values: unknown[]) => unknown>
    for (const [name, operation] of Object.entries({ ...operations })) {
      const counted = `${part}.${name}`
      counts[counted] ??= 0
      operations[name] = (...values) => {
        counts[counted]!++
        return operation(...values)
      }
    }
  }
  return counts
}

// A round must not pay for the messages and reports that the one before left behind.
async function drain(outbox: Outbox): Promise<void> {
  for (;;) {
    const { accepted, states, inFlight } = outbox.stats()
    const ended = states.delivered + states.undelivered + states.rejected + states.expired + states.failed
    if (inFlight === 0 && ended >= accepted) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
