// Where an entry lies in Redis, and how it is written: see lua/entry.lua.

import type { Reply } from './link.ts'

export interface Stored {
  version: number
  expiresAt: number | null
  counter: string
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
  let at = 0
  const field = (): string => {
    const end = reply.indexOf(58, at)
    const found = reply.toString('latin1', at, end)
    at = end + 1
    return found
  }
  const version = Number(field())
  const expiresAt = time(field())
  const counter = field()
  field()
  return expiresAt !== null && expiresAt <= now
    ? undefined
    : { version, expiresAt, counter, sealed: reply.subarray(at) }
}

export function time(digits: string): number | null {
  return digits === '' ? null : Number(digits)
}
