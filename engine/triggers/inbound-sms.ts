// An SMS from a phone becomes a run of the script that is bound to its number.
// It is stored before the network is told that we have it, and waits for its
// script as long as that is suspended or has too many runs.

import type { InboundSms } from '../carriers/carrier.ts'
import { derivedId, newId } from '../ids.ts'
import type { Log } from '../log.ts'
import { maskNumber } from '../phone.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Storage, WorkItem } from '../storage/storage.ts'
import { createDueRuns, runIdOf } from './due-runs.ts'
import { createSmsParts } from './sms-parts.ts'
import { createWorkSource } from './work-source.ts'

export interface InboundParts {
  storage: Storage
  sandbox: () => Sandbox
  /** Runs of one script at once. */
  atOnce: number
  /** Which script answers for which number. */
  bindings: ReadonlyArray<{ to: string; script: string }>
  /** The name under which this engine claims; a new one for each start. */
  engine: string
  clock: () => number
  log: Log
  settings?: Partial<InboundSettings>
}

export interface InboundSettings {
  /** How long a network may deliver the same SMS once more, and it is still known. */
  knownMs: number
  /** How long the parts of an SMS are waited for, from the first one on. */
  partsWithinMs: number
}

export interface InboundTrigger {
  /**
   * Resolves once the SMS is stored, with the id of the run that it begins;
   * undefined when no script answers for the number, or parts of it are
   * missing. The same one again is answered as the first was. Rejects when the
   * network should deliver it again: storage_unavailable, overloaded.
   */
  receive(carrier: string, sms: InboundSms): Promise<string | undefined>
  start(): void
  /** Takes up what engines which are not `living` had begun. */
  takeOver(living: readonly string[]): Promise<void>
  stop(): void
}

/** A whole SMS, as it waits for its run. */
interface WaitingSms {
  carrier: string
  from: string
  to: string
  text: string
}

export const inboundQueue = 'inbound'
const lane = ''
const defaults: InboundSettings = { knownMs: 86_400_000, partsWithinMs: 300_000 }

export function createInboundTrigger(parts: InboundParts): InboundTrigger {
  const { storage, sandbox, bindings, engine, clock, log } = parts
  const settings = { ...defaults, ...parts.settings }
  const source = createWorkSource({ storage, queue: inboundQueue, lane, engine, clock, read, keep })
  const runs = createDueRuns({
    what: 'inbound SMS',
    source,
    sandbox,
    atOnce: parts.atOnce,
    shared: storage.shared,
    clock,
    log,
  })
  const smsParts = createSmsParts({ ...parts, queue: inboundQueue, ...settings, runId, store })

  function scriptFor(to: string): string | null {
    return bindings.find(binding => bare(binding.to) === bare(to))?.script ?? null
  }

  // Whoever is bound to the number by now answers: an operator may have moved it meanwhile.
  function read({ id, body }: Pick<WorkItem, 'id' | 'body'>) {
    const { from, to, text, carrier } = JSON.parse(body) as WaitingSms
    const request = { from, to, text, carrier }
    return { key: keyOf(id), script: scriptFor(to), action: 'onSms', trigger: 'sms', request } as const
  }

  function keep({ id }: { id: string }) {
    if (id.startsWith(nameless)) return undefined
    return { state: 'done', body: '', expiresAt: clock() + settings.knownMs }
  }

  /** Once for each id, however often it is called; resolves when it is durable. */
  async function store(id: string, sms: WaitingSms): Promise<void> {
    await storage.work.schedule({
      queue: inboundQueue,
      id,
      lane,
      priority: 0,
      dueAt: clock(),
      state: 'waiting',
      tags: { number: sms.from },
      body: JSON.stringify(sms),
      expiresAt: null,
    })
    runs.wake(clock())
  }

  return {
    async receive(carrier, { from, to, text, id, part }) {
      const name = scriptFor(to)
      if (name === null || (await sandbox().library.find(name, 'onSms')) === undefined) {
        log.warn({ carrier, to: maskNumber(to), script: name }, 'inbound SMS without a script')
        return undefined
      }
      const sms: WaitingSms = { carrier, from, to, text }
      if (part !== undefined && isPart(part)) return smsParts.receive(sms, part, id)
      const ownId = id === undefined ? newId(nameless) : derivedId('sms', `${carrier}\n${id}`)
      await store(ownId, sms)
      return runId(ownId)
    },
    start() {
      runs.start()
      smsParts.start()
    },
    async takeOver(living) {
      // Of the whole queue, the parts of SMS too.
      await runs.takeOver(living)
      smsParts.start()
    },
    stop() {
      smsParts.stop()
      runs.stop()
    },
  }
}

/** What the id of an SMS begins with that cannot be told from another one, should it come again: `sms` of all others. */
const nameless = 'nameless'

function keyOf(id: string): string {
  return `sms:${id}`
}

function runId(id: string): string {
  return runIdOf(keyOf(id))
}

/** What the header of a part can say at most: 3GPP TS 23.040, 9.2.3.24.1. */
function isPart({ number, total }: { number: number; total: number }): boolean {
  return total >= 2 && total <= 255 && number >= 1 && number <= total
}

function bare(number: string): string {
  return number.replace(/^\+/, '').toLowerCase()
}
