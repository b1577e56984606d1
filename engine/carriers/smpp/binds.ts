// All binds of one carrier: what it submits goes to the one with the most room.
//
// A slot is one session that the network sold: a transceiver, or a transmitter
// with its receiver. Where several engines share them only those are open that
// this engine has been given (outbox/slots.ts), and the same is asked again for
// each submit: an engine that was held up may have lost one without notice.

import type { LentSlots } from '../carrier.ts'
import { usualBackoff, type BackoffSettings } from './backoff.ts'
import type { PduFields } from './wire/bodies.ts'
import { createLink, type Link, type LinkEvents, type LinkStatus } from './link.ts'
import type { Outcome } from './session/pending.ts'
import type { BindKind, SessionSettings } from './session/session-settings.ts'

export interface BindsParts {
  bind: 'transceiver' | 'transmitter-receiver'
  /** Transceivers, or pairs. */
  sessions: number
  settings: Omit<SessionSettings, 'kind'>
  clock: () => number
  backoff?: BackoffSettings | undefined
  random?: (() => number) | undefined
}

export interface Binds {
  /** At least one can send. */
  ready(): boolean
  /** The same of one slot. */
  slotReady(slot: number): boolean
  /** Free places in all windows that are open. */
  free(): number
  inFlight(): number
  /** Of all windows that are ours, open or not. */
  window(): number
  /** How much of the carrier is ours, 0 to 1. */
  share(): number
  /** Whether none of its slots is ours, or will be in a moment: no word on how the carrier is. */
  isElsewhere(): boolean
  /** Undefined without a free place; throws RangeError for a field that is too long. */
  submit(fields: PduFields, tlvs: ReadonlyMap<number, Buffer>): Promise<Outcome> | undefined
  sessions(): LinkStatus[]
  /** Opens all of them, or with `lent` none yet. */
  start(lent?: LentSlots): void
  open(slot: number): void
  /** Half of the time is for what is open; then the slot unbinds, and is cut off at the end of it. */
  close(slot: number, withinMs: number): Promise<void>
  /** Unbinds all; what is open may end within that time. */
  stop(withinMs: number): Promise<void>
}

export function createBinds(parts: BindsParts, events: LinkEvents): Binds {
  const { settings, clock, backoff = usualBackoff, random = Math.random } = parts
  const kinds: BindKind[] = parts.bind === 'transceiver' ? ['transceiver'] : ['transmitter', 'receiver']
  const slots = Array.from({ length: parts.sessions }, () =>
    kinds.map(kind => createLink({ settings: { ...settings, kind }, backoff, random, clock }, events)),
  )
  const ours = new Set<number>()
  const closing = new Set<number>()
  let lent: LentSlots | undefined
  let stopped = false

  const held = (slot: number): boolean => lent?.held(slot) ?? true
  const slotReady = (slot: number): boolean => held(slot) && slots[slot]!.some(link => link.ready())

  function inFlight(): number {
    let total = 0
    for (const links of slots) for (const link of links) total += link.inFlight()
    return total
  }

  function free(): number {
    let total = 0
    for (const [slot, links] of slots.entries()) if (held(slot)) for (const link of links) total += link.free()
    return total
  }

  function open(slot: number): void {
    if (stopped || ours.has(slot)) return
    ours.add(slot)
    for (const link of slots[slot]!) link.start()
  }

  function sessions(): LinkStatus[] {
    return slots.flatMap((links, slot) =>
      links.map(link => (lent === undefined || ours.has(slot) ? link.status() : elsewhere(link, lent.owner(slot)))),
    )
  }

  return {
    ready: () => slots.some((_links, slot) => slotReady(slot)),
    slotReady,
    free,
    inFlight,
    window: () => (lent === undefined ? slots.length : ours.size) * settings.window,
    share: () => (lent === undefined ? 1 : ours.size / slots.length),
    isElsewhere: () => lent !== undefined && ![...ours].some(slot => held(slot) && !closing.has(slot)),
    submit(fields, tlvs) {
      let best: Link | undefined
      for (const [slot, links] of slots.entries())
        if (held(slot)) for (const link of links) if (link.free() > (best?.free() ?? 0)) best = link
      return best?.submit(fields, tlvs)
    },
    sessions,
    start(given) {
      lent = given
      if (lent === undefined) for (const slot of slots.keys()) open(slot)
    },
    open,
    async close(slot, withinMs) {
      closing.add(slot)
      await Promise.all(slots[slot]!.map(link => link.stop(withinMs / 2, withinMs)))
      closing.delete(slot)
      ours.delete(slot)
    },
    async stop(withinMs) {
      stopped = true
      await Promise.all(slots.flat().map(link => link.stop(withinMs)))
    },
  }
}

function elsewhere(link: Link, owner: string | null): LinkStatus {
  const { state, ...rest } = link.status()
  const kind = state.split(' ')[0]!
  return { ...rest, state: `${kind} elsewhere`, detail: owner === null ? 'no engine has it' : `engine ${owner} has it` }
}
