// What the network delivers over one session: each is acknowledged only after it
// is stored, and with too many of them open nothing more is read.

import type { Pdu } from './pdu.ts'
import { statuses } from './statuses.ts'

export interface Deliveries {
  take(pdu: Pdu): void
  open(): number
}

export interface DeliveriesParts {
  /** With so many open nothing more is read, until half of them are stored. */
  most: number
  store(pdu: Pdu): Promise<void>
  answer(pdu: Pdu, status: number): void
  pause(): void
  /** Fewer are open than a moment ago. */
  eased(): void
}

export function createDeliveries({ most, store, answer, pause, eased }: DeliveriesParts): Deliveries {
  let open = 0

  function end(pdu: Pdu, status: number) {
    open--
    answer(pdu, status)
    eased()
  }

  return {
    open: () => open,
    take(pdu) {
      open++
      if (open >= most) pause()
      store(pdu).then(
        () => end(pdu, statuses.ESME_ROK),
        // A temporary error: the message centre keeps it and delivers it again.
        () => end(pdu, statuses.ESME_RX_T_APPN),
      )
    },
  }
}
