// API tokens: made once, shown once, kept as a hash.
//
//   pc_<id>_<secret>    id: 22 letters, secret: 43 characters of base64url
//
// All tokens are read at the start and kept in memory: a request costs one
// SHA-256 and one comparison in constant time. What another engine has made or
// deleted is known here within a second.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'

import { EngineError } from '../errors.ts'
import { newId } from '../ids.ts'
import { createChanges } from '../storage/changes.ts'
import type { Storage } from '../storage/storage.ts'

export interface Token {
  id: string
  name: string
  app: string
  brand: string | null
  scopes: string[]
  /** Addresses or CIDR ranges that may use it; null is everywhere. */
  addresses: string[] | null
  createdAt: string
  expiresAt: string | null
}

export interface NewToken {
  name: string
  scopes: string[]
  app?: string | undefined
  brand?: string | undefined
  addresses?: string[] | undefined
  expiresAt?: string | undefined
}

interface StoredToken extends Token {
  /** SHA-256 of the whole token, base64url. */
  hash: string
}

interface KnownToken {
  token: Token
  hash: Buffer
  allowed: BlockList | null
}

export interface Tokens {
  /** The token that this text is, undefined when it is none or has expired. */
  find(text: string): Token | undefined
  /** Whether a request from this address may use it. */
  mayComeFrom(token: Token, address: string): boolean
  create(wanted: NewToken): Promise<Token & { token: string }>
  list(): Token[]
  delete(id: string): Promise<boolean>
  /** Looks no more for what other engines do. */
  close(): void
}

const space = 'tokens'
const told = { lookEveryMs: 500, readAnywayMs: 30_000 }
/** Control characters, line breaks, halves of characters. */
const notPlain = /[\p{Cc}\p{Cs}\u2028\u2029]/u
export const everyScope = ['run:*', 'code:read', 'pii:read', 'metrics', 'admin']

/** `fixed` is a token from the environment, with every scope for as long as it is set. */
export async function openTokens(storage: Storage, clock: () => number, fixed?: string): Promise<Tokens> {
  const { entries } = storage
  const known = new Map<string, KnownToken>()
  const changes = createChanges(storage, 'tokens-changes', told)
  const stopFollowing = await changes.follow(readAll)
  const fixedHash = fixed === undefined ? undefined : sha256(fixed)
  const fixedToken: Token = {
    id: 'environment',
    name: 'PATCHCORD_TOKEN',
    app: 'default',
    brand: null,
    scopes: everyScope,
    addresses: null,
    createdAt: new Date(clock()).toISOString(),
    expiresAt: null,
  }

  async function readAll(): Promise<void> {
    const before = [...known.keys()]
    const found = await entries.list(space, '', { limit: 100_000 })
    // What was made here meanwhile is none of those.
    for (const id of before) known.delete(id)
    for (const { value } of found) {
      const { hash: text, ...token } = JSON.parse(value) as StoredToken
      remember(token, Buffer.from(text, 'base64url'))
    }
  }

  function remember(token: Token, hash: Buffer): void {
    known.set(token.id, { token, hash, allowed: token.addresses === null ? null : blockList(token.addresses) })
  }

  return {
    find(text) {
      const hash = sha256(text)
      if (fixedHash !== undefined && timingSafeEqual(hash, fixedHash)) return fixedToken
      const id = /^pc_(tok_[a-p]{22})_/.exec(text)?.[1]
      const found = id === undefined ? undefined : known.get(id)
      if (found === undefined || !timingSafeEqual(hash, found.hash)) return undefined
      const { expiresAt } = found.token
      return expiresAt !== null && Date.parse(expiresAt) <= clock() ? undefined : found.token
    },
    mayComeFrom(token, address) {
      const allowed = known.get(token.id)?.allowed ?? null
      if (allowed === null) return true
      const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
      return allowed.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
    },
    async create(wanted) {
      const token = checked(wanted, clock)
      const text = `pc_${token.id}_${randomBytes(32).toString('base64url')}`
      const hash = sha256(text)
      await entries.set(space, token.id, JSON.stringify({ ...token, hash: hash.toString('base64url') }))
      remember(token, hash)
      await changes.tell()
      return { ...token, token: text }
    },
    list: () => [...known.values()].map(({ token }) => token),
    async delete(id) {
      known.delete(id)
      const deleted = await entries.delete(space, id)
      await changes.tell()
      return deleted
    },
    close: stopFollowing,
  }
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

function checked(wanted: NewToken, clock: () => number): Token {
  const errors: Array<{ field: string; problem: string }> = []
  const { name, scopes, app = 'default', brand = null, addresses = null, expiresAt = null } = wanted
  const unknown = scopes.find(scope => !everyScope.includes(scope) && !/^run:[a-z][a-z0-9-]*$/.test(scope))
  if (name.length === 0 || name.length > 100) errors.push({ field: 'name', problem: 'has to have 1 to 100 characters' })
  if (notPlain.test(name)) errors.push({ field: 'name', problem: 'may not hold control characters' })
  if (scopes.length === 0) errors.push({ field: 'scopes', problem: 'is empty' })
  if (unknown !== undefined)
    errors.push({ field: 'scopes', problem: `"${unknown}" is none of run:<script>, ${everyScope.join(', ')}` })
  if (!/^[\w.-]{1,64}$/.test(app))
    errors.push({ field: 'app', problem: 'has to be 1 to 64 letters, digits, dots, dashes or underscores' })
  if (brand !== null && (brand.length === 0 || brand.length > 30))
    errors.push({ field: 'brand', problem: 'has to have 1 to 30 characters' })
  // A line break in a sender's name would begin a line of the SMS that only the script may write.
  if (brand !== null && notPlain.test(brand))
    errors.push({ field: 'brand', problem: 'may not hold control characters' })
  if (expiresAt !== null && !(Date.parse(expiresAt) > clock()))
    errors.push({ field: 'expiresAt', problem: 'has to be a time to come' })
  try {
    if (addresses !== null) blockList(addresses)
  } catch {
    errors.push({ field: 'addresses', problem: 'has to hold IP addresses or CIDR ranges' })
  }
  if (errors.length > 0) throw new EngineError('invalid_request', { errors })
  return {
    id: newId('tok'),
    name,
    app,
    brand,
    scopes: [...new Set(scopes)],
    addresses,
    createdAt: new Date(clock()).toISOString(),
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  }
}

function blockList(addresses: string[]): BlockList {
  const list = new BlockList()
  for (const address of addresses) {
    const [, ip = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(address) ?? []
    const family = isIP(ip) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(ip, family)
    else list.addSubnet(ip, Number(bits), family)
  }
  return list
}
