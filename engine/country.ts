// Which country a number belongs to. The metadata is loaded only by who asks.

export type CountryOf = (e164: string) => string | undefined

/** ISO 3166 codes by E.164 numbers; undefined for a number of no country. */
export async function loadCountryOf(): Promise<CountryOf> {
  const { parsePhoneNumberFromString } = await import('libphonenumber-js/min')
  return e164 => parsePhoneNumberFromString(e164)?.country
}
