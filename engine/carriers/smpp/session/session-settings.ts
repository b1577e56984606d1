// What one session has to know. All times are settings, so that they can be short.

import type { Endpoint } from './open-socket.ts'
import type { WatchSettings } from './watch.ts'

export type BindKind = 'transceiver' | 'transmitter' | 'receiver'

export interface SessionSettings extends Endpoint, WatchSettings {
  kind: BindKind
  systemId: string
  password: string
  systemType: string
  /** Submits without an answer at once. */
  window: number
  connectTimeoutMs: number
  bindTimeoutMs: number
  responseTimeoutMs: number
  /** How long an unbind waits for its answer. */
  unbindTimeoutMs: number
  /** Deliveries that wait to be stored; with so many nothing more is read. */
  openDeliveries: number
  /** The sequence number before the first; 0 when absent. */
  sequenceStart?: number | undefined
}
