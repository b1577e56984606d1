// What the outbox has seen of one carrier since the start, for those who watch it.

import type { Carrier, SubmitResult } from '../carriers/carrier.ts'
import type { CarrierHealth } from './carrier-health.ts'
import type { CarrierView } from './carrier-view.ts'
import { createLatencies } from './latencies.ts'
import { emptyCounts, isHandOver, type MessageBody, type MessageState } from './message.ts'

const keptErrors = 10

export interface CarrierRecord {
  began(): void
  judged(result: SubmitResult | Error, ms: number): void
  /** A state was stored of a message that it has, or had. */
  stored(state: MessageState, body: MessageBody): void
  trouble(error: string): void
  submitted(): number
  view(more: { queue: number; callbackUrl: string | null }): CarrierView
}

export interface CarrierRecordParts {
  carrier: Carrier
  health: CarrierHealth
  clock: () => number
  /** Whether it can send at all, here or through another engine. */
  ready: () => boolean
}

export function createCarrierRecord({ carrier, health, clock, ready }: CarrierRecordParts): CarrierRecord {
  const counts = { submitted: 0, accepted: 0, refused: 0, uncertain: 0 }
  const states = emptyCounts()
  const lastErrors: CarrierView['lastErrors'] = []
  const [submitMs, deliveredMs, sentMs] = [createLatencies(), createLatencies(), createLatencies()]

  function trouble(error: string): void {
    lastErrors.unshift({ at: clock(), error: error.slice(0, 200) })
    if (lastErrors.length > keptErrors) lastErrors.pop()
  }

  return {
    began: () => void counts.submitted++,
    judged(result, ms) {
      submitMs.add(ms)
      if (result instanceof Error) {
        counts.uncertain++
        trouble(result.message)
      } else if (result.accepted) counts.accepted++
      else {
        counts.refused++
        trouble(result.error)
      }
    },
    stored(state, { timeline }) {
      states[state]++
      const [first, last] = [timeline[0], timeline.at(-1)]
      if (first === undefined || last === undefined) return
      if (state === 'sent') sentMs.add(last.at - first.at)
      const sent = state === 'delivered' ? timeline.findLast(isHandOver) : undefined
      if (sent !== undefined) deliveredMs.add(last.at - sent.at)
    },
    trouble,
    submitted: () => counts.submitted,
    view({ queue, callbackUrl }) {
      const { window, inFlight, rate, sessions } = carrier.status()
      return {
        name: carrier.name,
        driver: carrier.driver,
        state: health.state(),
        since: health.since(),
        ready: ready(),
        window,
        inFlight,
        rate,
        queue,
        ...counts,
        states: { ...states },
        failures: health.failures(),
        pausedUntil: health.pausedUntil(),
        lastErrors: [...lastErrors],
        ...(sessions !== undefined && { sessions }),
        callbackUrl,
        submitMs: submitMs.read(),
        deliveredMs: deliveredMs.read(),
        sentMs: sentMs.read(),
      }
    },
  }
}
