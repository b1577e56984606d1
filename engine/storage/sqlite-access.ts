// How the parts of the SQLite driver reach the database: at once, or after the disk (sqlite-batch.ts).

/** How the operations of the storage reach the database. */
export interface Access {
  /** Runs inside a transaction; resolves with what `run` returned. Without being ahead `run` may be called twice. */
  write<T>(run: () => T): Promise<T>
  /** Runs at once; turns SQLite's errors into storage_unavailable. */
  read<T>(run: () => T): Promise<T>
}

export interface Batch {
  /** What is answered is durable. */
  readonly durable: Access
  /** What is answered is not durable yet. */
  readonly ahead: Access
  /** Resolves when all that was written ahead is durable, rejects when it is lost; undefined when there is none. */
  kept(): Promise<void> | undefined
  /** Grows with every transaction that was written ahead in, kept or lost. */
  lot(): number
  /** Runs `write` in the transaction that is open ahead, last before it is committed; at once when there is none. */
  beforeCommit(write: () => Promise<unknown>): void
  /** Called when what was written ahead, and answered, is lost; its lot is still the present one. */
  onLost(listener: () => void): void
  stats(): { commits: number; writes: number }
  /** Commits what is pending; everything after is refused. */
  close(): void
}
