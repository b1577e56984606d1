// The connection to one Redis or to a cluster of them.
//
// Commands of one turn of the event loop leave together. Nothing waits in a queue
// while Redis is away: whatever is asked then is refused at once, what was under
// way is refused when its connection is given up, 0.9 s after the last sign of
// life. It may have been done all the same, so nothing is ever sent twice.
//
// Where replicas are to confirm what was written (WAIT), writes go over a
// connection of their own, as everything behind a WAIT waits with it; those of
// one turn and one node share one.

import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'

import { Cluster, type Redis } from 'ioredis'

import { EngineError } from '../../errors.ts'
import type { RedisAddress } from './address.ts'
import { startAwakeClock } from './awake.ts'
import { connect, type Client } from './connect.ts'
import type { ScriptName } from './scripts.ts'

/** It has no types of its own. */
const slotOf = createRequire(import.meta.url)('cluster-key-slot') as (key: string) => number

export type Reply = null | number | string | Buffer | Reply[]
export type Argument = string | number | Buffer

export interface Link {
  /** A command that only reads, sent to the node of its first argument. */
  read(command: string, key: string, ...args: Argument[]): Promise<Reply>
  /** Runs a script on keys of one slot. What resolves is kept, by as many replicas as were asked for. */
  run(name: ScriptName, keys: string[], args: Argument[]): Promise<Reply>
  /** Writes one plain key. */
  write(command: string, key: string, ...args: Argument[]): Promise<Reply>
  /** What INFO says, of each node that takes writes. */
  infos(): Promise<string[]>
  /** What was begun ends first; everything after is refused. */
  close(): Promise<void>
}

/** Replicas on the same network answer in a millisecond or two. */
const confirmWithinMs = 500
/** Nobody waits for Redis any longer, whatever the reason. */
const answerWithinMs = 1_000

/** Rejects with what the first attempt to connect came to. */
export async function openLink(address: RedisAddress, { replicas }: { replicas: number }): Promise<Link> {
  const awake = startAwakeClock()
  const clients: Client[] = []
  try {
    clients.push(await connect(address, awake))
    if (replicas > 0) clients.push(await connect(address, awake))
  } catch (error) {
    awake.stop()
    for (const client of clients) client.disconnect()
    throw error
  }
  const [reader, writer] = [clients[0]!, clients.at(-1)!]
  const pending = new Set<Asked>()
  const gathered = new Map<string, Batch>()
  let closed = false

  function guarded(ask: () => Promise<unknown>): Promise<Reply> {
    if (closed) return Promise.reject(unavailable(new Error('closed')))
    const answer = new Promise<Reply>((resolve, reject) => {
      const asked: Asked = { at: awake.now(), giveUp: () => fail(new Error('no answer in time')) }
      const fail = (error: unknown): void => {
        pending.delete(asked)
        reject(unavailable(error))
      }
      pending.add(asked)
      try {
        ask().then(reply => {
          pending.delete(asked)
          resolve(reply as Reply)
        }, fail)
      } catch (error) {
        fail(error)
      }
    })
    return answer
  }

  // Oldest first: mostly one look at the first.
  awake.onStep(() => {
    const latest = awake.now() - answerWithinMs
    for (const asked of pending) {
      if (asked.at > latest) return
      asked.giveUp()
    }
  })

  /** Adds it to what is confirmed together: all writes to one node. */
  function confirmed(key: string, add: Step['add']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const group = groupOf(writer, key)
      let batch = gathered.get(group)
      if (batch === undefined) gathered.set(group, (batch = { steps: [], running: false }))
      batch.steps.push({ add, resolve, reject })
      if (!batch.running) start(group, batch)
    })
  }

  function start(group: string, batch: Batch): void {
    batch.running = true
    setImmediate(() => void send(group, batch))
  }

  async function send(group: string, batch: Batch): Promise<void> {
    const steps = batch.steps
    batch.steps = []
    try {
      const pipeline = writer.pipeline()
      for (const { add } of steps) add(pipeline as unknown as Commands)
      pipeline.call('wait', replicas, confirmWithinMs)
      const results = (await pipeline.exec()) ?? []
      const [failure, count] = results.at(-1) ?? []
      const few =
        failure ??
        (Number(count) < replicas ? new Error(`${Number(count)} replicas of ${replicas} have it`) : undefined)
      for (const [index, { resolve, reject }] of steps.entries()) {
        const [error, reply] = results[index] ?? [new Error('no answer')]
        if (error ?? few) reject((error ?? few)!)
        else resolve(reply)
      }
    } catch (error) {
      for (const { reject } of steps) reject(error as Error)
    }
    if (batch.steps.length > 0) start(group, batch)
    else gathered.delete(group)
  }

  return {
    read: (command, key, ...args) => guarded(() => (gather(reader), reader.callBuffer(command, key, ...args))),
    run: (name, keys, args) =>
      guarded(() => {
        const add = (commands: Commands): Promise<unknown> => commands[`${name}Buffer`](keys.length, ...keys, ...args)
        if (replicas > 0) return confirmed(keys[0]!, add)
        gather(writer)
        return add(writer as unknown as Commands)
      }),
    write: (command, key, ...args) =>
      guarded(() => {
        if (replicas > 0)
          return confirmed(key, commands => (commands as unknown as Redis).callBuffer(command, key, ...args))
        gather(writer)
        return writer.callBuffer(command, key, ...args)
      }),
    async infos() {
      const nodes = reader instanceof Cluster ? reader.nodes('master') : [reader]
      return Promise.all(nodes.map(node => node.info()))
    },
    async close() {
      if (closed) return
      closed = true
      // Each has its answer within that time, or is given up.
      while (pending.size > 0) await wait(5)
      awake.stop()
      for (const client of clients) client.disconnect()
    },
  }
}

interface Asked {
  at: number
  giveUp(): void
}

/** The scripts, as commands of ioredis. */
type Commands = Record<`${ScriptName}Buffer`, (keys: number, ...values: Argument[]) => Promise<unknown>>

interface Step {
  add(commands: Commands): unknown
  resolve(reply: unknown): void
  reject(error: Error): void
}

interface Batch {
  steps: Step[]
  running: boolean
}

function groupOf(client: Client, key: string): string {
  return client instanceof Cluster ? (client.slots[slotOf(key)]?.join() ?? '') : ''
}

const corked = new WeakSet<Client>()

/** What is written in this turn of the event loop leaves in one piece for each node. */
function gather(client: Client): void {
  if (corked.has(client)) return
  corked.add(client)
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const streams = nodes.flatMap(({ stream }) => (stream as typeof stream | undefined) ?? [])
  for (const stream of streams) stream.cork()
  setImmediate(() => {
    corked.delete(client)
    for (const stream of streams) stream.uncork()
  })
}

function unavailable(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause
  const message = `Redis: ${cause instanceof Error ? cause.message : String(cause)}`
  return new EngineError('storage_unavailable', { retryAfter: 1 }, { cause, message })
}
