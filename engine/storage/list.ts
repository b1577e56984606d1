// The drivers of storage, by the scheme of PATCHCORD_STORAGE.
// A new one is one file and one line here.

import { resolve } from 'node:path'
import { StartError } from '../errors.ts'
import type { RedisScheme } from './redis/address.ts'
import { openSqlite } from './sqlite.ts'
import type { Storage } from './storage.ts'

export interface StorageOptions {
  /** Key material for what is sealed, 32 characters at least. */
  secret: string
  /** Milliseconds since 1970. */
  clock: () => number
  /** Of Redis: how many replicas have to have a write before it is answered; none by default. */
  replicas?: number
  /** What relative paths start from; the working directory by default. */
  baseDir?: string
}

type Open = (rest: string, options: StorageOptions) => Promise<Storage>

const drivers: Record<string, Open> = {
  sqlite: async (rest, options) => openSqlite({ ...options, path: sqlitePath(rest, options.baseDir) }),
  redis: (rest, options) => redis('redis', rest, options),
  rediss: (rest, options) => redis('rediss', rest, options),
  'redis-cluster': (rest, options) => redis('redis-cluster', rest, options),
}

/** Opens what `url` (`sqlite:data/patchcord.db`) names. Rejects with StartError when it cannot be used. */
export async function openStorage(url: string, options: StorageOptions): Promise<Storage> {
  // Only the scheme is ever printed: the rest of a URL may hold a password.
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+-]*):(.*)$/is.exec(url) ?? []
  const name = scheme.toLowerCase()
  const open = Object.hasOwn(drivers, name) ? drivers[name] : undefined
  if (!open)
    throw new StartError(
      `PATCHCORD_STORAGE: ${name ? `no driver is called ${name}:` : 'it names no driver'}; ${allowed}`,
    )
  return open(rest, options)
}

const allowed =
  'allowed is redis://host:port/db, rediss://host:port/db, redis-cluster://host:port,host:port or sqlite:path/to/file, for instance sqlite:data/patchcord.db'

/** Read when it is asked for: an engine on SQLite does not pay for it. */
async function redis(
  scheme: RedisScheme,
  rest: string,
  { secret, clock, replicas = 0 }: StorageOptions,
): Promise<Storage> {
  const { openRedis } = await import('./redis/redis.ts')
  return openRedis(scheme, rest, { secret, clock, replicas })
}

/** `data/x.db`, `/var/x.db`, and the latter as `///var/x.db`. */
function sqlitePath(rest: string, baseDir = '.'): string {
  const isUrl = rest.startsWith('//')
  if (rest === '' || rest.endsWith('/') || (isUrl && rest[2] !== '/'))
    throw new StartError(`PATCHCORD_STORAGE: sqlite: has to be followed by the path of a file; ${allowed}`)
  return resolve(baseDir, isUrl ? rest.slice(2) : rest)
}
