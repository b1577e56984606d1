// Where Redis is, as PATCHCORD_STORAGE tells it.
//
//   redis://[user:password@]host[:port][/database]      rediss:// with TLS
//   redis-cluster://[user:password@]host:port[,host:port…]
//
// `?tls=true` for a cluster with TLS, `?ca=<file>` for a certificate authority of
// one's own.

import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

import { StartError } from '../../errors.ts'

export interface RedisAddress {
  isCluster: boolean
  nodes: Array<{ host: string; port: number }>
  database: number
  username: string | undefined
  password: string | undefined
  /** Undefined without TLS. */
  tls: ConnectionOptions | undefined
}

const forms = {
  redis: 'redis://host:6379/0',
  rediss: 'rediss://host:6379/0',
  'redis-cluster': 'redis-cluster://host:6379,host:6379',
}
export type RedisScheme = keyof typeof forms

/** `rest` is what follows the scheme and its colon. Throws StartError, which shows nothing of it: it may hold a password. */
export function readRedisAddress(scheme: RedisScheme, rest: string): RedisAddress {
  const wrong = (what: string): StartError =>
    new StartError(
      `PATCHCORD_STORAGE: ${what}; allowed is ${forms[scheme]}, with user:password@ before the host and ?ca=file behind`,
    )
  const [, login, places = '', path = '', query = ''] =
    /^\/\/(?:([^@/?]*)@)?([^@/?]+)(\/[^?]*)?(?:\?(.*))?$/.exec(rest) ?? []
  if (places === '') throw wrong(`${scheme}: has to be followed by //host:port`)
  const isCluster = scheme === 'redis-cluster'
  const nodes = places.split(',').map(place => {
    const [, host = '', port = '6379'] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(place) ?? []
    if (host === '' || Number(port) < 1 || Number(port) > 65_535) throw wrong('it names no host and port')
    return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) }
  })
  if (!isCluster && nodes.length > 1) throw wrong('several hosts are a cluster: redis-cluster://')
  const database = /^\/?$/.test(path) ? 0 : /^\/\d{1,4}$/.test(path) ? Number(path.slice(1)) : undefined
  if (database === undefined || (isCluster && database !== 0)) throw wrong('the path is no number of a database')
  const [, username, password] = /^([^:]*)(?::(.*))?$/.exec(login ?? '') ?? []
  const options = new URLSearchParams(query)
  const unknown = [...options.keys()].find(name => name !== 'tls' && name !== 'ca')
  if (unknown !== undefined) throw wrong('it has an option that is neither tls nor ca')
  const ca = options.get('ca')
  const hasTls = scheme === 'rediss' || options.get('tls') === 'true' || ca !== null
  return {
    isCluster,
    nodes,
    database,
    username: decoded(username, wrong),
    password: decoded(password, wrong),
    tls: hasTls ? { ...(ca !== null && { ca: readCertificate(ca) }) } : undefined,
  }
}

function decoded(text: string | undefined, wrong: (what: string) => StartError): string | undefined {
  try {
    return text === undefined || text === '' ? undefined : decodeURIComponent(text)
  } catch {
    throw wrong('user or password holds a % that stands for nothing')
  }
}

function readCertificate(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new StartError(`PATCHCORD_STORAGE: ca=${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
