// The storage contract: entries with a lifetime, and work that is due at a time.
//
// Every operation is atomic alone and touches one key, so that any driver, a
// cluster of Redis included, can keep the promise. A promise that resolves is
// durable. When the storage cannot be reached every operation rejects with
// EngineError('storage_unavailable') and nothing is promised.
//
// Values and bodies are sealed at rest, keys and tags are kept as HMACs
// (seal.ts); counters, states, lanes and times stay plain. Times are
// milliseconds since 1970 by the wall clock.

export interface Storage {
  /** Other engines may work with it at the same time. */
  readonly shared: boolean
  readonly entries: Entries
  readonly work: DueWork
  readonly ahead: StorageAhead
  /** What its operator should know: settings of it that may break a promise, one sentence each. */
  advice(): Promise<string[]>
  /** Resolves when reads and writes are possible, else rejects with storage_unavailable. */
  ready(): Promise<void>
  /** Finishes what was begun, then lets go of the files or connections. */
  close(): Promise<void>
}

/**
 * The same storage, ahead of the disk: an operation resolves as soon as it is
 * done, before it is durable, and sees what others did ahead. For work that
 * goes on inside the engine; whatever leaves it (an answer, a message to a
 * carrier) waits until all is kept. Work on one thing thus shares one commit,
 * where it would have waited for one after the other.
 */
export interface StorageAhead {
  /**
   * What is done ahead of the disk is kept together or not at all. Where it is
   * not, each operation is kept by itself: a record of what was done has to be
   * there before it, and operations that may be repeated from it are given a
   * name (`once`).
   */
  readonly together: boolean
  readonly entries: Entries
  /** Claims are left out: one touches many items, and would leave a part of them claimed when it fails. */
  readonly work: Omit<DueWork, 'claim'>
  /** Resolves when all that was done ahead is durable, rejects with storage_unavailable when it is lost; undefined when it is durable. */
  kept(): Promise<void> | undefined
  /** Which lot of work is being done ahead: one more after each that was kept or lost. */
  lot(): number
  /**
   * Does `write` in the commit that makes durable what was done ahead until
   * now: a record of what was done that is kept exactly when it is. It may do
   * operations of `ahead` only, without waiting for anything else.
   */
  beforeCommit(write: () => Promise<unknown>): void
  /** Called when the present lot is lost (a full disk): what was built on it must not go on. */
  onLost(listener: () => void): void
}

export interface Entry {
  key: string
  /** The text that was set; for a counter its decimal digits. */
  value: string
  /** Grows with every change of this entry; what `replace` compares. */
  version: number
  expiresAt: number | null
}

/**
 * Small texts under a key. A key is made of segments, `a:b:c`; `space` keeps
 * one owner's keys apart from another's (`script/otp`, `tokens`, …). An entry
 * whose time has passed is absent for every operation.
 */
export interface Entries {
  get(space: string, key: string): Promise<Entry | undefined>
  /** What was written under this name (`once`), undefined where it was deleted; undefined when nothing was done under it. */
  told(space: string, key: string, once: string): Promise<{ value: string | undefined } | undefined>
  /** False when `ifAbsent` was asked for and there is one. Without `ttlMs` the entry stays for ever. */
  set(
    space: string,
    key: string,
    value: string,
    options?: { ttlMs?: number; ifAbsent?: boolean } & Once,
  ): Promise<boolean>
  /** Whether there was one. */
  delete(space: string, key: string, options?: Once): Promise<boolean>
  /**
   * Adds to a counter; an absent one begins at 0 and takes `ttlMs`, which later
   * calls do not move. Resolves with undefined, and changes nothing, when the
   * entry holds something that is no whole number.
   */
  increment(
    space: string,
    key: string,
    options?: { by?: number; ttlMs?: number } & Once,
  ): Promise<{ value: number; expiresAt: number | null } | undefined>
  /**
   * Compare and set: writes only when the entry still has `version` (null: is
   * still absent). `value` undefined deletes it. Without `ttlMs` an existing
   * entry keeps its lifetime. Resolves with whether it was written.
   */
  replace(
    space: string,
    key: string,
    change: { version: number | null; value: string | undefined; ttlMs?: number } & Once,
  ): Promise<boolean>
  /** The entry `prefix` itself and all whose key begins with `prefix:`, by whole segments; `''` lists the space. At most `limit` (100), in no order. */
  list(space: string, prefix: string, options?: { limit?: number }): Promise<Array<{ key: string; value: string }>>
}

/**
 * A name for an operation, for eight days: asked for again on the same entry under
 * the same name it changes nothing, and is answered as when it was done. Only
 * storages need it where what is done ahead is not kept together.
 */
export interface Once {
  once?: string | undefined
}

/** What is known of one piece of work. */
export interface WorkItem extends Omit<NewWork, 'tags'> {
  /** The engine that has claimed it, null when nobody has. */
  owner: string | null
  /** Grows with every change. */
  version: number
  createdAt: number
  updatedAt: number
}

export interface NewWork {
  /** What kind of work: `messages`, `timers`. */
  queue: string
  /** Unique in its queue. */
  id: string
  /** Who may take it inside the queue: a carrier's name, or `''`. */
  lane: string
  /** Lower goes first among what is due. */
  priority: number
  /** When it may be claimed; null when there is nothing left to do. */
  dueAt: number | null
  /** The caller's own word for how far it is; lists filter by it. */
  state: string
  /** Kept as HMAC; lists filter by them. */
  tags: { script?: string; number?: string }
  /** Sealed at rest. */
  body: string
  /** When the record may be forgotten; null keeps it. */
  expiresAt: number | null
}

export interface WorkChange {
  /** Another name to find it by, kept as HMAC; null takes it away. */
  alias?: string | null
  lane?: string
  priority?: number
  dueAt?: number | null
  state?: string
  body?: string
  expiresAt?: number | null
}

/**
 * Work that is due at a time, is claimed by one engine, and stays readable when
 * it is done. An item past its `expiresAt` is absent, due and claimed ones too;
 * whoever has claimed it can still settle it for a while.
 */
export interface DueWork {
  /** Stores it; false, and no change, when the queue has that id already. */
  schedule(item: NewWork): Promise<boolean>
  /** The same, claimed by `owner` from the beginning: resolves with the item, undefined when the queue has that id already. */
  scheduleClaimed(item: NewWork, owner: string): Promise<WorkItem | undefined>
  /** Takes at most `limit` unclaimed items of one lane with `dueAt <= now`, by priority, then by due time; with `upTo` none of a higher priority number. */
  claim(
    queue: string,
    lane: string,
    options: { owner: string; now: number; limit: number; upTo?: number },
  ): Promise<WorkItem[]>
  /** Changes an item and frees its claim. With `version`: only if it still has that one. Resolves with whether it did. */
  settle(queue: string, id: string, change: WorkChange, options?: { version?: number }): Promise<boolean>
  get(queue: string, id: string): Promise<WorkItem | undefined>
  /** Of the items that go by that other name now, the one that was given it last. */
  byAlias(queue: string, alias: string): Promise<WorkItem | undefined>
  /** Newest first. `cursor` is the `next` of the page before. Of one number Redis finds the newest 1,000. */
  list(
    queue: string,
    filter: { state?: string; lane?: string; script?: string; number?: string; cursor?: string; limit: number },
  ): Promise<{ items: WorkItem[]; next: string | null }>
  /**
   * Oldest first, by the order in which they were scheduled: those with
   * `from <= createdAt < to`. `cursor` is the `next` of the page before. Pages
   * are complete and without doubles while work comes and goes; of what was
   * scheduled while the clock stood more than an hour wrong, some may be missed.
   */
  created(
    queue: string,
    range: { from: number; to: number; cursor?: string; limit: number },
  ): Promise<{ items: WorkItem[]; next: string | null }>
  delete(queue: string, id: string): Promise<boolean>
  /** The earliest `dueAt` of an unclaimed item in a lane, null when nothing waits. */
  nextDue(queue: string, lane: string): Promise<number | null>
  /** How many unclaimed items wait in a lane, due or not. Some of those past their time may still be counted. */
  waiting(queue: string, lane: string): Promise<number>
  /** Items that engines other than the `living` had claimed and can no longer finish. */
  orphans(queue: string, living: readonly string[], limit: number): Promise<WorkItem[]>
}
