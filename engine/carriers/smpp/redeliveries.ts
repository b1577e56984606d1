// Which SMS a network delivers once more. SMPP gives an SMS from a phone no id,
// and the same text twice may well be two SMS: so one is taken for the same only
// when the network was not told that we have it, because we refused it or the
// session ended before our answer left.
//
// In memory: what was stored but not answered when the engine ended comes in
// twice, and so does what was answered into a connection that broke at that
// moment.

import { createHash } from 'node:crypto'

import { newId } from '../../ids.ts'
import type { Pdu } from './wire/pdu.ts'
import { tlvTags } from './wire/tlvs.ts'

export interface Redeliveries {
  /** Of the SMS that this one repeats, else a new one. */
  idOf(pdu: Pdu): string
  /** The network will deliver this one again. */
  unanswered(pdu: Pdu): void
}

const most = 10_000
const keptMs = 600_000

export function createRedeliveries(monotonic: () => number = () => performance.now()): Redeliveries {
  const given = new WeakMap<Pdu, { mark: string; id: string }>()
  /** By id, the oldest first; two SMS may be the same to the octet. */
  const kept = new Map<string, { mark: string; since: number }>()
  const byMark = new Map<string, Set<string>>()

  function forget(id: string, mark: string) {
    kept.delete(id)
    const same = byMark.get(mark)
    same?.delete(id)
    if (same?.size === 0) byMark.delete(mark)
  }

  function clear() {
    for (const [id, { mark, since }] of kept) {
      if (kept.size <= most && since + keptMs > monotonic()) return
      forget(id, mark)
    }
  }

  return {
    idOf(pdu) {
      clear()
      const mark = markOf(pdu)
      const [known] = byMark.get(mark) ?? []
      if (known !== undefined) forget(known, mark)
      const id = known ?? newId('mo')
      given.set(pdu, { mark, id })
      return id
    },
    unanswered(pdu) {
      const sms = given.get(pdu)
      if (sms === undefined) return
      given.delete(pdu)
      const { mark, id } = sms
      kept.set(id, { mark, since: monotonic() })
      const same = byMark.get(mark)
      if (same === undefined) byMark.set(mark, new Set([id]))
      else same.add(id)
      clear()
    },
  }
}

/** One for all that a network repeats as it was. */
function markOf({ fields, tlvs }: Pdu): string {
  const { sourceAddr, sourceAddrTon, destinationAddr, destAddrTon, esmClass, protocolId, dataCoding } = fields
  const head = [sourceAddr, sourceAddrTon, destinationAddr, destAddrTon, esmClass, protocolId, dataCoding]
  const hash = createHash('sha256').update(JSON.stringify(head))
  for (const octets of [fields.shortMessage, tlvs.get(tlvTags.messagePayload)]) hash.update('\n').update(octets ?? '')
  return hash.digest('base64')
}
