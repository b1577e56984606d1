// All carriers with what the outbox keeps for each: its sender, its health, its record.

import type { Carrier, CarrierReport, InboundSms, SubmitResult } from '../carriers/carrier.ts'
import { createCarrierHealth, type CarrierHealth } from './carrier-health.ts'
import { createCarrierRecord, type CarrierRecord } from './carrier-record.ts'
import type { CarrierView } from './carrier-view.ts'
import type { Step } from './outcome.ts'
import type { Reports } from './reports.ts'
import type { Health } from './route.ts'
import { createSender, type Reservation, type Sender, type SenderParts } from './sender.ts'
import { createSlots, type SlotsParts } from './slots.ts'

/** All submits of a connection fail at once when it is lost: for a carrier that has some, that is one failure. */
const lostTogetherMs = 50

export interface FleetParts extends Omit<SenderParts, 'carrier' | 'health' | 'submitting' | 'servesOthers'> {
  entries: SlotsParts['entries']
  carriers: readonly Carrier[]
  reports: Pick<Reports, 'began' | 'ended'>
}

export interface Fleet {
  /** Up or down, for the router. */
  health(): Health
  readonly healths: ReadonlyMap<string, CarrierHealth>
  isUp(carrier: string): boolean
  /** Whether some carrier can send at all, here or through another engine. */
  ready(): boolean
  /** To be told which carrier a message goes to, if it goes to one; answers it. */
  choose<Name extends string | undefined>(carrier: Name): Name
  /** Something may be due for a carrier, or may be taken by it. */
  wake(carrier: string, priority?: 'otp' | 'bulk'): void
  wakeAll(): void
  reserve(carrier: string, priority: 'otp' | 'bulk'): Reservation | undefined
  /** A step was stored. */
  stored(step: Step): void
  start(events: {
    report(carrier: string, report: CarrierReport): Promise<void>
    inbound(carrier: string, sms: InboundSms): Promise<string | undefined>
  }): Promise<void>
  /** Claims nothing more; resolves when all that was claimed is settled, or after `withinMs`. */
  settled(withinMs: number): Promise<void>
  /** Stops the carriers, and gives what they had to other engines. */
  stop(): Promise<void>
  submitted(): number
  inFlight(): number
  views(more: (carrier: Carrier) => { queue: number; callbackUrl: string | null }): CarrierView[]
}

interface Member {
  carrier: Carrier
  sender: Sender
  health: CarrierHealth
  record: CarrierRecord
}

export function createFleet({ carriers, reports, ...parts }: FleetParts): Fleet {
  const { clock, log } = parts
  const members = new Map<string, Member>()
  const slots = createSlots({ ...parts, carriers, isUp: name => members.get(name)!.health.isUp() })
  const submitting = {
    began(name: string) {
      members.get(name)!.record.began()
      return reports.began(name)
    },
    judged(name: string, result: SubmitResult | Error, ms: number) {
      members.get(name)!.record.judged(result, ms)
    },
    ended: reports.ended,
  }
  for (const carrier of carriers) {
    const { name } = carrier
    const togetherMs = carrier.status().sessions === undefined ? 0 : lostTogetherMs
    const elsewhere = (): boolean => slots.elsewhere(name)
    const health = createCarrierHealth(() => carrier.ready(), clock, { togetherMs }, elsewhere)
    const record = createCarrierRecord({ carrier, health, clock, ready: () => isReady(carrier) })
    const sender = createSender({ ...parts, carrier, health, submitting, servesOthers: () => slots.servesOthers(name) })
    members.set(name, { carrier, sender, health, record })
  }
  const all = [...members.values()]

  function isReady(carrier: Carrier): boolean {
    return carrier.ready() || slots.elsewhere(carrier.name)
  }

  return {
    health: () => Object.fromEntries(all.map(({ carrier: { name }, health }) => [name, health.isUp() ? 'up' : 'down'])),
    healths: new Map(all.map(({ carrier: { name }, health }) => [name, health])),
    isUp: name => members.get(name)?.health.isUp() === true,
    ready: () => carriers.some(isReady),
    choose(name) {
      if (name !== undefined) members.get(name)?.health.chosen()
      return name
    },
    wake: (name, priority) => members.get(name)?.sender.wake(priority),
    reserve: (name, priority) => members.get(name)?.sender.reserve(priority),
    wakeAll() {
      for (const { sender } of all) sender.wake()
    },
    stored({ state, lane, body }) {
      // A step to another carrier is the doing of the one that its timeline names.
      const doer = body.timeline.at(-1)?.carrier ?? lane
      members.get(doer)?.record.stored(state, body)
    },
    async start({ report, inbound }) {
      await Promise.all(
        all.map(({ carrier, sender, health, record }) =>
          carrier.start({
            report: told => report(carrier.name, told),
            inbound: sms => inbound(carrier.name, sms),
            room: () => sender.look(),
            part(throttled) {
              if (health.part(throttled !== null)) record.trouble(throttled!)
            },
            pauseMs: () => Math.max(0, (health.pausedUntil() ?? 0) - clock()),
            alive: parts.alive,
            share: () => slots.share(carrier.name),
            slots: slots.lent(carrier.name),
            trouble(error) {
              record.trouble(error)
              log.warn({ carrier: carrier.name, error }, 'trouble with a carrier')
            },
          }),
        ),
      )
      await slots.start()
      for (const { sender } of all) sender.start()
    },
    async settled(withinMs) {
      const left = slots.leave()
      for (const { sender } of all) sender.stop()
      const idle = Promise.all(all.map(({ sender }) => sender.idle()))
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, withinMs)
      await Promise.race([Promise.all([idle, left]), late.promise])
      clearTimeout(timer)
    },
    async stop() {
      const stopping = all.map(async ({ carrier }) => {
        await carrier.stop()
        await slots.giveBack(carrier.name)
      })
      await Promise.all(stopping)
      await slots.stop()
    },
    submitted: () => all.reduce((sum, { record }) => sum + record.submitted(), 0),
    inFlight: () => all.reduce((sum, { sender }) => sum + sender.inFlight(), 0),
    views: more => all.map(({ carrier, record }) => record.view(more(carrier))),
  }
}
