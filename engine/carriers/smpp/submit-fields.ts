// A message as the submit_sm of its parts.

import type { Submission } from '../carrier.ts'
import type { PduFields } from './wire/bodies.ts'
import { splitText } from './wire/parts.ts'
import type { SmppSettings } from './settings.ts'
import { validityPeriod } from './wire/validity.ts'

export interface SubmitPart {
  /** To be asked for when the part goes out: how long it is valid is counted from then. */
  fields(): PduFields
  tlvs: ReadonlyMap<number, Buffer>
}

interface Address {
  ton: number
  npi: number
  addr: string
}

/** `clock` in ms since 1970. Throws RangeError for what SMPP cannot carry. */
export function submitParts(
  message: Submission,
  settings: SmppSettings,
  paramTlvs: ReadonlyArray<readonly [string, number]>,
  clock: () => number,
): SubmitPart[] {
  const source = sourceOf(message.from ?? settings.from ?? '', settings)
  const parts = splitText(message.text, message.encoding, {
    mode: settings.longMessages,
    defaultAlphabet: settings.defaultAlphabet,
    reference: referenceOf(message.id),
  })
  const own = ownTlvs(message.params, paramTlvs)
  return parts.map(({ esmClass, dataCoding, shortMessage, tlvs }) => ({
    fields: () => ({
      serviceType: settings.serviceType,
      sourceAddrTon: source.ton,
      sourceAddrNpi: source.npi,
      sourceAddr: source.addr,
      destAddrTon: settings.destTon,
      destAddrNpi: settings.destNpi,
      destinationAddr: message.to.replace(/^\+/, ''),
      esmClass,
      priorityFlag: settings.priorityFlag && message.priority === 'otp' ? 1 : 0,
      validityPeriod: validityPeriod(settings.validityPeriod, message.expiresAt, clock()),
      registeredDelivery: settings.registeredDelivery ? 1 : 0,
      dataCoding,
      shortMessage,
    }),
    tlvs: own.length === 0 ? tlvs : new Map([...tlvs, ...own]),
  }))
}

/** A name is 5/0 (alphanumeric), up to six digits 3/0 (a short code), other digits 1/1 (international, ISDN); section 5.2.5. */
function sourceOf(from: string, { sourceTon, sourceNpi }: SmppSettings): Address {
  const usual = usualSource(from)
  return { ...usual, ton: sourceTon ?? usual.ton, npi: sourceNpi ?? usual.npi }
}

function usualSource(from: string): Address {
  if (from === '') return { ton: 0, npi: 0, addr: '' }
  if (!/^\+?[0-9]+$/.test(from)) return { ton: 5, npi: 0, addr: from }
  if (from.length <= 6 && !from.startsWith('+')) return { ton: 3, npi: 0, addr: from }
  return { ton: 1, npi: 1, addr: from.replace(/^\+/, '') }
}

/**
 * 16 bits of the id: a message that is sent again has the same reference, so
 * that a phone which got some of its parts can complete it (FNV-1a).
 */
function referenceOf(id: string): number {
  let hash = 0x811c_9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x0100_0193)
  return (hash ^ (hash >>> 16)) & 0xffff
}

/** A text goes as its octets, a number as its digits, `{ hex: '01ff' }` as it says; the rest has no form on the wire. */
function ownTlvs(
  params: Record<string, unknown>,
  paramTlvs: ReadonlyArray<readonly [string, number]>,
): Array<[number, Buffer]> {
  const found: Array<[number, Buffer]> = []
  for (const [name, tag] of paramTlvs) {
    const value = Object.hasOwn(params, name) ? params[name] : undefined
    if (typeof value === 'string' || typeof value === 'number') found.push([tag, Buffer.from(String(value), 'utf8')])
    else if (typeof value === 'object' && value !== null && 'hex' in value && typeof value.hex === 'string') {
      if (!/^([0-9a-f]{2})*$/i.test(value.hex)) throw new RangeError(`params.${name}.hex is not hexadecimal`)
      found.push([tag, Buffer.from(value.hex, 'hex')])
    }
  }
  return found
}
