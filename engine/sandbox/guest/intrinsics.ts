// The world that a script wakes up in: JavaScript without clocks, chance,
// threads and evaluators, frozen for all runs of the isolate.
//
// `ses` (loaded before this) repairs and freezes the intrinsics; what is
// replaced here are the parts that would tell real time or real chance, or
// would let one run leave something behind for another.

import { fraction } from './chacha.ts'
import { promiseOfHostCalls } from './host-call.ts'
import { currentRun, now } from './run.ts'

// `repairIntrinsics` is ses's; it leaves `hardenIntrinsics`, which leaves `harden`.
declare const repairIntrinsics: (options: Record<string, string>) => void
declare const hardenIntrinsics: () => void
declare const harden: <T>(value: T) => T

const keptGlobals = new Set(
  (
    'Object Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Promise Error AggregateError ' +
    'EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError globalThis JSON Intl ArrayBuffer ' +
    'Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array BigUint64Array BigInt64Array Uint8ClampedArray ' +
    'Float16Array Float32Array Float64Array DataView Map BigInt Set Iterator WeakMap WeakSet Proxy Reflect decodeURI ' +
    'decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN Temporal DisposableStack AsyncDisposableStack'
  ).split(' '),
)

/** Replaces, freezes, and leaves `primitives` as the only globals beside the language's own. */
export function hardenWorld(primitives: Record<string, unknown>): void {
  repairIntrinsics({
    errorTaming: 'unsafe',
    stackFiltering: 'verbose',
    overrideTaming: 'moderate',
    consoleTaming: 'unsafe',
    localeTaming: 'unsafe',
    reporting: 'none',
    unhandledRejectionTrapping: 'none',
    errorTrapping: 'none',
  })
  const world = globalThis as unknown as Record<string, unknown>
  const date = turnDate()
  const math = runMath()
  tameIntl()
  if ('Temporal' in world) delete (world.Temporal as { Now?: unknown }).Now
  const regExp: unknown = RegExp.prototype.constructor
  const inertFunction: unknown = Function.prototype.constructor
  const hidden = hiddenPrototypes()
  hardenIntrinsics()

  const freeze = harden
  for (const name of Reflect.ownKeys(world)) {
    if (typeof name !== 'string' || !keptGlobals.has(name)) delete world[name as string]
  }
  Object.assign(world, { Date: date, Math: math, RegExp: regExp, Function: inertFunction, ...primitives })
  for (const name of Object.keys(Object.getOwnPropertyDescriptors(world))) {
    if (name !== 'globalThis') freeze(world[name])
  }
  freeze(promiseOfHostCalls)
  for (const prototype of hidden) freeze(prototype)
  Object.freeze(world)
}

/**
 * For an isolate that serves one run: the same names, the same time and chance,
 * but nothing is frozen. What the run breaks breaks with it.
 */
export function freshWorld(primitives: Record<string, unknown>): void {
  const world = globalThis as unknown as Record<string, unknown>
  const date = turnDate()
  const math = runMath()
  tameIntl()
  if ('Temporal' in world) delete (world.Temporal as { Now?: unknown }).Now
  for (const one of [function () {}, async function () {}, function* () {}, async function* () {}]) inertEvaluator(one)
  const inertFunction: unknown = Function.prototype.constructor
  for (const name of Reflect.ownKeys(world)) {
    if (typeof name !== 'string' || !(keptGlobals.has(name) || replacedGlobals.has(name))) delete world[name as string]
  }
  Object.assign(world, { Date: date, Math: math, Function: inertFunction, ...primitives })
}

const replacedGlobals = new Set(['Date', 'Math', 'RegExp', 'Function'])

// As ses does it: what makes code of text throws.
function inertEvaluator(one: object): void {
  const prototype = Object.getPrototypeOf(one) as { constructor: { name: string } }
  const { name } = prototype.constructor
  function inert(): never {
    throw new TypeError(`${name}: code cannot be made of text`)
  }
  Object.defineProperty(inert, 'name', { value: name })
  Object.defineProperty(inert, 'prototype', { value: prototype })
  Object.defineProperty(prototype, 'constructor', { value: inert, writable: true, configurable: true })
}

/** For an isolate that serves one short look at a script and is thrown away: nothing to protect, nothing to freeze. */
export function plainWorld(primitives: Record<string, unknown>): void {
  Object.assign(globalThis, primitives)
}

// No property leads to them, so ses does not find them; every run does that segments a text.
function hiddenPrototypes(): object[] {
  const segments = new Intl.Segmenter('en').segment('')
  return [segments, segments[Symbol.iterator]()].map(one => Object.getPrototypeOf(one) as object)
}

// Date as usual, but "now" is the time at which the turn began.
function turnDate(): unknown {
  const RealDate = Date
  function TurnDate(...parts: unknown[]): unknown {
    if (new.target === undefined) return new RealDate(now()).toString()
    return Reflect.construct(RealDate, parts.length === 0 ? [now()] : parts, new.target)
  }
  Object.defineProperty(TurnDate, 'name', { value: 'Date' })
  TurnDate.prototype = RealDate.prototype
  TurnDate.now = () => now()
  TurnDate.parse = RealDate.parse
  TurnDate.UTC = RealDate.UTC
  RealDate.prototype.constructor = TurnDate
  return TurnDate
}

// Math as usual, but random() is the run's own stream.
function runMath(): unknown {
  const math = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(Math)) as Record<string, unknown>
  Object.defineProperty(math, 'random', {
    value: () => fraction(currentRun().random()),
    writable: true,
    configurable: true,
  })
  return math
}

// Formatting without an argument would format real time.
function tameIntl(): void {
  const prototype = Intl.DateTimeFormat.prototype
  const { format } = Object.getOwnPropertyDescriptors(prototype)
  const formatToParts = prototype.formatToParts
  const getFormat = format.get as (this: Intl.DateTimeFormat) => (date?: unknown) => string
  Object.defineProperties(prototype, {
    format: {
      configurable: true,
      get(this: Intl.DateTimeFormat) {
        const formatDate = getFormat.call(this)
        return (date?: unknown) => formatDate(date === undefined ? now() : date)
      },
    },
    formatToParts: {
      configurable: true,
      writable: true,
      value(this: Intl.DateTimeFormat, date?: Date | number) {
        return formatToParts.call(this, date === undefined ? now() : date)
      },
    },
  })
}
