// What each PDU of the peer means to a session of ours.

import { responseTo, type CommandName } from '../wire/commands.ts'
import { decodePdu, PduError, type Pdu } from '../wire/pdu.ts'
import type { Outcome } from './pending.ts'
import { statuses } from '../wire/statuses.ts'
import { noTlvs } from '../wire/tlvs.ts'

export interface IncomingHooks {
  /** Whether the peer may deliver and unbind. */
  bound(): boolean
  reply(command: CommandName, sequence: number, status?: number): void
  /** The answer to a request of ours; `lost` when it cannot be read. */
  answer(sequence: number, outcome: Outcome): void
  deliver(pdu: Pdu): void
  unbind(sequence: number): void
}

/** Takes whole PDUs, readable or not. */
export function createIncoming(hooks: IncomingHooks): (octets: Buffer) => void {
  function take(pdu: Pdu) {
    const { command, sequence } = pdu
    switch (command) {
      case 'submit_sm_resp':
        return hooks.answer(sequence, { kind: 'answered', pdu })
      case 'enquire_link':
        return hooks.reply('enquire_link_resp', sequence)
      case 'deliver_sm':
      case 'data_sm':
        if (hooks.bound()) return hooks.deliver(pdu)
        return hooks.reply(responseTo(command)!, sequence, statuses.ESME_RINVBNDSTS)
      case 'unbind':
        return hooks.unbind(sequence)
      case 'alert_notification':
        return
    }
    // What is left are other answers, and requests that only a message centre answers.
    const isRequest = command === 'outbind' || responseTo(command) !== undefined
    if (isRequest) return hooks.reply('generic_nack', sequence, statuses.ESME_RINVCMDID)
    hooks.answer(sequence, { kind: 'answered', pdu })
  }

  function takeUnreadable({ status, sequence, command }: PduError, octets: Buffer) {
    // An answer is never answered: the highest bit of command_id tells.
    if (octets.readUInt8(4) < 0x80)
      return hooks.reply((command && responseTo(command)) ?? 'generic_nack', sequence, status)
    // What refuses is a refusal, whatever follows its header.
    const refusal = octets.readUInt32BE(8)
    if (refusal === statuses.ESME_ROK) {
      return hooks.answer(sequence, { kind: 'lost', reason: 'an answer that cannot be read', connectionLost: false })
    }
    const pdu: Pdu = { command: command ?? 'generic_nack', status: refusal, sequence, fields: {}, tlvs: noTlvs }
    hooks.answer(sequence, { kind: 'answered', pdu })
  }

  return octets => {
    try {
      take(decodePdu(octets))
    } catch (error) {
      if (!(error instanceof PduError)) throw error
      takeUnreadable(error, octets)
    }
  }
}
