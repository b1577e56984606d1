// What a command_status in the answer to a submit means for the message (SMPP
// 3.4, table 5-2). What is not here, codes of vendors above all, is `elsewhere`:
// that carrier will not take it, another one may.

import type { Refusal } from '../carrier.ts'
import type { Judgement } from '../judgement.ts'
import { describeStatus, statuses, type StatusName } from './wire/statuses.ts'

/** By code. */
export type Verdicts = ReadonlyMap<number, Judgement>

const table: Partial<Record<StatusName, Judgement>> = {
  // Its queue for that message, or that number, is full: the next one may pass.
  ESME_RMSGQFUL: { verdict: 'later' },
  // More a second than was agreed: whatever is sent now is refused as well.
  ESME_RTHROTTLED: { verdict: 'later', throttled: true },
  // It says itself that this is temporary.
  ESME_RX_T_APPN: { verdict: 'later' },
  // Its own trouble, which seldom lasts.
  ESME_RSYSERR: { verdict: 'later', carrierAtFault: true },
  // No such number, for every network.
  ESME_RINVDSTADR: { verdict: 'final', numberAtFault: true },
  // Failed without a reason: some centres say so for the number, most for themselves.
  ESME_RSUBMITFAIL: { verdict: 'elsewhere' },
  // A sender that this network has not registered; another one may have.
  ESME_RINVSRCADR: { verdict: 'elsewhere' },
  ESME_RINVSRCTON: { verdict: 'elsewhere' },
  ESME_RINVSRCNPI: { verdict: 'elsewhere' },
  // Our settings for this carrier, not the number.
  ESME_RINVDSTTON: { verdict: 'elsewhere' },
  ESME_RINVDSTNPI: { verdict: 'elsewhere' },
  ESME_RINVSERTYP: { verdict: 'elsewhere' },
  ESME_RINVEXPIRY: { verdict: 'elsewhere' },
  // Limits differ, and so do the ways of long messages.
  ESME_RINVMSGLEN: { verdict: 'elsewhere' },
  ESME_RINVESMCLASS: { verdict: 'elsewhere' },
  // The carrier's own rules: credit, routes, content.
  ESME_RX_P_APPN: { verdict: 'elsewhere' },
  ESME_RX_R_APPN: { verdict: 'elsewhere' },
  // The bind is not what it should be; the message is innocent.
  ESME_RINVBNDSTS: { verdict: 'elsewhere', carrierAtFault: true },
  ESME_RBINDFAIL: { verdict: 'elsewhere', carrierAtFault: true },
  ESME_RINVPASWD: { verdict: 'elsewhere', carrierAtFault: true },
  ESME_RINVSYSID: { verdict: 'elsewhere', carrierAtFault: true },
}

const usual: Verdicts = new Map(
  Object.entries(table).map(([name, judgement]) => [statuses[name as StatusName], judgement]),
)

/** What the status means; `overrides` are the carrier's settings. */
export function judge(status: number, overrides: Verdicts): Refusal {
  const { verdict, numberAtFault, throttled, carrierAtFault } = overrides.get(status) ??
    usual.get(status) ?? { verdict: 'elsewhere' as const }
  return {
    accepted: false,
    verdict,
    error: describeStatus(status),
    ...(numberAtFault === true && verdict === 'final' && { numberAtFault }),
    ...(throttled === true && verdict === 'later' && { throttled }),
    ...(carrierAtFault === true && { carrierAtFault }),
  }
}
