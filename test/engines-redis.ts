// One Redis for the tests of a file that start several engines over it.

import { afterAll, beforeAll } from 'vitest'

import { startRedis, type RedisServer } from './redis.ts'

export const token = 'a-token-that-all-engines-know'
export const secret = 'a secret for tests, long enough to be one'

/** What all engines of one storage are started with. */
export const surroundings = (url: string): Record<string, string> => ({
  PATCHCORD_STORAGE: url,
  PATCHCORD_SECRET: secret,
  PATCHCORD_TOKEN: token,
})

export interface SharedRedis {
  port(): number
  /** The address of a database; a new one keeps a test apart from the others. */
  url(database?: string): string
  newDatabase(): string
}

export function shareRedis(): SharedRedis {
  const ends: Array<() => Promise<void>> = []
  let redis: RedisServer
  let databases = 0
  beforeAll(async () => {
    redis = await startRedis({ atEnd: end => void ends.push(end) })
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })
  const newDatabase = (): string => String(++databases)
  return {
    port: () => redis.port,
    url: (database = newDatabase()) => redis.url.replace(/0$/, database),
    newDatabase,
  }
}
