// `parseNumber` of scripts: what the user typed, as a phone number or not one.
//
// Runs in the child (one set of metadata for all isolates). Metadata and types
// are libphonenumber's; the rules of input are the contract's, section 4.

import {
  getCountryCallingCode,
  getExampleNumber,
  isSupportedCountry,
  parsePhoneNumberFromString,
  type CountryCode,
  type PhoneNumber,
} from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'

export interface ParsedNumber {
  valid: boolean
  e164: string | null
  /** ISO 3166-1 alpha-2, of the number if there is one, else the country asked for. */
  country: string | null
  countryName: string | null
  /** libphonenumber's type, `MOBILE`, `FIXED_LINE`, …; null when it has none. */
  type: string | null
  national: string | null
  /** A mobile number of that country in international form, null where unknown. */
  example: string | null
  /** It is one of the configured test numbers. */
  test: boolean
}

const countryNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })

/** Without `country` the digits are international, with it national first; another calling code than the country's is not valid. */
export function parseNumber(text: unknown, wantedCountry: unknown, testNumbers: Record<string, string>): ParsedNumber {
  const country = asCountry(wantedCountry)
  const digits = clean(text)
  const unknownCountry = wantedCountry !== null && country === null
  const number = digits === undefined || unknownCountry ? undefined : find(digits, country)
  const shown = number?.country ?? country
  const { countryName, example } = factsOf(shown)
  return {
    valid: number !== undefined,
    e164: number?.number ?? null,
    country: shown ?? null,
    countryName,
    type: number?.getType() ?? null,
    national: number?.formatNational() ?? null,
    example,
    test: number !== undefined && Object.hasOwn(testNumbers, number.number),
  }
}

interface CountryFacts {
  countryName: string | null
  example: string | null
}

// Every answer shows them, and finding them costs as much as parsing a number.
const factsByCountry = new Map<CountryCode, CountryFacts>()
function factsOf(country: CountryCode | null | undefined): CountryFacts {
  if (!country) return { countryName: null, example: null }
  let facts = factsByCountry.get(country)
  if (facts === undefined) {
    facts = {
      countryName: countryNames.of(country) ?? null,
      example: getExampleNumber(country, examples)?.formatInternational() ?? null,
    }
    factsByCountry.set(country, facts)
  }
  return facts
}

function asCountry(wanted: unknown): CountryCode | null {
  if (typeof wanted !== 'string' || !/^[a-z]{2}$/i.test(wanted)) return null
  const code = wanted.toUpperCase()
  return isSupportedCountry(code) ? code : null
}

// Digits with or without `+`; spaces, dots, dashes, brackets and `(0)` are how
// people write numbers. Anything else is no number.
function clean(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  if (/^\+?[1-9]\d{2,19}$/.test(text)) return text
  const ascii = text.normalize('NFKC').replaceAll(/\p{Nd}/gu, asciiDigit)
  const bare = ascii
    .replaceAll(/\(\s*0\s*\)/g, '')
    .replaceAll(/[\s.\-()[\]\u2010-\u2015\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g, '')
  return /^\+?\d{3,20}$/.test(bare) ? bare.replace(/^00/, '+') : undefined
}

/** The ASCII digit of a decimal digit of any script: each script's ten digits lie in a row, beginning at a multiple that ends its block. */
function asciiDigit(digit: string): string {
  const point = digit.codePointAt(0)!
  if (point < 128) return digit
  let zero = point
  while (point - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String(point - zero)
}

function find(digits: string, country: CountryCode | null): PhoneNumber | undefined {
  if (country === null || digits.startsWith('+')) {
    const number = valid(parsePhoneNumberFromString(digits.startsWith('+') ? digits : `+${digits}`))
    return country === null || number === undefined || fits(number, country) ? number : undefined
  }
  const national = valid(parsePhoneNumberFromString(digits, country))
  if (national !== undefined && fits(national, country)) return national
  const international = valid(parsePhoneNumberFromString(`+${digits}`))
  return international !== undefined && fits(international, country) ? international : undefined
}

function valid(number: PhoneNumber | undefined): PhoneNumber | undefined {
  return number?.isValid() && number.ext === undefined ? number : undefined
}

// Countries that share a calling code share their numbers' form: what counts is the code.
function fits(number: PhoneNumber, country: CountryCode): boolean {
  return getCountryCallingCode(country) === number.countryCallingCode
}
