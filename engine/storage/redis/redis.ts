// Storage in Redis or in a cluster of Redis, for any number of engines.
//
// What is answered was done by Redis, and is on as many replicas as were asked
// for; how far it survives a power cut is Redis's own setting (AOF). There is no
// commit of several things: work "ahead of the disk" is done like any other.

import { randomInt } from 'node:crypto'

import { EngineError, StartError } from '../../errors.ts'
import { createSeal } from '../seal.ts'
import type { Storage } from '../storage.ts'
import { readRedisAddress, type RedisScheme } from './address.ts'
import { adviceFor } from './advice.ts'
import { createRedisEntries } from './entries.ts'
import { openLink, type Link } from './link.ts'
import { createRedisWork } from './work.ts'

export interface RedisOptions {
  secret: string
  clock: () => number
  /** How many replicas have to have a write before it is answered. */
  replicas: number
}

/** `rest` is what follows the scheme and its colon. Rejects with StartError when it cannot be used. */
export async function openRedis(scheme: RedisScheme, rest: string, options: RedisOptions): Promise<Storage> {
  const { clock, replicas } = options
  const seal = createSeal(options.secret)
  const link = await open(scheme, rest, replicas)
  await checkSecret(link, seal).catch(async (error: unknown) => {
    await link.close()
    if (!(error instanceof EngineError)) throw error
    throw new StartError(`PATCHCORD_STORAGE: Redis takes no writes (${error.message})`, { cause: error, mayPass: true })
  })
  const parts = { link, seal, clock, nextVersion: createVersions(clock) }
  const entries = createRedisEntries(parts)
  const work = createRedisWork(parts)

  return {
    shared: true,
    entries,
    work,
    ahead: {
      together: false,
      entries,
      work,
      kept: () => undefined,
      // Nothing that was answered is ever lost together.
      lot: () => 0,
      beforeCommit: write => void write().catch(() => {}),
      onLost: () => {},
    },
    advice: () => adviceFor(link, replicas),
    async ready() {
      // Redis reads when it takes no writes any more, so only a write can tell.
      await link.write('SET', 'pc:ready', String(clock()))
    },
    async close() {
      work.close()
      await link.close()
    },
  }
}

async function open(scheme: RedisScheme, rest: string, replicas: number): Promise<Link> {
  const address = readRedisAddress(scheme, rest)
  try {
    return await openLink(address, { replicas })
  } catch (cause) {
    throw new StartError(`PATCHCORD_STORAGE: Redis cannot be reached (${reason(cause)})`, { cause })
  }
}

/** Ours say what they are made of; a message of Redis's holds no password. */
function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code ?? message
}

const canary = 'canary'

/** Engines with different secrets would not read what the other one writes. */
async function checkSecret(link: Link, seal: ReturnType<typeof createSeal>): Promise<void> {
  const key = 'pc:canary'
  await link.write('SET', key, seal.seal(canary, canary), 'NX')
  const found = await link.read('GET', key)
  try {
    seal.open(Buffer.isBuffer(found) ? found : Buffer.alloc(0), canary)
  } catch (cause) {
    throw new StartError('PATCHCORD_SECRET is not the one that this Redis was written with', { cause })
  }
}

/** Numbers that grow: the clock in 1/1024 ms, the fraction at random, since others count too; or one more than the last. */
function createVersions(clock: () => number): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor(clock()) * 1024 + randomInt(1024))
    return last
  }
}
