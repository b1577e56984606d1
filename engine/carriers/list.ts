// Every carrier driver by name, and the carriers that a configuration asks for.
// A new driver is one file, one test file and one line in `drivers`.

import { StartError } from '../errors.ts'
import { checkSettings } from '../settings.ts'
import type { Carrier, CarrierDriver, CarrierParts } from './carrier.ts'
import { loopback } from './loopback.ts'

const drivers: readonly CarrierDriver[] = [loopback]

/** Named in the contract, without a file of their own so far. */
const planned = ['smpp', 'http', 'twilio', 'vonage', 'infobip', 'labsmobile', 'kannel']

/** What `carriers` of the configuration file holds: settings by the carrier's name. */
export type CarriersSettings = Readonly<Record<string, { driver: string } & Record<string, unknown>>>

/**
 * The carriers in the order of the file; a `loopback` when there are none.
 * Throws StartError that names the setting, what is wrong and what is allowed.
 */
export function createCarriers(settings: CarriersSettings, parts: CarrierParts): Carrier[] {
  const entries = Object.entries(settings)
  if (entries.length === 0) entries.push(['loopback', { driver: 'loopback' }])
  // Beside another carrier a line on the screen would look as if the SMS had gone out.
  const lent = { ...parts, print: entries.length === 1 ? parts.print : null }
  return entries.map(([name, { driver, ...own }]) => {
    const found = findDriver(name, driver)
    return found.create(name, checkSettings(`carriers.${name}`, found.settings, own), lent)
  })
}

function findDriver(name: string, driver: unknown): CarrierDriver {
  const found = drivers.find(known => known.driver === driver)
  if (found !== undefined) return found
  const allowed = drivers.map(known => known.driver).join(', ')
  const trouble = planned.some(name => name === driver)
    ? `the driver "${String(driver)}" is not built in yet`
    : `there is no driver ${JSON.stringify(driver)}`
  throw new StartError(`carriers.${name}.driver: ${trouble}; allowed: ${allowed}`)
}
