// One id, several spellings: many message centres answer a submit with a
// hexadecimal id and report on it with the same number in decimal, or the
// other way round, with or without zeros in front.

export type MessageIdFormat = 'auto' | 'same' | 'hex-dec' | 'dec-hex'

/** As long as message_id may be; what is longer is no number, and costly to turn into one. */
const maxDigits = 64

/** How we keep and compare ids: lower case, no zeros in front, no blanks around. */
export function normalId(raw: string): string {
  const id = raw.trim().toLowerCase()
  let zeros = 0
  while (zeros < id.length - 1 && id[zeros] === '0') zeros++
  return id.slice(zeros)
}

/**
 * Every way in which the submit_sm_resp may have given the id that a receipt
 * has, in their normal form, likeliest first. The format says how the response
 * has it and how the receipt does: with `hex-dec` a receipt's `26` was `1a`.
 * The id as it is belongs to all of them: receipts with a parameter of their
 * own for it mostly repeat the response.
 */
export function candidateIds(rawId: string, format: MessageIdFormat): string[] {
  const id = normalId(rawId)
  const asHex = format === 'hex-dec' || format === 'auto' ? decimalToHex(id) : undefined
  const asDecimal = format === 'dec-hex' || format === 'auto' ? hexToDecimal(id) : undefined
  const converted = [asHex, asDecimal].filter(other => other !== undefined)
  return [...new Set(format === 'auto' ? [id, ...converted] : [...converted, id])]
}

function decimalToHex(id: string): string | undefined {
  return id.length <= maxDigits && /^[0-9]+$/.test(id) ? BigInt(id).toString(16) : undefined
}

function hexToDecimal(id: string): string | undefined {
  return id.length <= maxDigits && /^[0-9a-f]+$/.test(id) ? BigInt(`0x${id}`).toString() : undefined
}
