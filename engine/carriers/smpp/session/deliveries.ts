// What the network delivers over one session: each is acknowledged only after it
// is stored, and with too many of them open nothing more is read. Those that wait
// for submits do not count: of our own nothing but reading on can end that. The
// outbox bounds them.

import type { Pdu } from '../wire/pdu.ts'
import type { DeliveryEvents } from './session-events.ts'
import { statuses } from '../wire/statuses.ts'

export interface Deliveries {
  take(pdu: Pdu): void
  /** Those that are not answered. */
  open(): number
  /** Those of them that wait to be stored, and for nothing else. */
  storing(): number
  /** The answers so far were handed to the socket. */
  written(): void
  /** The answers that were not will not be. */
  giveBack(): void
  /** The session is over: nothing more is answered. */
  end(): void
}

export interface DeliveriesParts {
  /** With so many open nothing more is read, until half of them are stored. */
  most: number
  events: DeliveryEvents
  answer(pdu: Pdu, status: number): void
  pause(): void
  /** Fewer are open than a moment ago. */
  eased(): void
}

export function createDeliveries({ most, events, answer, pause, eased }: DeliveriesParts): Deliveries {
  const open = new Set<Pdu>()
  const held = new Set<Pdu>()
  let unwritten: Pdu[] = []
  let ended = false

  function close(pdu: Pdu, status: number) {
    if (ended) return
    open.delete(pdu)
    held.delete(pdu)
    if (status === statuses.ESME_ROK) unwritten.push(pdu)
    else events.unanswered(pdu)
    answer(pdu, status)
    eased()
  }

  const storing = (): number => open.size - held.size

  function hold(pdu: Pdu) {
    if (!open.has(pdu)) return
    held.add(pdu)
    eased()
  }

  function giveBack() {
    for (const pdu of unwritten.splice(0)) events.unanswered(pdu)
  }

  return {
    open: () => open.size,
    storing,
    take(pdu) {
      open.add(pdu)
      if (storing() >= most) pause()
      events
        .deliver(pdu, () => hold(pdu))
        .then(
          () => close(pdu, statuses.ESME_ROK),
          // A temporary error: the message centre keeps it and delivers it again.
          () => close(pdu, statuses.ESME_RX_T_APPN),
        )
    },
    written() {
      if (unwritten.length > 0) unwritten = []
    },
    giveBack,
    end() {
      ended = true
      giveBack()
      for (const pdu of open) events.unanswered(pdu)
      open.clear()
      held.clear()
    },
  }
}
