// Every carrier driver by name, and the carriers that a configuration asks for.
// A new driver is one file, one test file and one line in `drivers`.

import { StartError } from '../errors.ts'
import { checkSettings } from '../settings.ts'
import type { Carrier, CarrierDriver, CarrierParts } from './carrier.ts'
import { loopback } from './loopback.ts'

// A driver costs memory and time at the start: those that nobody asks for are not loaded.
const drivers: Readonly<Record<string, () => Promise<CarrierDriver>>> = {
  loopback: async () => loopback,
  smpp: async () => (await import('./smpp/smpp.ts')).smpp,
  http: async () => (await import('./declared/http.ts')).http,
  twilio: async () => (await import('./twilio/twilio.ts')).twilio,
  vonage: async () => (await import('./vonage/vonage.ts')).vonage,
  infobip: async () => (await import('./infobip/infobip.ts')).infobip,
  labsmobile: async () => (await import('./labsmobile.ts')).labsmobile,
  kannel: async () => (await import('./kannel/kannel.ts')).kannel,
}

/** What the engine lends all carriers. */
export interface CarriersParts extends Pick<CarrierParts, 'log' | 'clock' | 'print'> {
  /** `engine.publicUrl`, without a slash at its end. */
  publicUrl?: string | undefined
  /** Part of a carrier's callback addresses, where its settings name none. */
  callbackSecretOf: (carrier: string) => string
}

/** What `carriers` of the configuration file holds: settings by the carrier's name. */
export type CarriersSettings = Readonly<Record<string, { driver: string } & Record<string, unknown>>>

/**
 * The carriers in the order of the file; a `loopback` when there are none.
 * Rejects with StartError that names the setting, what is wrong and what is allowed.
 */
export async function createCarriers(settings: CarriersSettings, parts: CarriersParts): Promise<Carrier[]> {
  const entries = Object.entries(settings)
  if (entries.length === 0) entries.push(['loopback', { driver: 'loopback' }])
  // Beside another carrier a line on the screen would look as if the SMS had gone out.
  const print = entries.length === 1 ? parts.print : null
  const create = async ([name, { driver, ...own }]: (typeof entries)[number]): Promise<Carrier> => {
    const found = await loadDriver(name, driver)
    return found.create(name, checkSettings(`carriers.${name}`, found.settings, own), {
      log: parts.log,
      clock: parts.clock,
      print,
      callbackSecret: parts.callbackSecretOf(name),
      callbackUrl: secret => callbackUrl(parts.publicUrl, name, secret),
    })
  }
  return Promise.all(entries.map(create))
}

/** `https://host/callbacks/<carrier>/<secret>`; null where the engine has no public address. */
export function callbackUrl(publicUrl: string | undefined, carrier: string, secret: string): string | null {
  return publicUrl === undefined ? null : `${publicUrl}/callbacks/${carrier}/${secret}`
}

function loadDriver(name: string, driver: unknown): Promise<CarrierDriver> {
  const load = typeof driver === 'string' && Object.hasOwn(drivers, driver) ? drivers[driver] : undefined
  if (load !== undefined) return load()
  const allowed = Object.keys(drivers).join(', ')
  throw new StartError(`carriers.${name}.driver: there is no driver ${JSON.stringify(driver)}; allowed: ${allowed}`)
}
