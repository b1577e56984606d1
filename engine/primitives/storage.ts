// A script's own small memory: each script has a name space of its own, and
// every call is atomic on its one key.

import { Type } from 'typebox'

import { Duration, durationMs } from './duration.ts'
import { definePrimitive, PrimitiveError, type PrimitiveCall } from './primitive.ts'

const Key = Type.String({ minLength: 1, maxLength: 512 })
const ttlOf = (input: { ttl?: number | string }): { ttlMs?: number } =>
  input.ttl === undefined ? {} : { ttlMs: durationMs(input.ttl) }
const spaceOf = ({ run }: PrimitiveCall): string => `script/${run.script}`

export const storageGet = definePrimitive({
  name: 'storage.get',
  parameters: ['key'],
  onlyReads: true,
  input: Type.Object({ key: Key }),
  async run({ key }, call) {
    const entry = await call.storage.ahead.entries.get(spaceOf(call), key)
    return entry === undefined ? undefined : (JSON.parse(entry.value) as unknown)
  },
})

export const storageSet = definePrimitive({
  name: 'storage.set',
  parameters: ['key', 'value', '...'],
  input: Type.Object({
    key: Key,
    value: Type.Unknown(),
    ttl: Type.Optional(Duration),
    ifAbsent: Type.Optional(Type.Boolean()),
  }),
  async run(input, call) {
    if (input.value === undefined) throw new PrimitiveError('undefined cannot be stored; use storage.delete')
    const written = await call.storage.ahead.entries.set(spaceOf(call), input.key, JSON.stringify(input.value), {
      ...ttlOf(input),
      ifAbsent: input.ifAbsent ?? false,
      once: call.once,
    })
    if (written) call.hadEffect()
    return written
  },
})

export const storageDelete = definePrimitive({
  name: 'storage.delete',
  parameters: ['key'],
  input: Type.Object({ key: Key }),
  async run({ key }, call) {
    const deleted = await call.storage.ahead.entries.delete(spaceOf(call), key, { once: call.once })
    if (deleted) call.hadEffect()
    return deleted
  },
})

export const storageIncrement = definePrimitive({
  name: 'storage.increment',
  parameters: ['key', '...'],
  input: Type.Object({
    key: Key,
    by: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
    ttl: Type.Optional(Duration),
  }),
  async run(input, call) {
    const counter = await call.storage.ahead.entries.increment(spaceOf(call), input.key, {
      by: input.by ?? 1,
      once: call.once,
      ...ttlOf(input),
    })
    if (counter === undefined) throw new PrimitiveError('the value is no whole number')
    call.hadEffect()
    return {
      value: counter.value,
      expiresAt: counter.expiresAt === null ? null : new Date(counter.expiresAt).toISOString(),
    }
  },
})

export const storageList = definePrimitive({
  name: 'storage.list',
  parameters: ['prefix', '...'],
  onlyReads: true,
  input: Type.Object({
    prefix: Type.String({ maxLength: 512 }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  }),
  async run({ prefix, limit }, call) {
    const found = await call.storage.ahead.entries.list(spaceOf(call), prefix, { limit: limit ?? 100 })
    return found.map(({ key, value }) => ({ key, value: JSON.parse(value) as unknown }))
  },
})
