// What a script calls on the engine: named, numbered, with JSON in and out.

import { describe, refuse } from './failure.ts'
import { likelyAnswer } from './guess.ts'
import { breakLimit, currentRun, emit, limits, parse, stringify, type GuestRun, type PendingCall } from './run.ts'

// `await` and `.then` on a call come through here, so that a failure that nobody
// waits for can be told from one that the script deals with.
class HostPromise extends Promise<unknown> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  #call: PendingCall | undefined

  static track(promise: HostPromise, call: PendingCall): void {
    promise.#call = call
  }

  override then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (this.#call !== undefined) this.#call.handled = true
    return super.then(onFulfilled, onRejected)
  }
}

/** Frozen with the world: a script can reach it as the constructor of what a primitive returns. */
export const promiseOfHostCalls: unknown = HostPromise

const nativeThen = Promise.prototype.then
const ignore = () => {}
// As it was before ses: its successor writes every stack down at once, which
// was a third of what a turn cost, and hardly any is ever read.
const NativeError = Error

/** Asks the engine for `name`; the promise settles in a later turn. */
export function hostCall(
  name: string,
  input: Record<string, unknown>,
  change?: PendingCall['change'],
): Promise<unknown> {
  const run = currentRun()
  if (run.over) return new Promise(ignore)
  if (run.changing) throw new TypeError('the function of storage.update may not call a primitive')
  if (run.ended) return silent(new Error(`${name}: the run has answered already`))
  if (++run.calls > limits.hostCalls) {
    breakLimit(run, 'hostCalls')
    return new Promise(ignore)
  }
  const number = run.calls
  let text: string | undefined
  try {
    text = stringify(input)
  } catch (error) {
    return failedCall(name, error)
  }
  if (text === undefined) text = '{}'
  if (text.length > limits.valueBytes) {
    breakLimit(run, 'valueBytes')
    return new Promise(ignore)
  }
  emit(`["call",${number},${stringify(name)},${text}]`)
  const { call, promise } = openCall(name, change)
  run.pending.set(number, call)
  if (run.guesses > 0) guess(run, number, name, input)
  return promise
}

function guess(run: GuestRun, number: number, name: string, input: Record<string, unknown>): void {
  const answer = likelyAnswer(run, number, name, input)
  if (answer === undefined) {
    run.guesses = 0
    return
  }
  run.guesses--
  run.guessed.push(answer)
}

/** Tells a run what it takes for granted, as if the engine had answered. */
export function deliverGuesses(run: GuestRun): void {
  const { guessed } = run
  run.guessed = []
  for (const answer of guessed) {
    if (run.over) return
    const [number, kind] = answer
    emit(`["guess",${number},"${kind}"${answer.length === 3 ? `,${stringify(answer[2])}` : ''}]`)
    const call = run.pending.get(number)!
    if (kind === 'change') applyChange(run, number, call, undefined, true)
    else deliver(run, answer)
  }
}

/** A call that fails before the engine hears of it. */
export function failedCall(name: string, error: unknown): Promise<unknown> {
  const { call, promise } = openCall(name)
  currentRun().failed.push(call)
  call.reject(error)
  return promise
}

function openCall(name: string, change?: PendingCall['change']): { call: PendingCall; promise: Promise<unknown> } {
  const call: PendingCall = { resolve: ignore, reject: ignore, site: new NativeError(name), handled: false, change }
  const promise = new HostPromise((resolve, reject) => {
    call.resolve = resolve
    call.reject = reject
  })
  HostPromise.track(promise, call)
  // Marked as dealt with for V8: what nobody waits for is judged when the run ends.
  void Reflect.apply(nativeThen, promise, [undefined, ignore])
  return { call, promise }
}

function silent(error: unknown): Promise<never> {
  const promise = Promise.reject(error)
  void Reflect.apply(nativeThen, promise, [undefined, ignore])
  return promise
}

/** `[number, 'ok', value]`, `[number, 'no', error]` or, for storage.update, `[number, 'change', value]`. */
export type Delivery = [number: number, kind: 'ok' | 'no' | 'change', value?: unknown]

export interface HostFailure {
  code?: string
  status?: number
  facts?: Record<string, unknown>
  message: string
}

/** Settles a call with what the engine answered. */
export function deliver(run: GuestRun, [number, kind, value]: Delivery): void {
  const call = run.pending.get(number)
  if (call === undefined) return
  if (kind === 'change') return applyChange(run, number, call, value, false)
  run.pending.delete(number)
  if (kind === 'ok') return call.resolve(value)
  const failure = value as HostFailure
  run.failed.push(call)
  call.reject(hostError(call.site, failure))
}

// The error keeps the stack of the line that made the call.
function hostError(site: Error, failure: HostFailure): Error {
  if (failure.code !== undefined) return refuse(failure.code, { ...failure.facts, status: failure.status })
  const { message: name, stack } = site
  site.message = failure.message.startsWith(`${name}: `) ? failure.message : `${name}: ${failure.message}`
  site.stack = stack?.replace(`Error: ${name}`, () => `Error: ${site.message}`)
  return site
}

// The function of storage.update runs here, in one synchronous step, on the
// value that the engine holds the key's queue for. A throw writes nothing.
function applyChange(run: GuestRun, number: number, call: PendingCall, value: unknown, guessed: boolean): void {
  try {
    run.changing = true
    const next = call.change!(value)
    run.changing = false
    if (typeof next === 'object' && next !== null && typeof (next as { then?: unknown }).then === 'function') {
      throw new TypeError('the function of storage.update has to be synchronous')
    }
    const text = next === undefined ? undefined : stringify(next)
    if (next !== undefined && text === undefined) throw new TypeError('storage.update: the value is no JSON')
    if (text !== undefined && text.length > limits.valueBytes) return breakLimit(run, 'valueBytes')
    emit(text === undefined ? `["changed",${number},"delete"]` : `["changed",${number},"set",${text}]`)
    if (!guessed) return
    emit(`["guess",${number},"kept"]`)
    run.pending.delete(number)
    call.resolve(text === undefined ? undefined : parse(text))
  } catch (error) {
    run.changing = false
    run.pending.delete(number)
    emit(`["changed",${number},"nothing",${stringify(describe(error).message)}]`)
    run.failed.push(call)
    call.reject(error)
  }
}
