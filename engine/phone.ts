// Phone numbers as they may be shown: the calling code and the last two digits.

/** `+12015550123` as `+1201*****23`: what a log line or a list may hold. */
export function maskNumber(e164: string): string {
  if (e164.length <= 6) return '*'.repeat(e164.length)
  const shown = e164.length > 10 ? 5 : 3
  return e164.slice(0, shown) + '*'.repeat(e164.length - shown - 2) + e164.slice(-2)
}

/** `+` and 7 to 15 digits, as ITU-T E.164 has them. */
export const e164Pattern = /^\+[1-9]\d{6,14}$/

/** A sender: a number or short code of 3 to 15 digits, or a name of at most 11 characters (3GPP TS 23.040, 9.1.2.5). */
export const senderPattern = /^(\+?[0-9]{3,15}|[A-Za-z0-9 ._&-]{1,11})$/
