// What the settings of a carrier may say of a refusal.

import type { Verdict } from './carrier.ts'

/** As in Refusal (carrier.ts). */
export interface Judgement {
  verdict: Verdict
  numberAtFault?: boolean | undefined
  throttled?: boolean | undefined
  carrierAtFault?: boolean | undefined
}

/** The verdict of each without which it would have no effect. */
const verdictOf = { numberAtFault: 'final', throttled: 'later' } as const

/** Tells `wrong` of what would have no effect. */
export function checkJudgement(
  judgement: Judgement,
  wrong: (setting: keyof typeof verdictOf, trouble: string) => void,
): void {
  for (const setting of ['numberAtFault', 'throttled'] as const) {
    if (judgement[setting] !== true) continue
    if (judgement.verdict !== verdictOf[setting]) wrong(setting, `goes with the verdict ${verdictOf[setting]} only`)
    // With it every message moves, whatever else is said of it.
    else if (judgement.carrierAtFault === true) wrong(setting, 'does not go with carrierAtFault')
  }
}
