// Where a message goes that its carrier did not take, and how long it waits.

import type { Carrier } from '../carriers/carrier.ts'
import type { MessageBody } from './message.ts'
import type { OutcomeRules } from './outcome.ts'
import type { OutboxSettings } from './outbox.ts'
import type { Health, Routable, Router } from './route.ts'

export interface RulesParts {
  router: Router
  carriers: readonly Carrier[]
  settings: Pick<OutboxSettings, 'firstPauseMs' | 'longestPauseMs' | 'random'>
  health: () => Health
  isUp: (carrier: string) => boolean
  /** Takes the one place of a carrier that is being probed. */
  choose: (carrier: string | undefined) => string | undefined
}

export function createRules({ router, carriers, settings, health, isUp, choose }: RulesParts): OutcomeRules {
  const untried = (body: MessageBody): string[] =>
    router.route(routable(body), health()).filter(name => !body.tried.includes(name))

  return {
    pauseMs(pauses) {
      const pauseMs = Math.min(settings.firstPauseMs * 2 ** pauses, settings.longestPauseMs)
      return Math.round(pauseMs * (0.5 + settings.random() / 2))
    },
    next: body => choose(untried(body)[0]),
    other: (body, carrier) => choose(untried(body).find(name => name !== carrier && isUp(name))),
    onUncertain: carrier => carriers.find(({ name }) => name === carrier)?.onUncertain ?? 'resend',
  }
}

/** As `accept` had it, the id that weights are drawn by included: a message that moves keeps its order of carriers. */
function routable({ id, to, only, script, askedFrom }: MessageBody): Routable {
  return { id, to, carrier: only ?? undefined, script, from: askedFrom }
}
