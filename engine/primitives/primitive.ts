// What a primitive is: one thing that a script may ask of the engine.
//
// A new one is one file and one line in list.ts. Its schema checks what the
// script sent, its `run` has the effect, and what it returns (plain data)
// crosses back into the sandbox.

import type { Static, TSchema } from 'typebox'

import type { ErrorCode, Facts } from '../errors.ts'

import type { Outbox } from '../outbox/outbox.ts'
import { compileSchema } from '../schema.ts'
import type { Storage } from '../storage/storage.ts'
import type { Timers } from './schedule.ts'

/** What the engine lends every primitive. */
export interface PrimitiveParts {
  storage: Storage
  outbox: Outbox
  timers: Timers
  clock: () => number
}

/** What the function of storage.update made of the value it was given. */
export type Changed = { how: 'set'; value: unknown } | { how: 'delete' } | { how: 'nothing' }

/** The run that asks. */
export interface PrimitiveCall extends PrimitiveParts {
  run: { id: string; script: string; countries: readonly string[] }
  /** The call's place in its run: with the run's id it makes a key that a replay finds again. */
  number: number
  /** The name of what it does in the storage, where the run may be repeated and would do it again. */
  once: string | undefined
  /** The id of the run's next message; throws ScriptLimit when the run has sent its share. */
  nextMessageId(): string
  /** Hands a value to the function that the script passed along, inside the sandbox. */
  change(value: unknown): Promise<Changed>
  /** The run has changed the world: its answer is worth keeping. */
  hadEffect(): void
  /** A stored value was written. Counts as an effect unless the run puts back what was there. */
  changedValue(key: string, before: string | undefined, after: string | undefined): void
}

export interface Primitive {
  readonly name: string
  /** How positional arguments become fields: `...` spreads an options object, `fn` stays in the sandbox. */
  readonly parameters: string[]
  /** It changes nothing anywhere. */
  readonly onlyReads: boolean
  /** What is wrong with the input, in words for the script's author; undefined when it is right. */
  problem(input: unknown): string | undefined
  run(input: unknown, call: PrimitiveCall): Promise<unknown>
}

export function definePrimitive<Input extends TSchema>(definition: {
  name: string
  parameters?: string[]
  onlyReads?: boolean
  input: Input
  run(input: Static<Input>, call: PrimitiveCall): Promise<unknown>
}): Primitive {
  const { name, parameters = ['...'], onlyReads = false, input, run } = definition
  const check = compileSchema(input)
  return {
    name,
    parameters,
    onlyReads,
    problem(value) {
      const wrong = check(value)
      if (wrong === undefined) return undefined
      const field = wrong.instancePath.slice(1).replaceAll('/', '.')
      return `${name}: ${field === '' ? 'the argument' : field} ${wrong.message}`
    },
    run: (value, call) => run(value as Static<Input>, call),
  }
}

/** A failure that the script may catch; with a code it is a refusal that reaches the caller when it does not. */
export class PrimitiveError extends Error {
  readonly code: ErrorCode | undefined
  readonly status: number | undefined
  readonly facts: Facts

  constructor(message: string, refusal?: { code: ErrorCode; status: number; facts?: Facts }) {
    super(message)
    this.name = 'PrimitiveError'
    this.code = refusal?.code
    this.status = refusal?.status
    this.facts = refusal?.facts ?? {}
  }
}

/** A budget is used up: the run ends at once, and no script can catch that. */
export class ScriptLimit extends Error {
  readonly limit: string

  constructor(limit: string) {
    super(`the limit ${limit} was reached`)
    this.name = 'ScriptLimit'
    this.limit = limit
  }
}
