// A row of due work, and how it becomes an item: what is sealed in it is sealed
// for its own queue, id and column, so that no row can stand in for another.

import type { Seal } from './seal.ts'
import type { WorkItem } from './storage.ts'

export interface Row {
  seq: number
  queue: string
  id: string
  lane: string
  state: string
  priority: number
  due_at: number | null
  owner: string | null
  version: number
  created_at: number
  updated_at: number
  expires_at: number | null
  body: Uint8Array
}

/** Past its time a row is absent for every operation, swept or not. */
export const live = '(expires_at IS NULL OR expires_at > $now)'

export interface RowSeal {
  read(row: Row): WorkItem
  sealBody(queue: string, id: string, body: string): Uint8Array
  /** What stands in the columns that lists filter by. */
  hash(text: string | undefined): string | null
}

export function createRowSeal(seal: Seal): RowSeal {
  return {
    read(row) {
      const { queue, id, lane, state, priority, owner, version } = row
      return {
        queue,
        id,
        lane,
        state,
        priority,
        owner,
        version,
        dueAt: row.due_at,
        expiresAt: row.expires_at,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
        body: seal.open(row.body, context(queue, id)),
      }
    },
    sealBody: (queue, id, body) => seal.seal(body, context(queue, id)),
    hash: text => (text === undefined ? null : seal.hashTag(text)),
  }
}

function context(queue: string, id: string): string {
  return JSON.stringify(['body', queue, id])
}
