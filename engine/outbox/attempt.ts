// One message handed to one carrier, and what came of it written down.

import { performance } from 'node:perf_hooks'

import type { Carrier, SubmitResult } from '../carriers/carrier.ts'
import { UncertainError } from '../carriers/uncertain-error.ts'
import type { Log } from '../log.ts'
import { maskNumber } from '../phone.ts'
import type { WorkItem } from '../storage/storage.ts'
import type { CarrierHealth, Submit } from './carrier-health.ts'
import type { MessageBody } from './message.ts'
import { accepted, refused, uncertain, type OutcomeRules, type Step } from './outcome.ts'

export interface AttemptParts {
  carrier: Carrier
  clock: () => number
  log: Pick<Log, 'info'>
  rules: OutcomeRules
  /** Writes a step, until it is written; the carrier's id becomes findable before that. */
  settle: (item: WorkItem, step: Step) => Promise<void>
  health: CarrierHealth
  /** Around each submit: for reports that are faster than the settle, and for those who count. */
  submitting: Submitting
}

export interface Submitting {
  /** Answers what `ended` is to be told; later ones are higher. */
  began(carrier: string): number
  /** `result` is what the carrier said, an error where nobody knows; `ms` is how long that took. */
  judged(carrier: string, result: SubmitResult | Error, ms: number): void
  /** It is settled. */
  ended(carrier: string, ticket: number): void
}

type Sendable = MessageBody & { text: string }

interface Begun {
  submit: Submit
  /** Monotonic, ms. */
  at: number
}

/** Resolves when the outcome is settled. */
export type Attempt = (item: WorkItem, body: Sendable) => Promise<void>

export function createAttempt({ carrier, clock, log, rules, settle, health, submitting }: AttemptParts): Attempt {
  const { name } = carrier

  async function submit(item: WorkItem, body: Sendable, begun: Begun): Promise<Step> {
    const { to, from, text, segments, encoding, priority, expiresAt, params } = body
    let result: SubmitResult
    try {
      result = await carrier.submit({
        id: item.id,
        to,
        from,
        text,
        segments,
        encoding,
        priority,
        expiresAt,
        params,
      })
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      judged(cause, begun)
      return uncertain(body, name, cause.message, clock(), rules)
    }
    judged(result, begun)
    if (result.accepted) return accepted(body, name, result.carrierIds, clock())
    return refused(body, { carrier: name, dueAt: item.dueAt }, result, clock(), rules)
  }

  function judged(what: SubmitResult | Error, { submit, at }: Begun): void {
    if (what instanceof UncertainError && what.refusal !== undefined) health.refused(submit, what.refusal)
    else if (what instanceof Error) health.uncertain(submit, what instanceof UncertainError && what.connectionLost)
    else if (what.accepted) health.accepted(submit)
    else health.refused(submit, what)
    submitting.judged(name, what, performance.now() - at)
  }

  return async (item, body) => {
    const ticket = submitting.began(name)
    const begun = { submit: health.began(), at: performance.now() }
    try {
      const step = await submit(item, body, begun)
      const entry = step.body.timeline.at(-1)
      log.info(
        {
          message: item.id,
          carrier: name,
          to: maskNumber(body.to),
          state: step.state,
          attempt: step.body.attempts,
          ms: Math.round(performance.now() - begun.at),
          ...(entry?.detail && { error: entry.detail }),
        },
        'delivery attempt',
      )
      await settle(item, step)
    } finally {
      submitting.ended(name, ticket)
    }
  }
}
