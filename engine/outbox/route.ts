// Which carriers may take a message, and in which order: pure, so that the
// answer can be asked for without sending anything.

import type { CountryOf } from '../country.ts'

/** A carrier of a route; of those with a weight one comes first by lot, the others after it by weight. */
export type RouteCarrier = string | { carrier: string; weight: number }

/** One line of `routes`: messages that fit all of its conditions go to `carriers`, best first. */
export interface Route {
  /** What the number begins with: `+`, `+1`, `+1201`; absent or empty fits all. */
  prefix?: string
  /** ISO 3166 code of the number's country. */
  country?: string
  script?: string
  /** The sender that the script asked for. */
  from?: string
  carriers: readonly RouteCarrier[]
  /** The sender of messages whose script names none. */
  sender?: string
}

export interface RouteSettings {
  /** Absent: every carrier takes everything. */
  routes?: readonly Route[]
  /** Names of all carriers, in the order of the configuration file. */
  carriers: readonly string[]
}

/** Which carriers can send now; one that is not named counts as up. */
export type Health = Readonly<Record<string, 'up' | 'down'>>

export interface Routable {
  to: string
  /** The only carrier that may take it. */
  carrier?: string | undefined
  script?: string | undefined
  from?: string | null | undefined
  /**
   * The lot that weights draw falls by it: the same message draws the same, for
   * its whole life. Absent where only the carriers count, not their order.
   */
  id?: string | undefined
}

/**
 * Names of carriers, best first; none when nothing fits. The route with the
 * longest prefix wins alone: a shorter one does not add its carriers. A country
 * is more than a calling code, and less than a longer prefix (`+1809`). Of equals the one that names
 * the script wins, then the one that names the sender, then the first. Carriers
 * that are down come last, they may be up again before the text is worthless.
 */
export function route(
  message: Routable,
  settings: RouteSettings,
  health: Health = {},
  countryOf?: CountryOf,
): string[] {
  if (message.carrier !== undefined) return settings.carriers.includes(message.carrier) ? [message.carrier] : []
  if (settings.routes === undefined) return upFirst(settings.carriers, health)
  const best = bestRoute(message, settings.routes, countryOf)
  return best === undefined ? [] : upFirst(inOrder(best.carriers, message.id ?? message.to), health)
}

/** Carriers that are up before those that are down, else in the given order. */
export function upFirst(carriers: readonly string[], health: Health): string[] {
  const up = carriers.filter(name => health[name] !== 'down')
  return up.length === carriers.length ? up : [...up, ...carriers.filter(name => health[name] === 'down')]
}

export interface Router {
  route(message: Routable, health?: Health): string[]
  /** The sender that the message's route gives it; undefined when none does. */
  sender(message: Routable): string | undefined
}

/** All carriers that the routes name have to be there; config.ts sees to that, before anything is begun. */
export function createRouter(settings: RouteSettings, countryOf?: CountryOf): Router {
  return {
    route: (message, health) => route(message, settings, health, countryOf),
    sender: message => bestRoute(message, settings.routes ?? [], countryOf)?.sender,
  }
}

/** The name of a carrier in a route. */
export function nameOf(carrier: RouteCarrier): string {
  return typeof carrier === 'string' ? carrier : carrier.carrier
}

function bestRoute(message: Routable, routes: readonly Route[], countryOf?: CountryOf): Route | undefined {
  let country: string | undefined
  let best: Route | undefined
  let bestRank: readonly number[] = []
  for (const candidate of routes) {
    if (!message.to.startsWith(candidate.prefix ?? '')) continue
    if (candidate.script !== undefined && candidate.script !== message.script) continue
    if (candidate.from !== undefined && candidate.from !== message.from) continue
    if (candidate.country !== undefined) {
      country ??= countryOf?.(message.to)
      if (country !== candidate.country) continue
    }
    const rank = rankOf(candidate)
    if (best !== undefined && !outranks(rank, bestRank)) continue
    best = candidate
    bestRank = rank
  }
  return best
}

/** Calling codes are `+` and 1 to 3 digits. */
const countryDigits = 4.5

function rankOf({ prefix = '', country, script, from }: Route): readonly number[] {
  const digits = country === undefined ? prefix.length : Math.max(prefix.length, countryDigits)
  return [digits, script === undefined ? 0 : 1, from === undefined ? 0 : 1]
}

function outranks(rank: readonly number[], other: readonly number[]): boolean {
  const at = rank.findIndex((value, index) => value !== other[index])
  return at !== -1 && rank[at]! > other[at]!
}

function inOrder(carriers: readonly RouteCarrier[], lot: string): string[] {
  const weighted = carriers.filter(carrier => typeof carrier !== 'string').filter(({ weight }) => weight > 0)
  if (weighted.length === 0) return carriers.map(nameOf)
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  let drawn = (hash(lot) / 2 ** 32) * total
  const first = weighted.find(({ weight }) => (drawn -= weight) < 0) ?? weighted[0]!
  const others = weighted.filter(one => one !== first).toSorted((a, b) => b.weight - a.weight)
  const names = [first, ...others].map(({ carrier }) => carrier)
  // Names without a weight stand where they were: before the lot is drawn, or as the last resort.
  const begin = carriers.findIndex(carrier => typeof carrier !== 'string')
  const plain = carriers.map(nameOf).filter(name => !names.includes(name))
  return [...plain.slice(0, begin), ...names, ...plain.slice(begin)]
}

// FNV-1a with a last mix: spreads ids that differ in their last characters.
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (value ^ (value >>> 16)) >>> 0
}
