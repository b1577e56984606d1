// One bind that is kept up: whenever its session ends another one is opened,
// after a pause.

import { createBackoff, type BackoffSettings } from './backoff.ts'
import type { PduFields } from './wire/bodies.ts'
import type { Outcome } from './session/pending.ts'
import type { SessionSettings } from './session/session-settings.ts'
import type { Closed, DeliveryEvents } from './session/session-events.ts'
import { createSession, type Session } from './session/session.ts'
import { describeStatus } from './wire/statuses.ts'

export interface LinkEvents extends DeliveryEvents {
  /** It can send now, or no more. */
  changed(): void
  room(): void
  trouble(error: string): void
}

export interface LinkParts {
  settings: SessionSettings
  backoff: BackoffSettings
  /** From 0 to 1. */
  random: () => number
  /** ms since 1970. */
  clock: () => number
}

export interface LinkStatus {
  state: string
  since: number
  inFlight: number
  detail?: string
}

export interface Link {
  /** Whether it can send: bound, and not as a receiver. */
  ready(): boolean
  free(): number
  inFlight(): number
  submit(fields: PduFields, tlvs: ReadonlyMap<number, Buffer>): Promise<Outcome> | undefined
  status(): LinkStatus
  start(): void
  /** Unbinds; what is open may end within that time. The connection is gone within `goneWithinMs`. */
  stop(withinMs: number, goneWithinMs?: number): Promise<void>
}

export function createLink({ settings, backoff: pauses, random, clock }: LinkParts, events: LinkEvents): Link {
  const backoff = createBackoff(pauses, random)
  let session: Session | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = true
  let boundAt: number | undefined
  let since = clock()
  let detail: string | undefined
  let lateBefore = 0

  function open() {
    since = clock()
    boundAt = undefined
    try {
      session = createSession(settings, {
        bound() {
          since = clock()
          boundAt = performance.now()
          detail = undefined
          events.changed()
        },
        room: events.room,
        deliver: events.deliver,
        unanswered: events.unanswered,
        closed,
      })
    } catch (error) {
      // A setting that Node refuses for its socket.
      closed({ reason: `cannot connect: ${(error as NodeJS.ErrnoException).code ?? String(error)}` })
    }
  }

  function closed({ reason, refused }: Closed) {
    const boundMs = boundAt === undefined ? 0 : performance.now() - boundAt
    since = clock()
    lateBefore += session?.late() ?? 0
    session = undefined
    detail = refused === undefined ? reason : `${reason}: ${describeStatus(refused)}`
    events.changed()
    if (stopped) return
    events.trouble(detail)
    timer = setTimeout(open, backoff.next(boundMs, refused))
  }

  return {
    ready: () => session?.state() === 'bound' && settings.kind !== 'receiver',
    free: () => session?.free() ?? 0,
    inFlight: () => session?.inFlight() ?? 0,
    submit: (fields, tlvs) => session?.submit(fields, tlvs),
    status() {
      const late = lateBefore + (session?.late() ?? 0)
      const told = detail ?? (late > 0 ? `answers that came too late: ${late}` : undefined)
      return {
        state: `${settings.kind} ${session?.state() ?? (stopped ? 'closed' : 'waiting')}`,
        since,
        inFlight: session?.inFlight() ?? 0,
        ...(told !== undefined && { detail: told }),
      }
    },
    start() {
      stopped = false
      open()
    },
    async stop(withinMs, goneWithinMs) {
      stopped = true
      clearTimeout(timer)
      const closing = session
      if (closing === undefined) return
      const gone = closing.unbind(withinMs)
      const cutOff =
        goneWithinMs === undefined ? undefined : setTimeout(() => closing.cut('cut off, unanswered'), goneWithinMs)
      await gone
      clearTimeout(cutOff)
    },
  }
}
