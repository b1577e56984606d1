// An outbox over a real SQLite file, or another storage of the test's, with a clock that the test moves, and a
// carrier that does what the test tells it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onTestFinished, vi } from 'vitest'

import type {
  Carrier,
  CarrierEvents,
  CarrierReport,
  ReportState,
  Submission,
  SubmitResult,
} from '../../engine/carriers/carrier.ts'
import { loopback as loopbackDriver, type LoopbackCarrier } from '../../engine/carriers/loopback.ts'
import { newId } from '../../engine/ids.ts'
import { createLog } from '../../engine/log.ts'
import { createHeartbeat } from '../../engine/outbox/heartbeat.ts'
import type { Message, MessageState, NewMessage } from '../../engine/outbox/message.ts'
import { createOutbox, type Outbox, type OutboxParts } from '../../engine/outbox/outbox.ts'
import { openSqlite } from '../../engine/storage/sqlite.ts'
import { checkSettings } from '../../engine/settings.ts'
import type { Storage } from '../../engine/storage/storage.ts'

export interface TestClock {
  (): number
  advance(ms: number): void
}

export function createClock(): TestClock {
  let now = Date.UTC(2026, 0, 1)
  return Object.assign(() => now, {
    advance(ms: number) {
      now += ms
    },
  })
}

export const silent = createLog('silent')
const secret = 'a secret of the test, long enough'

export interface OpenOutbox {
  outbox: Outbox
  storage: Storage
  commits: () => number
  /** Final states, in the order in which they were told. */
  changes: Message[]
  /** Resolves with the message once it is in this state. */
  until: (id: string, state: MessageState) => Promise<Message>
  close(): Promise<void>
  /** Ends as a killed process does: nothing more is stored. */
  crash(): Promise<void>
}

export interface Place {
  path: string
  clock: TestClock
  open(parts: Partial<OutboxParts> & { carriers: readonly Carrier[] }, wrap?: (storage: Storage) => Storage): OpenOutbox
}

/** A folder for one test; `open` may be called again after `close`, as after a restart. */
export async function createPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'outbox-'))
  const path = join(folder, 'test.db')
  const clock = createClock()
  const opened = new Set<OpenOutbox>()
  onTestFinished(async () => {
    for (const one of opened) await one.close()
    await rm(folder, { recursive: true })
  })

  function open(
    parts: Partial<OutboxParts> & { carriers: readonly Carrier[] },
    wrap: (storage: Storage) => Storage = storage => storage,
  ): OpenOutbox {
    const sqlite = parts.storage === undefined ? openSqlite({ path, secret, clock }) : undefined
    const storage = wrap(parts.storage ?? sqlite!)
    const changes: Message[] = []
    const heartbeat = createHeartbeat({ storage, engine: newId('engine'), log: silent })
    const sending = createOutbox({
      heartbeat,
      clock,
      log: silent,
      onChange: message => changes.push(message),
      ...parts,
      storage,
      settings: { random: () => 0, stopWithinMs: 200, ...parts.settings },
    })
    // As the engine does it: the heart beats around all of it.
    const outbox: Outbox = {
      ...sending,
      async start() {
        await heartbeat.start()
        await sending.start()
      },
      async stop() {
        await sending.stop()
        await heartbeat.stop()
      },
    }
    const one: OpenOutbox = {
      outbox,
      storage,
      commits: () => sqlite?.stats().commits ?? 0,
      changes,
      until: (id, state) =>
        vi.waitFor(
          async () => {
            const message = await outbox.get(id)
            if (message?.state !== state) throw new Error(`${id} is ${message?.state}, not ${state}`)
            return message
          },
          { timeout: 10_000, interval: 5 },
        ),
      async close() {
        if (!opened.delete(one)) return
        await outbox.stop()
        await storage.close()
      },
      async crash() {
        opened.delete(one)
        await storage.close()
        await outbox.stop()
      },
    }
    opened.add(one)
    return one
  }
  return { path, clock, open }
}

/** The real loopback carrier, without a screen. */
export function loopback(name: string, clock: () => number, settings: Record<string, unknown> = {}): LoopbackCarrier {
  const checked = checkSettings('', loopbackDriver.settings, { receiptAfterMs: 0, ...settings })
  const lent = { log: silent, clock, print: null, callbackSecret: 'secret', callbackUrl: () => null }
  return loopbackDriver.create(name, checked, lent)
}

export function message(over: Partial<NewMessage> = {}): NewMessage {
  return {
    id: newId('msg'),
    script: 'otp',
    to: '+12015550123',
    text: 'Your code is 483920',
    validForMs: 600_000,
    priority: 'otp',
    onUncertain: 'resend',
    ...over,
  }
}

export interface Puppet extends Carrier {
  readonly submissions: Submission[]
  /** What the next submits come to, in turn; without one they are accepted. */
  readonly answers: Array<(message: Submission) => Promise<SubmitResult>>
  report(carrierId: string, state: ReportState, error?: string, more?: Partial<CarrierReport>): Promise<void>
  /** `codes`: what it takes of them although the rest waits. */
  setRoom(room: number, codes?: number): void
  setReady(ready: boolean): void
}

/** A carrier of the test's own: it takes a message as `<name>-<id>` and reports only when told. */
export function puppet(name: string, onUncertain: 'resend' | 'fail' = 'resend'): Puppet {
  let events: CarrierEvents | undefined
  let room = 100
  let codeRoom = 100
  let up = true
  const submissions: Submission[] = []
  const answers: Puppet['answers'] = []
  return {
    name,
    driver: 'puppet',
    onUncertain,
    status: () => ({ window: room, inFlight: 0, rate: null }),
    submissions,
    answers,
    room: only => (only === 'otp' ? codeRoom : room),
    ready: () => up && events !== undefined,
    async submit(submission) {
      submissions.push(submission)
      const answer = answers.shift()
      return answer ? answer(submission) : { accepted: true, carrierIds: [`${name}-${submission.id}`] }
    },
    async start(given) {
      events = given
    },
    async stop() {
      events = undefined
    },
    async report(carrierId, state, error, more) {
      await events?.report({ carrierIds: [carrierId], state, error: error ?? null, ...more })
    },
    setRoom(next, codes = next) {
      room = next
      codeRoom = codes
      events?.room()
    },
    setReady(next) {
      up = next
      events?.room()
    },
  }
}
