// The carrier that speaks SMPP 3.4 with a message centre: as many binds as the
// settings say, all of them one carrier to the outbox.

import type { Carrier, CarrierDriver, CarrierEvents, CarrierParts } from '../carrier.ts'
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
  const queue = createPartQueue(
    binds,
    createTokenBucket(settings.rate),
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

  return {
    name,
    driver: 'smpp',
    onUncertain: settings.onUncertain,
    room: queue.room,
    ready: binds.ready,
    submit: submitter.submit,
    status: () => ({
      window: binds.window,
      inFlight: binds.inFlight(),
      rate: settings.rate ?? null,
      sessions: binds.sessions(),
    }),
    // Does not wait for the binds: the engine starts without its networks.
    async start(given) {
      events = given
      deliver = createDeliver(settings, given, redeliveries)
      binds.start()
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
