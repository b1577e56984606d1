// Where an item of work lies in Redis, and how it is written: see lua/work.lua.

import type { Seal } from '../seal.ts'
import type { NewWork, WorkItem } from '../storage.ts'
import { readFields, time } from './entry-row.ts'
import type { Reply } from './link.ts'

export interface Row {
  id: string
  seq: number
  scriptTag: string
  numberTag: string
  alias: string
  item: WorkItem
}

export interface Rows {
  /** All shards of a queue, by their names. */
  shards(queue: string): string[]
  shardOf(queue: string, id: string): string
  itemKey(queue: string, id: string): string
  /** Ids by another name of theirs. */
  nameKey(kind: 'alias' | 'number', queue: string, tag: string): string
  /** The fields of a new item, in the order of lua/work.lua. */
  fields(item: NewWork, more: { version: number; owner: string | null; seq: number; now: number }): string[]
  tag(text: string | undefined): string
  sealBody(queue: string, id: string, body: string): Buffer
  read(queue: string, id: string, reply: Reply): Row | undefined
}

const shardsOfQueue = 16

export function createRows(seal: Seal): Rows {
  const context = (queue: string, id: string): string => JSON.stringify(['body', queue, id])
  const shard = (queue: string, number: number): string => `pc:{${word(queue)}:${number}}`
  const shardOf = (queue: string, id: string): string => shard(queue, spread(id) % shardsOfQueue)

  return {
    shards: queue => Array.from({ length: shardsOfQueue }, (_, number) => shard(queue, number)),
    shardOf,
    itemKey: (queue, id) => `${shardOf(queue, id)}:i:${id}`,
    nameKey: (kind, queue, tag) => `pc:${kind}:{${word(queue)}:${tag}}`,
    fields: ({ priority, dueAt, expiresAt, tags, state, lane }, { version, owner, seq, now }) => [
      String(version),
      String(priority),
      optional(dueAt),
      optional(expiresAt),
      String(now),
      String(now),
      String(seq),
      tags.script === undefined ? '' : seal.hashTag(tags.script),
      tags.number === undefined ? '' : seal.hashTag(tags.number),
      '',
      word(state),
      owner === null ? '' : word(owner),
      word(lane),
    ],
    tag: text => (text === undefined ? '' : seal.hashTag(text)),
    sealBody: (queue, id, body) => seal.seal(body, context(queue, id)),

    read(queue, id, reply) {
      if (!Buffer.isBuffer(reply)) return undefined
      const { field, rest } = readFields(reply)
      const [version, priority, dueAt, expiresAt, createdAt, updatedAt, seq] = [
        Number(field()),
        Number(field()),
        time(field()),
        time(field()),
        Number(field()),
        Number(field()),
        Number(field()),
      ]
      const [scriptTag, numberTag, alias, state, owner, lane] = [field(), field(), field(), field(), field(), field()]
      const item: WorkItem = {
        queue,
        id,
        lane: decodeURIComponent(lane),
        state: decodeURIComponent(state),
        priority,
        owner: owner === '' ? null : decodeURIComponent(owner),
        version,
        dueAt,
        expiresAt,
        createdAt,
        updatedAt,
        body: seal.open(rest(), context(queue, id)),
      }
      return { id, seq, scriptTag, numberTag, alias, item }
    },
  }
}

/**
 * What a script on a shard names: its prefix, of which there is never a key, and
 * its list, which is there as long as anything is. So while a cluster moves the
 * slot Redis refuses the script wherever it asks (TRYAGAIN); with one key alone
 * it would run where the rest of the shard is not.
 */
export function shardKeys(shard: string): string[] {
  return [shard, `${shard}:l`]
}

/** A text without `:` and braces: a field, or a part of a key. */
export function word(text: string): string {
  return encodeURIComponent(text)
}

export function optional(time: number | null): string {
  return time === null ? '' : String(time)
}

/** FNV-1a: an even spread over the shards, the same on every engine. */
function spread(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
