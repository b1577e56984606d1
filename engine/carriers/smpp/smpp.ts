// The carrier that speaks SMPP 3.4 with a message centre: as many binds as the
// settings say, all of them one carrier to the outbox. Over a storage that
// several engines share, `sessions` and `rate` are those of all engines together:
// an engine has the binds of the slots that it was given, and the rate of those.

import type { Carrier, CarrierDriver, CarrierEvents, CarrierParts, CarrierSlots } from '../carrier.ts'
import { createTokenBucket } from '../token-bucket.ts'
import { createBinds } from './binds.ts'
import { createDeliver, type Deliver } from './deliver.ts'
import { createPartQueue } from './part-queue.ts'
import { createRedeliveries } from './redeliveries.ts'
import { readSettings } from './read-settings.ts'
import { smppSettings, type SmppSettings } from './settings.ts'
import { createSubmitter } from './submit.ts'

export const smpp = {
  driver: 'smpp',
  settings: smppSettings,
  create: createSmpp,
} satisfies CarrierDriver<SmppSettings>

function createSmpp(name: string, settings: SmppSettings, { log, clock }: CarrierParts): Carrier {
  const { session, verdicts, paramTlvs } = readSettings(name, settings)
  let events: CarrierEvents | undefined
  let deliver: Deliver | undefined
  const redeliveries = createRedeliveries()

  const binds = createBinds(
    { bind: settings.bind, sessions: settings.sessions, settings: session, backoff: settings, clock },
    {
      changed() {
        queue.pump()
        events?.room()
      },
      room: () => queue.pump(),
      async deliver(pdu, held) {
        try {
          await deliver?.(pdu, held)
        } catch (error) {
          log.warn({ err: error, carrier: name }, 'a delivery could not be stored, the network keeps it')
          throw error
        }
      },
      unanswered: redeliveries.unanswered,
      trouble: error => events?.trouble(error),
    },
  )
  // By slots: the shares never come to more than the whole, also while slots move, and nobody has to be asked.
  const bucket = createTokenBucket(settings.rate, undefined, binds.share)
  const queue = createPartQueue(
    binds,
    bucket,
    () => events?.room(),
    () => events?.pauseMs() ?? 0,
  )
  const submitter = createSubmitter({
    settings,
    verdicts,
    paramTlvs,
    queue,
    heard: throttled => events?.part(throttled),
    ready: binds.ready,
    alive: () => events?.alive() ?? true,
    clock,
  })

  /** Until now the bucket filled by the share before. It shrinks only when the session is gone: what is under way needs it. */
  function shared(change: () => void): void {
    bucket.available()
    change()
    bucket.available()
  }

  const slots: CarrierSlots = {
    count: settings.sessions,
    ready: binds.slotReady,
    open(slot) {
      shared(() => binds.open(slot))
      queue.shut(false)
    },
    async close(slot, withinMs) {
      const deadline = performance.now() + withinMs
      const isLast = binds.share() * settings.sessions <= 1
      if (isLast) {
        // A message of several parts needs the session for those that have not gone out.
        queue.shut(true)
        await submitter.settled(withinMs / 2)
      }
      await binds.close(slot, Math.max(1, deadline - performance.now()))
      shared(() => {})
      queue.shut(binds.share() === 0)
      events?.room()
    },
  }

  return {
    name,
    driver: 'smpp',
    slots,
    onUncertain: settings.onUncertain,
    room: queue.room,
    ready: binds.ready,
    submit: submitter.submit,
    status: () => ({
      window: binds.window(),
      inFlight: binds.inFlight(),
      rate: settings.rate === undefined ? null : settings.rate * binds.share(),
      sessions: binds.sessions(),
    }),
    // Does not wait for the binds: the engine starts without its networks.
    async start(given) {
      events = given
      deliver = createDeliver(settings, given, redeliveries)
      shared(() => binds.start(given.slots))
    },
    async stop() {
      const deadline = performance.now() + settings.drainTimeoutMs
      await submitter.stop(settings.drainTimeoutMs)
      queue.stop()
      await binds.stop(Math.max(0, deadline - performance.now()))
      events = undefined
    },
  }
}
