// Accepting is not delivering: this answers once the message is safe in the
// outbox. What the carrier made of it reaches the script later, as onReport,
// or when it asks with message(id).

import { Type } from 'typebox'

import { loadCountryOf } from '../country.ts'
import { e164Pattern, senderPattern } from '../phone.ts'
import { Duration, durationMs } from './duration.ts'
import { definePrimitive, PrimitiveError } from './primitive.ts'

/** How long a message is worth sending when the script does not say. */
const defaultValidityMs = 86_400_000

export const sendSms = definePrimitive({
  name: 'sendSms',
  input: Type.Object({
    to: Type.String({ pattern: e164Pattern.source }),
    text: Type.String({ minLength: 1, maxLength: 1_600 }),
    from: Type.Optional(Type.String({ pattern: senderPattern.source })),
    validFor: Type.Optional(Duration),
    carrier: Type.Optional(Type.String({ maxLength: 64 })),
    ref: Type.Optional(Type.String({ maxLength: 255 })),
    priority: Type.Optional(Type.Union([Type.Literal('otp'), Type.Literal('bulk')])),
    onUncertain: Type.Optional(Type.Union([Type.Literal('resend'), Type.Literal('fail')])),
    failover: Type.Optional(Type.Boolean()),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  async run(input, { outbox, run, nextMessageId, hadEffect }) {
    // Judged before it gets an id: what is refused counts for nothing, however many are asked for at once.
    if (!(await granted(input.to, run.countries)) || !outbox.serves({ ...input, script: run.script }))
      throw refused(input.to)
    const accepted = await outbox.ahead.accept({
      // Makes a replayed call the same message, not a second one.
      id: nextMessageId(),
      script: run.script,
      to: input.to,
      text: input.text,
      from: input.from,
      validForMs: input.validFor === undefined ? defaultValidityMs : durationMs(input.validFor),
      carrier: input.carrier,
      ref: input.ref,
      priority: input.priority ?? 'otp',
      onUncertain: input.onUncertain,
      failover: input.failover ?? false,
      params: input.params,
    })
    hadEffect()
    return accepted
  },
})

function refused(to: string): PrimitiveError {
  return new PrimitiveError(`no carrier may send to ${to.slice(0, 4)}…`, {
    code: 'unsupported_number',
    status: 400,
    facts: { country: null, example: null },
  })
}

/** Whether the script's `countries` (ISO codes or prefixes with `+`; `*` is all) grant the number. */
async function granted(to: string, countries: readonly string[]): Promise<boolean> {
  if (countries.includes('*')) return true
  if (countries.some(country => country.startsWith('+') && to.startsWith(country))) return true
  const country = (await loadCountryOf())(to)
  return country !== undefined && countries.includes(country)
}
