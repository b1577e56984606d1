// The engines that have the same carriers, and how much of a carrier's rate is
// for each. An entry in space `carrier-engines` has an engine's carriers, each
// with whether it wants slots of it; it is renewed every second and gone three
// seconds after the last one.
//
// A rate is divided by the engines that live. A bucket of all in the storage would
// cost a round trip for each message, and would have to be given tokens back for
// what was not sent; what dividing costs is up to a second until others take from
// the lane what is too much for one. The sum stays below the whole while engines come and go:
// who comes waits until all others have seen it, and who has not seen the others
// for as long sends nothing, before they count without it.

import type { Entries } from '../storage/storage.ts'

const peerSpace = 'carrier-engines'
const liveMs = 3_000
/** What was seen is good for so long. */
const freshMs = 2_000
const lookEveryMs = 500
const mostEngines = 10_000

export interface PeersParts {
  entries: Pick<Entries, 'set' | 'delete' | 'list'>
  engine: string
  carriers: readonly string[]
  /** Monotonic, ms. */
  monotonic: () => number
}

export interface Peers {
  /** Rejects where the storage does not tell. */
  look(wants: (carrier: string) => boolean): Promise<void>
  /** The other engines that have the carrier. */
  others(carrier: string): readonly string[]
  /** Those of them that want slots of it. */
  takers(carrier: string): readonly string[]
  /** How much of the carrier's rate is for this engine, 0 to 1. */
  share(carrier: string): number
  /** Others do not count with this engine any more. */
  leave(): Promise<void>
}

export function createPeers({ entries, engine, carriers, monotonic }: PeersParts): Peers {
  let found: Array<{ engine: string; wants: Record<string, boolean> }> = []
  let lookedAt = -Infinity
  let joinedAt = -Infinity
  let hasLeft = false

  const namesOf = (isMeant: (wants: Record<string, boolean>) => boolean): string[] =>
    found.filter(({ wants }) => isMeant(wants)).map(one => one.engine)
  const others = (carrier: string): readonly string[] => namesOf(wants => Object.hasOwn(wants, carrier))
  const isFresh = (): boolean => monotonic() - lookedAt < freshMs

  return {
    async look(wants) {
      const begun = monotonic()
      if (hasLeft || begun - lookedAt < lookEveryMs) return
      const own = JSON.stringify(Object.fromEntries(carriers.map(name => [name, wants(name)])))
      await entries.set(peerSpace, engine, own, { ttlMs: liveMs })
      if (!isFresh()) joinedAt = monotonic()
      const listed = await entries.list(peerSpace, '', { limit: mostEngines })
      found = listed
        .filter(({ key }) => key !== engine)
        .map(({ key, value }) => ({ engine: key, wants: JSON.parse(value) as Record<string, boolean> }))
      lookedAt = begun
    },
    others,
    takers: carrier => namesOf(wants => Object.hasOwn(wants, carrier) && wants[carrier] === true),
    share(carrier) {
      if (!isFresh()) return 0
      const count = others(carrier).length
      return count > 0 && monotonic() - joinedAt < freshMs ? 0 : 1 / (count + 1)
    },
    async leave() {
      hasLeft = true
      await entries.delete(peerSpace, engine)
    },
  }
}
