// Which carriers may take a message, and in which order: pure, so that the
// answer can be asked for without sending anything.

import { StartError } from '../errors.ts'

/** One line of `routes`: numbers that begin with `prefix` (`+`, `+1`, `+1201`; empty fits all) go to `carriers`, best first. */
export interface Route {
  prefix: string
  carriers: readonly string[]
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
}

/**
 * Names of carriers, best first; none when nothing fits. The longest prefix
 * wins alone: a shorter one does not add its carriers. Carriers that are down
 * come last, they may be up again before the text is worthless.
 */
export function route(message: Routable, settings: RouteSettings, health: Health = {}): string[] {
  if (message.carrier !== undefined) return settings.carriers.includes(message.carrier) ? [message.carrier] : []
  const fitting = settings.routes ? longest(message.to, settings.routes) : settings.carriers
  return upFirst(fitting, health)
}

/** Carriers that are up before those that are down, else in the given order. */
export function upFirst(carriers: readonly string[], health: Health): string[] {
  const up = carriers.filter(name => health[name] !== 'down')
  return up.length === carriers.length ? up : [...up, ...carriers.filter(name => health[name] === 'down')]
}

export interface Router {
  route(message: Routable, health?: Health): string[]
}

/** Throws StartError when a route names a carrier that does not exist. */
export function createRouter(settings: RouteSettings): Router {
  for (const [index, { carriers }] of (settings.routes ?? []).entries()) {
    const unknown = carriers.find(name => !settings.carriers.includes(name))
    if (unknown !== undefined) {
      throw new StartError(
        `routes.${index}.carriers: there is no carrier "${unknown}", only ${settings.carriers.join(', ')}`,
      )
    }
  }
  return { route: (message, health) => route(message, settings, health) }
}

function longest(to: string, routes: readonly Route[]): readonly string[] {
  let best: Route | undefined
  for (const candidate of routes) {
    if (to.startsWith(candidate.prefix) && (best === undefined || candidate.prefix.length > best.prefix.length)) {
      best = candidate
    }
  }
  return best?.carriers ?? []
}
