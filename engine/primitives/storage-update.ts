// storage.update: read, let the script's function decide, write, all as one.
//
// Updates of one key queue here, so a conflict can only come from another
// engine; then the function is asked again with the newer value.

import { Type } from 'typebox'

import { Duration, durationMs } from './duration.ts'
import { definePrimitive, PrimitiveError, type PrimitiveCall } from './primitive.ts'

const maxConflicts = 20
const queues = new WeakMap<object, Map<string, Promise<unknown>>>()

export const storageUpdate = definePrimitive({
  name: 'storage.update',
  parameters: ['key', 'fn', '...'],
  input: Type.Object({ key: Type.String({ minLength: 1, maxLength: 512 }), ttl: Type.Optional(Duration) }),
  run: (input, call) => inTurn(call, input.key, () => update(input, call)),
})

/** Runs tasks of one key one after another. */
async function inTurn<T>({ storage, run }: PrimitiveCall, key: string, task: () => Promise<T>): Promise<T> {
  let queue = queues.get(storage)
  if (queue === undefined) queues.set(storage, (queue = new Map()))
  const place = `${run.script}/${key}`
  const before = queue.get(place)
  const mine = before === undefined ? task() : before.then(task, task)
  queue.set(place, mine)
  try {
    return await mine
  } finally {
    if (queue.get(place) === mine) queue.delete(place)
  }
}

async function update({ key, ttl }: { key: string; ttl?: number | string }, call: PrimitiveCall): Promise<unknown> {
  const space = `script/${call.run.script}`
  const told = call.once === undefined ? undefined : await call.storage.ahead.entries.told(space, key, call.once)
  if (told !== undefined) {
    // An engine died over this run after it had written: the function is not to see its own result.
    call.changedValue(key, told.value === undefined ? '' : undefined, told.value)
    return told.value === undefined ? undefined : (JSON.parse(told.value) as unknown)
  }
  for (let conflict = 0; conflict < maxConflicts; conflict++) {
    const entry = await call.storage.ahead.entries.get(space, key)
    const changed = await call.change(entry === undefined ? undefined : (JSON.parse(entry.value) as unknown))
    // The function threw: the script has its error already, nothing is written.
    if (changed.how === 'nothing') return undefined
    const value = changed.how === 'set' ? JSON.stringify(changed.value) : undefined
    if (value === undefined && entry === undefined) return undefined
    // Nothing to write, unless the same value is to live on, or an attempt before may have been done by half.
    if (value === entry?.value && ttl === undefined && call.storage.ahead.together)
      return (changed as { value: unknown }).value
    const written = await call.storage.ahead.entries.replace(space, key, {
      version: entry?.version ?? null,
      value,
      once: call.once,
      ...(ttl === undefined ? {} : { ttlMs: durationMs(ttl) }),
    })
    if (!written) continue
    call.changedValue(key, entry?.value, value)
    return changed.how === 'set' ? changed.value : undefined
  }
  throw new PrimitiveError('too many engines change this key at once')
}
