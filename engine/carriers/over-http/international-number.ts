// Numbers as providers call us with them, as scripts get them.

/** `447700900123` as `+447700900123`; short codes, names and numbers of a national plan stay as they are. */
export function internationalNumber(given: string): string {
  const number = given.trim()
  return /^[1-9]\d{6,14}$/.test(number) ? `+${number}` : number
}
