// One session that a network has sold, of which only one engine at a time may
// have the connection: a lease in the storage, and the session that goes with it.
//
//   away ── take ──▶ open ── give ──▶ giving ──▶ away     the lease goes after the session
//                      └─── lost or lapsed ───▶ lost ──▶ away     the session goes before the lease
//
// The lease lasts four seconds and is renewed every second. An engine that cannot
// renew it ends its session before: by a clock that nobody can set, from the
// moment at which it asked. So two have it only when their wall clocks differ by
// more than what is left between the two times, or when one was held up as a
// whole (it sends nothing then: `held` is asked before each submit).

import type { CarrierSlots } from '../carriers/carrier.ts'
import type { Log } from '../log.ts'
import type { Entries } from '../storage/storage.ts'

export const slotSpace = 'slots'

export const renewEveryMs = 1_000
const leaseMs = 4_000
const lapseAfterMs = 2_800
/** From the lapse: half of it for what is in flight. */
const goneWithinMs = 900
/** Of a slot that is given to another engine. */
const giveWithinMs = 10_000
/** A session that stands later than this is not being opened any more. */
const openWithinMs = 5_000

//   opening  the slot was taken a moment ago
//   up       its session takes messages
//   down     it does not, or its carrier is not well
//   leaving  it is about to be free
export type SlotState = 'opening' | 'up' | 'down' | 'leaving'

export interface SlotParts {
  entries: Pick<Entries, 'get' | 'replace'>
  engine: string
  /** The carrier's name and the slot's number. */
  carrier: string
  slot: number
  slots: CarrierSlots
  /** Whether the carrier is well here. */
  isUp: () => boolean
  /** Whether this engine is about to stop. */
  isLeaving: () => boolean
  log: Pick<Log, 'warn'>
  /** Monotonic, ms. */
  monotonic: () => number
}

export interface Slot {
  /** Who has it, as far as the last look told; null: nobody. */
  owner(): string | null
  state(): SlotState | null
  /** By the owner's wall clock, ms since 1970. */
  expiresAt(): number
  held(): boolean
  /** It is being given away. */
  isGiving(): boolean
  /** How long it has been ours without a session that can send. */
  unboundMs(): number
  /** The others do not know yet how it is. */
  isNews(): boolean
  /** Sees whose it is, and renews it where it is ours. Rejects where the storage does not tell. */
  look(): Promise<void>
  /** Opens its session if nobody has it. */
  take(): Promise<void>
  /** Ends its session, with what is under way on it, and frees it. */
  give(): Promise<void>
  /** Frees it; its session is gone already. */
  end(): Promise<void>
}

export function createSlot(parts: SlotParts): Slot {
  const { entries, engine, carrier, slot, slots, log, monotonic } = parts
  const key = `${carrier}:${slot}`
  let phase: 'away' | 'open' | 'giving' | 'lost' | 'ended' = 'away'
  let seen: { engine: string; state: SlotState; expiresAt: number } | undefined
  let renewedAt = -Infinity
  let openedAt = -Infinity
  let readyAt = -Infinity
  let wasUp = false
  let lapse: NodeJS.Timeout | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const isOurs = (): boolean => phase === 'open' || phase === 'giving'
  const held = (): boolean => isOurs() && monotonic() - renewedAt < lapseAfterMs

  function ownState(): SlotState {
    if (phase === 'giving' || parts.isLeaving()) return 'leaving'
    const isUp = slots.ready(slot) && parts.isUp()
    wasUp ||= isUp
    if (isUp) return 'up'
    return phase === 'away' || (!wasUp && monotonic() - openedAt < openWithinMs) ? 'opening' : 'down'
  }

  /** What is asked of one entry is asked one after the other. */
  function inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const mine = turn.then(ask, ask)
    turn = mine.catch(() => {})
    return mine
  }

  async function read() {
    const entry = await entries.get(slotSpace, key)
    seen = entry && { ...readValue(entry.value), expiresAt: entry.expiresAt ?? Infinity }
    return entry
  }

  /** `version` null: nobody has it. False: it was another version. */
  async function write(version: number | null): Promise<boolean> {
    // The lifetime counts from the write, which is later: this errs on the safe side.
    const begun = monotonic()
    const state = ownState()
    const value = JSON.stringify({ engine, state })
    if (!(await entries.replace(slotSpace, key, { version, value, ttlMs: leaseMs }))) return false
    seen = { engine, state, expiresAt: Infinity }
    renewedAt = begun
    clearTimeout(lapse)
    lapse = setTimeout(lose, Math.max(0, begun + lapseAfterMs - monotonic()), 'could not be kept').unref()
    return true
  }

  async function look(): Promise<void> {
    if (slots.ready(slot)) readyAt = monotonic()
    if (phase === 'ended' || (held() && monotonic() - renewedAt < renewEveryMs / 2 && !isNews())) return
    const entry = await read()
    // Of a session that was lost and is still open the lease has to run out.
    if (phase === 'lost') return
    if (seen?.engine === engine) {
      if (!(await write(entry!.version))) throw new Error('the lease was changed meanwhile')
      // The answer to the take was lost, or the storage was away.
      if (phase === 'away') open()
    } else if (isOurs()) {
      // The storage may have forgotten it; then it is whose who comes first.
      if (seen === undefined && held() && (await write(null))) return
      lose('is another engine’s now')
    }
  }

  async function take(): Promise<void> {
    if (phase === 'away' && (await write(null)) && phase === 'away') open()
  }

  function open(): void {
    phase = 'open'
    openedAt = monotonic()
    wasUp = false
    slots.open(slot)
  }

  function lose(why: string): void {
    clearTimeout(lapse)
    if (!isOurs()) return
    phase = 'lost'
    log.warn({ carrier, slot }, `a session ${why}: it is closed`)
    void slots.close(slot, goneWithinMs).then(() => {
      if (phase === 'lost') phase = 'away'
    })
  }

  async function free(): Promise<void> {
    clearTimeout(lapse)
    const entry = await read()
    if (seen?.engine !== engine) return
    if (await entries.replace(slotSpace, key, { version: entry!.version, value: undefined })) seen = undefined
  }

  function isNews(): boolean {
    return held() && seen?.state !== ownState()
  }

  return {
    owner: () => seen?.engine ?? null,
    state: () => seen?.state ?? null,
    expiresAt: () => seen?.expiresAt ?? Infinity,
    held,
    isGiving: () => phase === 'giving',
    unboundMs: () => (phase === 'open' ? monotonic() - Math.max(readyAt, openedAt) : 0),
    isNews,
    look: () => inTurn(look),
    take: () => inTurn(take),
    async give() {
      if (phase !== 'open') return
      phase = 'giving'
      await slots.close(slot, giveWithinMs)
      await inTurn(async () => {
        if (phase !== 'giving') return
        phase = 'away'
        await free()
      })
    },
    end: () =>
      inTurn(async () => {
        const wasOurs = isOurs()
        phase = 'ended'
        if (wasOurs) await free()
      }),
  }
}

/** What another version of the engine wrote counts as taken by somebody. */
function readValue(value: string): { engine: string; state: SlotState } {
  try {
    const { engine, state } = JSON.parse(value) as { engine?: string; state?: SlotState }
    return { engine: engine ?? '', state: state ?? 'up' }
  } catch {
    return { engine: value, state: 'up' }
  }
}
