// All binds of one carrier: what it submits goes to the one with the most room.

import { usualBackoff, type BackoffSettings } from './backoff.ts'
import type { PduFields } from './wire/bodies.ts'
import { createLink, type LinkEvents, type LinkStatus } from './link.ts'
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
  /** Free places in all windows that are open. */
  free(): number
  inFlight(): number
  /** Of all windows, open or not. */
  window: number
  /** Undefined without a free place; throws RangeError for a field that is too long. */
  submit(fields: PduFields, tlvs: ReadonlyMap<number, Buffer>): Promise<Outcome> | undefined
  sessions(): LinkStatus[]
  start(): void
  /** Unbinds all; what is open may end within that time. */
  stop(withinMs: number): Promise<void>
}

export function createBinds(parts: BindsParts, events: LinkEvents): Binds {
  const { settings, clock, backoff = usualBackoff, random = Math.random } = parts
  const kinds: BindKind[] = parts.bind === 'transceiver' ? ['transceiver'] : ['transmitter', 'receiver']
  const links = Array.from({ length: parts.sessions }, () => kinds)
    .flat()
    .map(kind => createLink({ settings: { ...settings, kind }, backoff, random, clock }, events))

  function sum(count: 'free' | 'inFlight') {
    let total = 0
    for (const link of links) total += link[count]()
    return total
  }

  return {
    ready: () => links.some(link => link.ready()),
    free: () => sum('free'),
    inFlight: () => sum('inFlight'),
    window: parts.sessions * settings.window,
    submit(fields, tlvs) {
      let best = links[0]!
      for (const link of links) if (link.free() > best.free()) best = link
      return best.submit(fields, tlvs)
    },
    sessions: () => links.map(link => link.status()),
    start() {
      for (const link of links) link.start()
    },
    async stop(withinMs) {
      await Promise.all(links.map(link => link.stop(withinMs)))
    },
  }
}
