// Reads every shipped text: as the network does, which bills it in segments, and
// as its reader does, who must not meet a gap or another language.

import { resolve } from 'node:path'

import { describe, expect, test } from 'vitest'

import { errorTable } from '../engine/errors.ts'
import { createTexts, readLocales } from '../engine/locales.ts'
import { countSegments } from '../engine/outbox/segments.ts'

const tags = (
  'en es fr de it pt pt-BR nl sv da nb fi pl cs sk hu ro bg el ru uk lt lv et hr sr sl ' +
  'tr ar he fa ur hi bn th vi id ms zh zh-TW ja ko sw fil'
).split(' ')

// So close to each other that a short sentence may be the same in both.
const nearVariants = ['pt pt-BR', 'cs sk', 'da nb', 'ru uk']

const resources = await readLocales(resolve(import.meta.dirname, '..', 'locales'))
const texts = createTexts(resources)

const pluralSuffix = /_(?:zero|one|two|few|many|other)$/
const placeholder = /\{\{(\w+)\}\}/g

/** Every text of a language, by its whole key: `otp.guide.wait_one` and the like. */
function textsOf(tag: string): Map<string, string> {
  const found = new Map<string, string>()
  collect(resources[tag], '')
  return found

  function collect(part: unknown, prefix: string): void {
    for (const [key, value] of Object.entries(part as object)) {
      if (typeof value === 'string') found.set(prefix + key, value)
      else collect(value, `${prefix}${key}.`)
    }
  }
}

function placeholdersOf(text: string): string[] {
  return [...new Set([...text.matchAll(placeholder)].map(match => match[1]!))].sort()
}

function fill(text: string, values: Record<string, unknown>): string {
  return text.replaceAll(placeholder, (_whole, name: string) => String(values[name]))
}

// A number for every plural form; the forms for millions and for fractions have no small whole one.
const numbers = [...Array.from({ length: 200 }, (_, number) => number), 1.5, 1_000_000]

function countFor(tag: string, key: string): number {
  const category = pluralSuffix.exec(key)?.[0].slice(1)
  const rules = new Intl.PluralRules(tag)
  return numbers.find(number => category === undefined || rules.select(number) === category)!
}

const english = textsOf('en')
const bases = new Set([...english.keys()].map(key => key.replace(pluralSuffix, '')))

const plainValues = {
  code: '123456',
  digits: 6,
  sender: 'Acme',
  try: 2,
  tries: 3,
  amount: '20.00 EUR',
  payee: 'Example Shop',
  country: 'Spain',
  contact: 'help@example.com',
}

test('44 languages are shipped, and each answers to its own tag', () => {
  expect([...texts.languages].sort()).toEqual([...tags].sort())
  expect(tags.map(tag => texts.language(tag))).toEqual(tags)
})

describe.each(tags)('%s', tag => {
  const own = textsOf(tag)

  test('has every text of English, in exactly the plural forms of its language', () => {
    const categories = new Intl.PluralRules(tag).resolvedOptions().pluralCategories
    const wanted = [...bases].flatMap(base =>
      english.has(base) ? [base] : categories.map(category => `${base}_${category}`),
    )
    expect([...own.keys()].sort()).toEqual(wanted.sort())
  })

  test('names in every form what English names', () => {
    for (const [key, text] of own) {
      const base = key.replace(pluralSuffix, '')
      const model = english.get(base) ?? english.get(`${base}_other`)!
      expect({ key, names: placeholdersOf(text) }).toEqual({ key, names: placeholdersOf(model) })
    }
  })

  test('has a sentence for every error code, and a plain one where a fact may be missing', () => {
    const ownBases = new Set([...own.keys()].map(key => key.replace(pluralSuffix, '')))
    for (const code of Object.keys(errorTable)) expect(ownBases).toContain(`errors.${code}`)
    for (const [key, text] of own) {
      if (!key.startsWith('errors.') || !/\{\{(?:country|contact)\}\}/.test(text)) continue
      const plain = own.get(`${key}_plain`)
      expect({ key, names: plain === undefined ? 'missing' : placeholdersOf(plain) }).toEqual({ key, names: [] })
    }
  })

  test('renders every form whole, in its own words', () => {
    for (const [key, text] of own) {
      const values = { ...plainValues, count: countFor(tag, key) }
      const rendered = texts.t(key.replace(pluralSuffix, ''), values, tag)
      expect(rendered).toBe(fill(text, values))
      expect(rendered).not.toMatch(/\{\{|\}\}|undefined|NaN/)
    }
  })

  test('takes values as they are, whatever they look like', () => {
    const hostile = {
      sender: '<b>A&B</b>',
      amount: '$1,$&,$$',
      payee: `"O'Neil" {{code}} $t(otp.guide.expired)`,
      contact: 'https://example.com/?a=1&b=2',
      country: "Côte d'Ivoire",
    }
    for (const [key, text] of own) {
      const values = { ...plainValues, ...hostile, count: countFor(tag, key) }
      expect(texts.t(key.replace(pluralSuffix, ''), values, tag)).toBe(fill(text, values))
    }
  })

  test('says the code within the first three words of a message', () => {
    for (const [key, text] of own) {
      if (!/^otp\.(?:message|again|payment|paymentAgain)/.test(key)) continue
      expect(text.split(/\s+/).slice(0, 3).join(' ')).toContain('{{code}}')
    }
  })

  // The letters that the language itself writes with, the farthest from ASCII first:
  // one letter that GSM lacks makes the whole message UCS-2.
  const letters = [
    ...new Set(
      [...own.values()]
        .join('')
        .replaceAll(placeholder, '')
        .match(/[\p{L}\p{M}]/gu),
    ),
  ]
    .sort()
    .toReversed()
    .join('')
  const inLetters = (length: number): string => letters.padEnd(length, letters).slice(0, length)
  const inGsm = (length: number): string => 'a'.repeat(length)
  // As in "Joe’s": a shop's name may carry it in any language.
  const withApostrophe = (length: number): string => '’'.padEnd(length, 'a')

  function segmentsOf(key: string, word: (length: number) => string, sender = inGsm(9), end = ''): number {
    const known = { code: '123456', sender, amount: word(20), payee: word(30), try: 3, tries: 3 }
    const minutes = Array.from({ length: 60 }, (_, minute) => minute + 1)
    return Math.max(...minutes.map(count => countSegments(texts.t(key, { ...known, count }, tag) + end).segments))
  }

  test('fits a code into one segment, with the line for an app or a browser into two', () => {
    for (const key of ['otp.message', 'otp.again']) {
      expect(segmentsOf(key, inGsm)).toBe(1)
      expect(segmentsOf(key, inGsm, inLetters(9))).toBe(1)
      for (const end of ['\n\nFA+9qCX9VSu', '\n\n@example.com #123456', '\n\n@login.example.com #123456'])
        expect(segmentsOf(key, inGsm, inLetters(9), end)).toBeLessThanOrEqual(2)
    }
  })

  test('fits a payment into two segments, whatever letters the payee has', () => {
    for (const key of ['otp.payment', 'otp.paymentAgain'])
      for (const word of [inGsm, inLetters, withApostrophe]) expect(segmentsOf(key, word)).toBeLessThanOrEqual(2)
  })
})

test('no two languages share a sentence, except a few of near variants', () => {
  const speakers = new Map<string, Set<string>>()
  let sentences = 0
  for (const tag of tags) {
    for (const text of textsOf(tag).values()) {
      for (const sentence of text.split(/(?<=[.!?。।۔])\s*/)) {
        // What is left of a text without words is no sentence: "{{amount}}."
        if (!/\p{L}/u.test(sentence.replaceAll(placeholder, ''))) continue
        if (!speakers.has(sentence)) speakers.set(sentence, new Set())
        speakers.get(sentence)!.add(tag)
        if (tag === 'en') sentences++
      }
    }
  }
  const shared = [...speakers]
    .filter(([, who]) => who.size > 1)
    .map(([sentence, who]) => [[...who].join(' '), sentence])

  expect(shared.filter(([who]) => !nearVariants.includes(who!))).toEqual([])
  for (const pair of nearVariants) expect(shared.filter(([who]) => who === pair).length).toBeLessThan(sentences / 4)
})
