// How far a message is. Only messages of the asking script are found.

import { Type } from 'typebox'

import { definePrimitive } from './primitive.ts'

export const message = definePrimitive({
  name: 'message',
  parameters: ['id'],
  onlyReads: true,
  // Callers ask with anything; what is no id is simply not found.
  input: Type.Object({ id: Type.String() }),
  async run({ id }, { outbox, run }) {
    const found = await outbox.ahead.get(id)
    if (found === undefined || found.script !== run.script) return undefined
    const { state, carrier, segments, attempts, ref, timeline } = found
    return {
      id,
      state,
      carrier: carrier ?? null,
      segments,
      attempts,
      ref: ref ?? null,
      timeline: timeline.map(event => ({ ...event, at: new Date(event.at).toISOString() })),
    }
  },
})
