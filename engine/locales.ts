// Texts in many languages, and which language a caller's wish comes to.
//
// i18next does plurals and interpolation; Intl's likely subtags tell a script
// from a region and a country's main language, so there is no table of ours.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { createInstance } from 'i18next'

import { StartError } from './errors.ts'

export interface Texts {
  /** The shipped tags. */
  readonly languages: string[]
  /** The text of a key in a shipped language (English otherwise); the key itself when no language has it. */
  t(key: unknown, values?: unknown, language?: unknown): string
  /** Whether some language has the key. */
  has(key: string, language: string): boolean
  /** The shipped tag that a wish names, undefined when none does. */
  match(wanted: unknown): string | undefined
  /** The first shipped tag of an Accept-Language header (RFC 9110, 12.5.4). */
  accepted(header: string | undefined): string | undefined
  /** The shipped tag for a wish of any form: `PT_br` → `pt-BR`, `pt-AO` → `pt`, else the country's language, else `en`. */
  language(wanted?: unknown, country?: unknown): string
}

export function createTexts(resources: Record<string, object>): Texts {
  const i18n = createInstance()
  void i18n.init({
    resources: Object.fromEntries(Object.entries(resources).map(([tag, texts]) => [tag, { translation: texts }])),
    lng: 'en',
    fallbackLng: tag => [...(typeof tag === 'string' && tag.includes('-') ? [tag.split('-')[0]!] : []), 'en'],
    load: 'currentOnly',
    nsSeparator: false,
    interpolation: { escapeValue: false },
    initAsync: false,
  })
  const shipped = new Map(Object.keys(resources).map(tag => [tag.toLowerCase(), tag]))
  const chosen = new Map<string, string | undefined>()

  function match(wanted: string): string | undefined {
    if (!chosen.has(wanted)) {
      // Callers may send anything: what is remembered stays small.
      if (chosen.size > 1_000) chosen.clear()
      chosen.set(wanted, find(wanted, shipped))
    }
    return chosen.get(wanted)
  }

  function matchAny(wanted: unknown): string | undefined {
    return typeof wanted === 'string' && wanted.length <= 64 ? match(wanted) : undefined
  }

  function accepted(header: string | undefined): string | undefined {
    const ranges = (header ?? '')
      .slice(0, 1_000)
      .split(',')
      .map(range => {
        const [tag, quality] = range.split(/;\s*q=/) as [string, string?]
        return { tag: tag.trim(), quality: Number(quality ?? 1) || 0 }
      })
    for (const { tag } of ranges.filter(range => range.quality > 0).sort((a, b) => b.quality - a.quality)) {
      const found = match(tag)
      if (found !== undefined) return found
    }
    return undefined
  }

  function language(wanted?: unknown, country?: unknown): string {
    const asked = matchAny(wanted)
    if (asked !== undefined) return asked
    const ofCountry = typeof country === 'string' && /^[a-z]{2}$/i.test(country) ? match(`und-${country}`) : undefined
    return ofCountry ?? 'en'
  }

  // i18next finds the sentence (language, fallback, plural form) once; filling in
  // plain `{{names}}` is done here: 2 µs instead of 17 on the path of every SMS.
  // Undefined where a text uses more of i18next than that.
  const templates = new Map<string, string | undefined>()
  const plurals = new Map<string, Intl.PluralRules>()

  function templateOf(name: string, tag: string, values: Record<string, unknown>): string | undefined {
    const { count } = values
    if (values.context !== undefined || values.ordinal !== undefined) return undefined
    if (!plurals.has(tag)) plurals.set(tag, new Intl.PluralRules(tag))
    const id = `${tag} ${typeof count === 'number' ? plurals.get(tag)!.select(count) : ''} ${name}`
    if (templates.has(id)) return templates.get(id)
    const options = typeof count === 'number' ? { count } : {}
    const found: unknown = i18n.t(name, { ...options, lng: tag, skipInterpolation: true, returnObjects: false })
    const template = typeof found === 'string' && !/\$t\(|\{\{[^}]*[^\w}]/.test(found) ? found : undefined
    // Keys that no language has are not remembered: a script may ask for any.
    if (found !== name) templates.set(id, template)
    return template
  }

  return {
    languages: Object.keys(resources),
    t(key, values = {}, tag) {
      const name = String(key)
      const known = (values ?? {}) as Record<string, unknown>
      const template = templateOf(name, language(tag), known)
      if (template !== undefined) return template.replaceAll(placeholder, (_, field: string) => shown(known[field]))
      const text: unknown = i18n.t(name, { ...valuesOnly(known), lng: language(tag), returnObjects: false })
      return typeof text === 'string' ? text : name
    },
    match: matchAny,
    accepted,
    has: (key, tag) => i18n.exists(key, { lng: tag }),
    language,
  }
}

// What fills a text may come from a script or from its caller: it is never to be
// taken for one of i18next's own options, which can loop, and can outlast the call.
const options = new Set(
  (
    'lng lngs ns fallbackLng defaultValue replace interpolation skipInterpolation postProcess returnObjects ' +
    'returnDetails joinArrays keySeparator nsSeparator pluralSeparator contextSeparator nest nestingOptionsSeparator ' +
    'appendNamespaceToCIMode ignoreJSONStructure cloneInstance simplifyPluralSuffix parseMissingKeyHandler i18n'
  ).split(' '),
)
const longestContext = 40

function valuesOnly(values: Record<string, unknown>): Record<string, unknown> {
  const known: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(values)) {
    if (options.has(name) || name.startsWith('defaultValue')) continue
    if (name === 'context' && (typeof value !== 'string' || value.length > longestContext)) continue
    if (name === 'ordinal' && typeof value !== 'boolean') continue
    known[name] = value
  }
  return known
}

const placeholder = /\{\{(\w+)\}\}/g

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : ''
}

// Tags that the registry has kept for what is spoken of otherwise today; Intl
// knows `iw`, `in` and `tl` itself.
const sameLanguage: Record<string, string> = { no: 'nb', nn: 'nb' }

function find(wanted: string, shipped: Map<string, string>): string | undefined {
  let asked: Intl.Locale
  try {
    asked = new Intl.Locale(
      wanted
        .trim()
        .replaceAll('_', '-')
        .replace(/[.@].*$/, ''),
    )
  } catch {
    return undefined
  }
  // Before the likely region comes in: `pt` is itself, not the Portuguese of most speakers.
  const itself = shipped.get(asked.baseName.toLowerCase())
  if (itself !== undefined) return itself
  const locale = asked.maximize()
  const language = sameLanguage[locale.language] ?? locale.language
  // A language written in another script than its bare tag means: zh-Hant is shipped as zh-TW.
  const plainScript = new Intl.Locale(language).maximize().script
  const otherScript =
    locale.script !== plainScript && shipped.has(`${language}-tw`) ? shipped.get(`${language}-tw`) : undefined
  // And zh-Hans-TW is not what zh-TW is read in.
  const regional = locale.region === undefined ? language : `${language}-${locale.region}`
  const ofRegion =
    new Intl.Locale(regional).maximize().script === locale.script ? shipped.get(regional.toLowerCase()) : undefined
  return ofRegion ?? otherScript ?? shipped.get(language)
}

export interface ServingTexts {
  resources: Record<string, object>
  report: (problem: string) => void
}

/**
 * The texts of a folder: `<tag>.json` each. A file that is no JSON object stops the start with its name;
 * with `serving` it is reported, and that language keeps the texts that it has.
 */
export async function readLocales(folder: string, serving?: ServingTexts): Promise<Record<string, object>> {
  const resources: Record<string, object> = {}
  // Editors put drafts and locks beside a file, with a dot in front.
  const names = (await readdir(folder).catch(() => [])).filter(name => /^[^.].*\.json$/.test(name)).sort()
  for (const name of names) {
    const path = join(folder, name)
    const tag = name.slice(0, -'.json'.length)
    try {
      const texts: unknown = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''))
      if (typeof texts !== 'object' || texts === null || Array.isArray(texts)) throw new TypeError('not a JSON object')
      resources[tag] = texts
    } catch (error) {
      const problem = new StartError(`${path}: ${(error as Error).message}`, { cause: error })
      if (serving === undefined) throw problem
      serving.report(problem.message)
      const kept = serving.resources[tag]
      if (kept !== undefined) resources[tag] = kept
    }
  }
  if (resources.en === undefined)
    throw new StartError(`${folder}: en.json is missing, the language that all others fall back to`)
  return resources
}
