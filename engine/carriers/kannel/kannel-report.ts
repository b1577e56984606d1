// What a report of Kannel means: its type, and what the SMSC said.
//
//   1   delivered          2   not delivered         4  buffered at the SMSC
//   8   taken by the SMSC  16  refused by the SMSC
//
// The answer of 1 and 2 is the text of an SMPP receipt ("id:… stat:UNDELIV
// err:001 text:…"), which ends with the beginning of the SMS, so only its stat
// and err are kept, and nothing is read behind `text:`. The answer of 16 is "NACK/" and the command_status:
// "NACK/0x0000000b/Invalid Destination Address".

import type { CarrierReport } from '../carrier.ts'

const states: Readonly<Record<string, CarrierReport['state']>> = {
  EXPIRED: 'expired',
  DELETED: 'failed',
  // The SMSC refused it: a filter, a sender, a number, nobody can tell.
  REJECTD: 'failed',
  FAILED: 'failed',
}

/** Of a NACK: `command_status` of submit_sm_resp that puts the number at fault, with the reason. */
const numberStatuses: ReadonlyMap<number, string> = new Map([
  [0x0b, 'the network knows no such number'], // ESME_RINVDSTADR
])

/** Undefined for one that is not the last word. */
export function kannelReport(type: number, answer: string): Pick<CarrierReport, 'state' | 'error'> | undefined {
  if (type === 1) return { state: 'delivered', error: null }
  if (type === 16) {
    const hex = /^NACK\/0x([0-9a-f]{1,8})\b/i.exec(answer)?.[1]
    const status = hex === undefined ? undefined : parseInt(hex, 16)
    if (status === undefined) return { state: 'failed', error: 'NACK' }
    const state = numberStatuses.has(status) ? 'rejected' : 'failed'
    return { state, error: `NACK 0x${status.toString(16).padStart(2, '0')}` }
  }
  if (type !== 2) return undefined
  const receipt = answer.split(/\btext:/i, 1)[0]!
  const stat = /\bstat:\s*([a-z]{1,10})/i.exec(receipt)?.[1]?.toUpperCase()
  const err = /\berr:\s*([0-9a-z]{1,10})/i.exec(receipt)?.[1]
  const error = [stat, err === undefined ? undefined : `err ${err}`].filter(word => word !== undefined).join(' ')
  return { state: states[stat ?? ''] ?? 'undelivered', error: error === '' ? 'not delivered' : error }
}
