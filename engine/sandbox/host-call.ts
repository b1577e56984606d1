// A call that came out of a script: checked, counted, done, and its result
// queued for the run's next turn.

import { EngineError } from '../errors.ts'
import { primitives } from '../primitives/list.ts'
import { PrimitiveError, ScriptLimit, type Changed, type PrimitiveCall } from '../primitives/primitive.ts'
import { failRun, type Run } from './run.ts'
import { deliver } from './statements.ts'

export interface HostCall {
  readonly number: number
  readonly name: string
  /** For the trace, which shows it masked. */
  readonly input: unknown
  readonly startedAt: number
  endedAt: number | undefined
  /** `ok`, or what went wrong. */
  result: string | undefined
  done: Promise<void>
  /** The answer that its script was told, or will be. */
  delivery: string | undefined
  /** The first value that the function of storage.update was asked about, as it is told. */
  asked: string | undefined
  /** Of a message: which of the run's it is, from 1 on. */
  message: number | undefined
  /** Takes what the function of storage.update made of its value. */
  changed: ((changed: Changed) => void) | undefined
}

const byName = new Map(primitives.map(primitive => [primitive.name, primitive]))

export function startHostCall(run: Run, number: number, name: string, input: unknown): void {
  const primitive = byName.get(name)
  const call: HostCall = {
    number,
    name,
    input,
    startedAt: run.parts.clock(),
    endedAt: undefined,
    result: undefined,
    done: Promise.resolve(),
    delivery: undefined,
    asked: undefined,
    message: run.reserved?.get(number),
    changed: undefined,
  }
  if (primitive === undefined || number > run.limits.hostCalls || run.calls.has(number)) {
    return failRun(run, 'script_limit', `call ${number} of ${name} is not allowed`, { limit: 'hostCalls' })
  }
  run.calls.set(number, call)
  const problem = primitive.problem(input)
  if (problem !== undefined) return settle(run, call, problem, `[${number},"no",${failure(problem)}]`)
  const act = (): Promise<unknown> => primitive.run(input, contextOf(run, call))
  const before = primitive.onlyReads ? undefined : run.before(run)
  call.done = (before === undefined ? act() : before.then(act)).then(
    value => succeed(run, call, value),
    (error: unknown) => fail(run, call, error),
  )
}

function contextOf(run: Run, call: HostCall): PrimitiveCall {
  const { id, script } = run.event
  return {
    ...run.parts,
    run: { id, script: script.name, countries: script.settings.countries },
    number: call.number,
    once: run.event.owner === undefined || run.parts.storage.ahead.together ? undefined : `${id}.${call.number}`,
    nextMessageId() {
      // Its number was being looked up; what its text was made from is lost.
      if (run.lost) throw new EngineError('storage_unavailable', { retryAfter: 1 })
      if (call.message === undefined && run.messages >= run.limits.messages) throw new ScriptLimit('messages')
      // The n-th message of a run is `<run>.<n>`: a script can note the id before it sends.
      call.message ??= ++run.messages
      return `${id}.${call.message}`
    },
    change: value =>
      new Promise(resolve => {
        if (run.outcome !== undefined) return resolve({ how: 'nothing' })
        call.changed = changed => {
          call.changed = undefined
          resolve(changed)
        }
        const text = `[${call.number},"change"${value === undefined ? '' : `,${JSON.stringify(value)}`}]`
        call.asked ??= text
        deliver(run, call.number, text)
      }),
    hadEffect() {
      if (run.lost) return
      run.hadEffect = true
      run.effectIn ??= run.parts.storage.ahead.lot()
    },
    changedValue(key, before, after) {
      if (run.lost) return
      run.effectIn ??= run.parts.storage.ahead.lot()
      run.changes ??= new Map()
      const earlier = run.changes.get(key)
      run.changes.set(key, { before: earlier === undefined ? before : earlier.before, after })
    },
  }
}

function succeed(run: Run, call: HostCall, value: unknown): void {
  const text = value === undefined ? '' : `,${JSON.stringify(value)}`
  // A character of a string is three bytes at most.
  if (text.length * 3 > run.limits.valueBytes && Buffer.byteLength(text) > run.limits.valueBytes) {
    call.endedAt = run.parts.clock()
    call.result = 'too large'
    return failRun(run, 'script_limit', `what ${call.name} found is too large`, { limit: 'valueBytes' })
  }
  settle(run, call, 'ok', `[${call.number},"ok"${text}]`)
}

function fail(run: Run, call: HostCall, error: unknown): void {
  const { code, status, facts } = error instanceof PrimitiveError ? error : {}
  if (error instanceof PrimitiveError) {
    return settle(
      run,
      call,
      code ?? error.message,
      `[${call.number},"no",${failure(error.message, { code, status, facts })}]`,
    )
  }
  call.endedAt = run.parts.clock()
  call.result = (error as Error).message
  if (error instanceof ScriptLimit) return failRun(run, 'script_limit', error.message, { limit: error.limit })
  if (error instanceof EngineError) return failRun(run, error.code, `${call.name}: ${error.message}`, error.facts)
  failRun(run, 'script_error', `${call.name} failed in the engine: ${(error as Error).message}`)
}

function failure(message: string, refusal: { code?: string; status?: number; facts?: object } = {}): string {
  return JSON.stringify({ message, ...refusal })
}

function settle(run: Run, call: HostCall, result: string, delivery: string): void {
  call.endedAt = run.parts.clock()
  call.result = result
  call.delivery = delivery
  run.saidChars += delivery.length
  run.note(run)
  deliver(run, call.number, delivery)
}
