// Phone numbers as they may be shown: the calling code and the last two digits.

/** `+12015550123` as `+1201*****23`: what a log line or a list may hold. */
export function maskNumber(e164: string): string {
  if (e164.length <= 6) return '*'.repeat(e164.length)
  const shown = e164.length > 10 ? 5 : 3
  return e164.slice(0, shown) + '*'.repeat(e164.length - shown - 2) + e164.slice(-2)
}

/** `+` and 7 to 15 digits, as ITU-T E.164 has them. */
export const e164Pattern = /^\+[1-9]\d{6,14}$/
