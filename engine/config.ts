// Every setting, and the only reader of the environment.
//
// Two sources: the environment, and the configuration file (JSON with comments,
// `${NAME}` replaced from the environment). Each setting of the file's `engine`
// section also has an environment name, PATCHCORD_ and its name in capitals.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'

import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser'
import type { Static } from 'typebox'

import type { CarriersSettings } from './carriers/list.ts'
import { ConfigFile, EngineSettings, WeightedCarrier } from './config-file.ts'
import { StartError } from './errors.ts'
import type { LogLevel } from './log.ts'
import { nameOf } from './outbox/route.ts'
import { checkSettings } from './settings.ts'

export interface Config extends Omit<Static<typeof ConfigFile>, 'engine' | 'carriers'> {
  host: string
  port: number
  storage: string
  /** Absolute. */
  scriptsFolder: string
  localesFolder: string
  /** Where `token` and `secret` lie: beside the SQLite file. Absolute. */
  dataFolder: string
  token: string | undefined
  secret: string | undefined
  log: LogLevel
  engine: Static<typeof EngineSettings>
  carriers: CarriersSettings
}

type Environment = Readonly<Record<string, string | undefined>>

/** Throws StartError that names the setting, what is wrong and what is allowed. */
export function loadConfig(environment: Environment = process.env, folder: string = process.cwd()): Config {
  const read = (name: string): string | undefined => environment[`PATCHCORD_${name}`] || undefined
  const file = readConfigFile(read('CONFIG'), folder, environment)
  const storage = read('STORAGE') ?? 'sqlite:data/patchcord.db'
  const config: Config = {
    ...file,
    carriers: file.carriers,
    host: read('HOST') ?? '127.0.0.1',
    port: wholeNumber('PATCHCORD_PORT', read('PORT') ?? '8080', 0, 65_535),
    storage,
    scriptsFolder: resolve(folder, read('SCRIPTS') ?? 'scripts'),
    localesFolder: resolve(folder, read('LOCALES') ?? 'locales'),
    dataFolder: /^sqlite:/i.test(storage)
      ? dirname(resolve(folder, storage.slice('sqlite:'.length)))
      : resolve(folder, 'data'),
    token: sendable('PATCHCORD_TOKEN', longEnough('PATCHCORD_TOKEN', read('TOKEN'), 24)),
    secret: longEnough('PATCHCORD_SECRET', read('SECRET'), 32),
    log: oneOf('PATCHCORD_LOG', read('LOG') ?? 'info', ['debug', 'info', 'warn', 'error', 'silent']),
    engine: engineSettings(file.engine, read),
  }
  oneOf('PATCHCORD_LIMITS', read('LIMITS') ?? 'on', ['on', 'off'])
  oneOf('PATCHCORD_SHIELD', read('SHIELD') ?? 'enforce', ['off', 'observe', 'enforce'])
  checkRoutes(config)
  checkInbound(config)
  return config
}

/** What a route names has to exist. */
function checkRoutes({ routes = [], carriers: configured }: Config): void {
  for (const [index, { carriers, country }] of routes.entries()) {
    for (const [at, carrier] of carriers.entries())
      if (typeof carrier !== 'string') checkSettings(`routes.${index}.carriers.${at}`, WeightedCarrier, carrier)
    const unknown = carriers.map(nameOf).find(name => !Object.hasOwn(configured, name))
    if (unknown !== undefined) {
      const allowed = Object.keys(configured).join(', ') || 'none is configured'
      throw new StartError(`routes.${index}.carriers: there is no carrier "${unknown}"; allowed: ${allowed}`)
    }
    if (country !== undefined && !knownCountries().has(country)) {
      const hint = country === 'UK' ? '; the United Kingdom is GB' : ''
      throw new StartError(`routes.${index}.country: no number belongs to a country ${country}${hint}`)
    }
  }
}

/** Those that numbers are found to belong to (country.ts). Only who names one pays for the list. */
function knownCountries(): ReadonlySet<string> {
  const { countries } = createRequire(import.meta.url)('libphonenumber-js/metadata.min.json') as { countries: object }
  return new Set(Object.keys(countries))
}

/** A number has one script: a second one would never hear of an SMS. */
function checkInbound({ inbound }: Config): void {
  // As SMS are matched: `+1500…` and `1500…` are one number.
  const numbers = inbound.map(({ to }) => to.replace(/^\+/, '').toLowerCase())
  const index = numbers.findIndex((number, at) => numbers.indexOf(number) !== at)
  if (index !== -1)
    throw new StartError(`inbound.${index}.to: inbound.${numbers.indexOf(numbers[index]!)} is for this number already`)
}

/** `scriptWallMs` as `SCRIPT_WALL_MS`. */
export function environmentName(setting: string): string {
  return setting.replaceAll(/[A-Z]/g, capital => `_${capital}`).toUpperCase()
}

function engineSettings(section: object, read: (name: string) => string | undefined): Config['engine'] {
  checkSettings('engine', EngineSettings, section)
  const merged: Record<string, unknown> = { ...section }
  for (const [name, schema] of Object.entries(EngineSettings.properties)) {
    const text = read(environmentName(name))
    if (text === undefined) continue
    const variable = `PATCHCORD_${environmentName(name)}`
    const { type, minimum, maximum } = schema as { type?: string; minimum?: number; maximum?: number }
    merged[name] =
      type === 'integer' ? wholeNumber(variable, text, minimum!, maximum!) : checkSettings(variable, schema, text)
  }
  return checkSettings('engine', EngineSettings, merged)
}

function readConfigFile(
  named: string | undefined,
  folder: string,
  environment: Environment,
): Static<typeof ConfigFile> {
  const path = resolve(folder, named ?? 'patchcord.json')
  if (!existsSync(path)) {
    if (named !== undefined) throw new StartError(`PATCHCORD_CONFIG: there is no file ${path}`)
    return checkSettings('', ConfigFile, {})
  }
  let text: string
  try {
    text = withoutMark(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new StartError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  const errors: ParseError[] = []
  const parsed: unknown = parse(text, errors, { allowTrailingComma: true })
  if (errors[0] !== undefined) {
    const before = text.slice(0, errors[0].offset).split('\n')
    throw new StartError(
      `${path}:${before.length}:${before.at(-1)!.length + 1}: ${printParseErrorCode(errors[0].error)}`,
    )
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new StartError(`${path}: has to hold a JSON object`)
  }
  return checkSettings('', ConfigFile, replaceNames(parsed, environment, path))
}

/** Some editors put a byte order mark in front. */
function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '')
}

function replaceNames(value: unknown, environment: Environment, path: string): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) throw new StartError(`${path}: \${${name}} is not set in the environment`)
      return found
    })
  }
  if (Array.isArray(value)) return value.map(item => replaceNames(item, environment, path))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaceNames(item, environment, path)]))
}

function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= minimum && value <= maximum)) {
    throw new StartError(`${name}: "${text}" is no whole number from ${minimum} to ${maximum}`)
  }
  return value
}

function longEnough(name: string, text: string | undefined, length: number): string | undefined {
  if (text !== undefined && text.length < length) {
    throw new StartError(`${name}: has ${text.length} characters, at least ${length} are needed`)
  }
  return text
}

/** A token travels in a header: with a space or an umlaut in it nobody could ever show it. */
function sendable(name: string, text: string | undefined): string | undefined {
  if (text !== undefined && !/^[\x21-\x7e]+$/.test(text)) {
    throw new StartError(`${name}: holds other characters than ASCII letters, digits and signs`)
  }
  return text
}

function oneOf<Choice extends string>(name: string, text: string, allowed: readonly Choice[]): Choice {
  const choice = allowed.find(word => word === text)
  if (choice === undefined) throw new StartError(`${name}: "${text}" is none of ${allowed.join(', ')}`)
  return choice
}
