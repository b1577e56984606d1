// Whose the sessions of each carrier are, where several engines work over one
// storage: all of them together open as many as the network has sold. An engine
// without one is as good as any other: what it accepts waits in the carrier's
// lane, from which the engine that has a session takes it.
//
// Where the storage is this engine's alone there is nothing of all this: its
// carriers open what they have at once.

import { performance } from 'node:perf_hooks'

import type { Carrier, LentSlots } from '../carriers/carrier.ts'
import type { Log } from '../log.ts'
import type { Entries } from '../storage/storage.ts'
import { createPeers } from './peers.ts'
import { createSlot, renewEveryMs, type Slot } from './slot.ts'
import { balanceSlots } from './slot-balance.ts'

/** While a slot is on its way from one engine to another. */
const moveLookMs = 100
const failedLookMs = 200
/** A carrier whose session was up at another engine counts as up for so long: it takes that to die, and the next one to bind. */
const graceMs = 5_000
/** A session that does not bind here may bind elsewhere (a route, a list of allowed addresses): then others try… */
const unboundPatienceMs = 120_000
/** …and this engine keeps away, for longer: networks lock out who asks too often. */
const abstainMs = 600_000

export interface SlotsParts {
  entries: Pick<Entries, 'get' | 'set' | 'delete' | 'replace' | 'list'>
  shared: boolean
  engine: string
  carriers: readonly Carrier[]
  /** Whether a carrier is well here. */
  isUp: (carrier: string) => boolean
  clock: () => number
  log: Pick<Log, 'warn'>
  patienceMs?: number
  /** Monotonic, ms. */
  monotonic?: () => number
}

export interface Slots {
  /** Undefined where all slots are this engine's. */
  lent(carrier: string): LentSlots | undefined
  /** How much of the rate of a carrier without slots is for this engine. */
  share(carrier: string): number
  /** Whether the carrier's messages leave through another engine, now or in a moment. */
  elsewhere(carrier: string): boolean
  /** Other engines store messages that they cannot send by themselves. */
  servesOthers(carrier: string): boolean
  /** Resolves after the first look, for better or worse. */
  start(): Promise<void>
  /** Takes no more slots, and tells the others that those of this engine will be free. */
  leave(): Promise<void>
  /** Gives back the slots of a carrier that is stopped. */
  giveBack(carrier: string): Promise<void>
  stop(): Promise<void>
}

const alone: Slots = {
  lent: () => undefined,
  share: () => 1,
  elsewhere: () => false,
  servesOthers: () => false,
  start: async () => {},
  leave: async () => {},
  giveBack: async () => {},
  stop: async () => {},
}

interface Lane {
  carrier: Carrier
  slots: Slot[]
  // Both by the monotonic clock.
  /** It counts as served by others. */
  servedUntil: number
  /** Others are to have its slots. */
  abstainsUntil: number
  wasServed: boolean
}

export function createSlots(parts: SlotsParts): Slots {
  const hasLimits = parts.carriers.some(({ slots, status }) => slots !== undefined || status().rate !== null)
  if (!parts.shared || !hasLimits) return alone
  const { entries, engine, carriers, isUp, clock, log } = parts
  const { patienceMs = unboundPatienceMs, monotonic = () => performance.now() } = parts
  const peers = createPeers({ entries, engine, carriers: carriers.map(({ name }) => name), monotonic })
  const lanes = new Map<string, Lane>(carriers.map(carrier => [carrier.name, laneOf(carrier)]))
  let leaving = false
  let stopped = true
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let hasFailed = false

  function laneOf(carrier: Carrier): Lane {
    const { name, slots } = carrier
    const isLeaving = (): boolean => leaving
    const common = { entries, engine, carrier: name, isUp: () => isUp(name), isLeaving, log, monotonic }
    const made = slots && Array.from({ length: slots.count }, (_, slot) => createSlot({ ...common, slot, slots }))
    return { carrier, slots: made ?? [], servedUntil: -Infinity, abstainsUntil: -Infinity, wasServed: false }
  }

  const elsewhere = ({ servedUntil }: Lane): boolean => monotonic() < servedUntil
  const wants = (name: string): boolean => monotonic() >= lanes.get(name)!.abstainsUntil

  async function look(lane: Lane): Promise<void> {
    const { carrier, slots } = lane
    const looks = await Promise.allSettled(slots.map(slot => slot.look()))
    const failed = looks.find(one => one.status === 'rejected')
    if (failed === undefined) seeOthers(lane)
    // Nothing can be accepted or moved meanwhile: what was known is the best guess.
    else if (lane.wasServed) lane.servedUntil = monotonic() + graceMs
    if (!leaving) await move(lane, peers.takers(carrier.name))
    if (failed !== undefined) throw failed.reason
  }

  function seeOthers(lane: Lane): void {
    const states = lane.slots.filter(slot => ![engine, null].includes(slot.owner())).map(slot => slot.state())
    if (states.some(state => state === 'up' || state === 'leaving')) lane.servedUntil = monotonic() + graceMs
    // One that is being opened will tell.
    else if (states.length > 0 && !states.includes('opening')) lane.servedUntil = -Infinity
    lane.wasServed = lane.carrier.ready() || elsewhere(lane)
  }

  async function move(lane: Lane, takers: readonly string[]): Promise<void> {
    const { carrier, slots } = lane
    const unbound = takers.length === 0 ? undefined : slots.find(slot => slot.unboundMs() >= patienceMs)
    if (unbound !== undefined) {
      lane.abstainsUntil = monotonic() + abstainMs
      log.warn({ carrier: carrier.name }, 'a session does not bind here, another engine is to try')
      return give(unbound)
    }
    if (takers.length > 0 && !wants(carrier.name)) return
    const owners = slots.map(slot => slot.owner())
    const moves = balanceSlots(owners, engine, takers)
    await Promise.all(moves.take.map(slot => slots[slot]!.take()))
    const isMoving = slots.some(slot => slot.isGiving() || (slot.held() && slot.state() === 'opening'))
    if (moves.give !== undefined && !isMoving) give(slots[moves.give]!)
  }

  function give(slot: Slot): void {
    slot.give().catch((error: unknown) => log.warn({ err: error }, 'a slot was not given back'))
  }

  function lookAgain(): void {
    timer = undefined
    const begun = monotonic()
    looking = Promise.allSettled([peers.look(wants), ...[...lanes.values()].map(look)])
      .then(looks => {
        const failed = looks.find(one => one.status === 'rejected')
        if (failed !== undefined && !hasFailed) log.warn({ err: failed.reason }, 'cannot see whose the sessions are')
        hasFailed = failed !== undefined
        if (stopped) return
        timer = setTimeout(lookAgain, Math.max(hasFailed ? failedLookMs : begun + untilNextMs() - monotonic(), 10))
      })
      .finally(() => (looking = undefined))
  }

  function untilNextMs(): number {
    const slots = [...lanes.values()].flatMap(lane => lane.slots)
    const isMoving = ({ owner, state, isNews }: Slot): boolean =>
      owner() === null || state() === 'leaving' || (state() === 'opening' && owner() !== engine) || isNews()
    if (slots.some(isMoving)) return moveLookMs
    // The lease of an owner that died runs out before the next second.
    const expiries = slots.map(slot => slot.expiresAt() - clock())
    return Math.max(Math.min(renewEveryMs, ...expiries), moveLookMs)
  }

  return {
    lent(name) {
      const { carrier, slots } = lanes.get(name)!
      if (carrier.slots === undefined) return undefined
      return { held: slot => slots[slot]!.held(), owner: slot => slots[slot]!.owner() }
    },
    share: name => peers.share(name),
    elsewhere: name => elsewhere(lanes.get(name)!),
    servesOthers(name) {
      const { slots } = lanes.get(name)!
      const serving = new Set(slots.filter(slot => slot.state() === 'up').map(slot => slot.owner()))
      return slots.length > 0 && peers.others(name).some(other => !serving.has(other))
    },
    async start() {
      stopped = false
      // Before it may take any it has to know who else wants them.
      await peers.look(wants).catch(() => {})
      lookAgain()
      await looking
    },
    async leave() {
      leaving = true
      if (stopped) return
      await peers.leave().catch(() => {})
      if (timer !== undefined) {
        clearTimeout(timer)
        lookAgain()
      }
    },
    async giveBack(name) {
      const given = lanes.get(name)!.slots.map(slot => slot.end())
      await Promise.allSettled(given)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
    },
  }
}
