// Where an entry lies in Redis, and how it is written: see lua/entry.lua.

import type { Reply } from './link.ts'

export interface Stored {
  version: number
  expiresAt: number | null
  counter: string
  /** The score of its path in the index. */
  stamp: string
  sealed: Buffer
}

/** The keys of an index: paths by their letters, and by their ends. */
export type Index = [paths: string, ends: string]

export const indexShards = 16

/** A hash covers the segments before it: the last one stands for the whole path. */
export function entryKey(path: string): string {
  return `pc:e:{${path.slice(path.lastIndexOf(':') + 1)}}`
}

export function indexOf(path: string): Index {
  // A letter of base64url at the end of the hash.
  return indexAt(path.slice(0, path.indexOf(':')), path.charCodeAt(path.length - 1) % indexShards)
}

export function indexAt(spaceHash: string, shard: number): Index {
  return [`pc:x:{${spaceHash}:${shard}}`, `pc:t:{${spaceHash}:${shard}}`]
}

/** What lua/entry.lua wrote; undefined where there is none or its time has passed. */
export function decode(reply: Reply, now: number): Stored | undefined {
  if (!Buffer.isBuffer(reply)) return undefined
  const { field, rest } = readFields(reply)
  const version = Number(field())
  const expiresAt = time(field())
  const counter = field()
  const stamp = field()
  return expiresAt !== null && expiresAt <= now ? undefined : { version, expiresAt, counter, stamp, sealed: rest() }
}

/** Fields with ':' behind each, then bytes of any kind: each call gives the next field. */
export function readFields(bytes: Buffer): { field(): string; rest(): Buffer } {
  let at = 0
  return {
    field() {
      const end = bytes.indexOf(58, at)
      const found = bytes.toString('latin1', at, end)
      at = end + 1
      return found
    },
    rest: () => bytes.subarray(at),
  }
}

export function time(digits: string): number | null {
  return digits === '' ? null : Number(digits)
}
