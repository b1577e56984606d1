// What a session tells those who opened it.

import type { Pdu } from '../wire/pdu.ts'

export interface Closed {
  reason: string
  /** command_status of a bind that was refused. */
  refused?: number
}

export interface DeliveryEvents {
  /**
   * A deliver_sm or data_sm; it is acknowledged when this resolves, and asked for
   * again when it rejects. `held` is called, perhaps
   * twice, if it waits for submits: their answers have to be read meanwhile.
   */
  deliver(pdu: Pdu, held: () => void): Promise<void>
  /** The network was not told that we have this one, stored or not: it will deliver it again. At most once for each. */
  unanswered(pdu: Pdu): void
}

export interface SessionEvents extends DeliveryEvents {
  bound(): void
  /** A place in the window is free, or the socket takes more again. */
  room(): void
  /** Once, the last of all. */
  closed(why: Closed): void
}
