// What the network delivers: receipts on what we sent, and SMS from phones. Each
// is acknowledged only when this resolves; the network keeps it until then.

import type { CarrierEvents, ReportState } from '../carrier.ts'
import { decodeText } from './wire/alphabet.ts'
import { candidateIds, normalId } from './wire/message-ids.ts'
import { readPart } from './wire/parts.ts'
import type { Pdu } from './wire/pdu.ts'
import { readReceipt, type Receipt, type ReceiptState } from './wire/receipt.ts'
import type { Redeliveries } from './redeliveries.ts'
import type { SmppSettings } from './settings.ts'
import { tlvTags, tlvText } from './wire/tlvs.ts'

type DeliverSettings = Pick<SmppSettings, 'defaultAlphabet' | 'messageIdFormat' | 'receiptErrors'>

/** `REJECTD` says nothing of the number: it is for spam, a sender or credit, unless `receiptErrors` knows its code better. */
const states: Readonly<Record<ReceiptState, ReportState | undefined>> = {
  enroute: undefined,
  accepted: undefined,
  delivered: 'delivered',
  expired: 'expired',
  deleted: 'failed',
  undeliverable: 'undelivered',
  rejected: 'failed',
  unknown: 'failed',
}

/** Where a receipt has the state as a parameter only. */
const words: Readonly<Record<ReceiptState, string>> = {
  enroute: 'ENROUTE',
  accepted: 'ACCEPTD',
  delivered: 'DELIVRD',
  expired: 'EXPIRED',
  deleted: 'DELETED',
  undeliverable: 'UNDELIV',
  rejected: 'REJECTD',
  unknown: 'UNKNOWN',
}

/** `held` is called, perhaps twice, if a receipt has to wait for submits. */
export type Deliver = (pdu: Pdu, held: () => void) => Promise<void>

export function createDeliver(settings: DeliverSettings, events: CarrierEvents, redeliveries: Redeliveries): Deliver {
  const codes = new Map(Object.entries(settings.receiptErrors).map(([code, { state }]) => [plainCode(code), state]))

  async function report(receipt: Receipt, { fields, tlvs }: Pdu, held: () => void) {
    const { state, error } = receipt
    const usual = states[state]
    // A parameter of its own has the id mostly as the submit was answered: as it
    // is, it needs no proof. Every other way to read an id may be another message's.
    const named = tlvText(tlvs, tlvTags.receiptedMessageId)
    const sureId = named === undefined ? undefined : normalId(named)
    const spelled = receipt.ids.flatMap(id => candidateIds(id, settings.messageIdFormat))
    const ids = [...new Set(sureId === undefined ? spelled : [sureId, ...spelled])]
    // One underway says nothing that is final, and one without an id nothing of any message.
    if (usual === undefined || receipt.intermediate || ids.length === 0) return
    const known = error === null || usual === 'delivered' ? undefined : codes.get(plainCode(error))
    // The source of a receipt is whom the message was for, but some centres leave
    // the addresses as the submit had them: so either may be the phone.
    const to = [fields.sourceAddr, fields.destinationAddr].map(addr => addr?.replaceAll(/\D/g, '') ?? '')
    await events.report({
      carrierIds: ids,
      state: known ?? usual,
      error: usual === 'delivered' ? null : [receipt.stat ?? words[state], error ?? ''].join(' ').trim(),
      ...(ids.length > 1 && { to: to.filter(digits => digits !== ''), sureId }),
      held,
    })
  }

  return async (pdu, held) => {
    const { fields } = pdu
    const receipt = readReceipt(pdu, settings.defaultAlphabet)
    if (receipt !== undefined) return report(receipt, pdu, held)
    const { octets, part } = readPart(pdu)
    await events.inbound({
      from: numberOf(fields.sourceAddr, fields.sourceAddrTon),
      to: numberOf(fields.destinationAddr, fields.destAddrTon),
      text: decodeText(octets, fields.dataCoding ?? 0, settings.defaultAlphabet),
      // A part is known again by its reference and its text.
      id: part === undefined ? redeliveries.idOf(pdu) : undefined,
      part,
    })
  }
}

/** Many networks write `7` for `007`. */
function plainCode(code: string): string {
  return code.toLowerCase().replace(/^0+(?=.)/, '')
}

/**
 * With `+` where it is international: by its type of number (1), or of unknown
 * type (0) with the length of one. Names and short codes stay as they are.
 */
function numberOf(addr = '', ton = 0): string {
  const isInternational = ton === 1 ? /^\d{5,15}$/.test(addr) : ton === 0 && /^[1-9]\d{10,14}$/.test(addr)
  return isInternational ? `+${addr}` : addr
}
