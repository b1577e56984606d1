// One isolate in the sandbox process, with a script's code in it.
//
// The addon was loaded by its path: the package's own loader would look around
// the disk for it, which this process may not.

import type IsolatedVm from 'isolated-vm'

/** guest/main.ts: one turn of one run. */
export type Enter = (run: string, now: number, guesses: number, turn: string) => void

export interface ScriptIsolate {
  isolate: IsolatedVm.Isolate
  enter: IsolatedVm.Reference<Enter>
  turns: number
  world: World
}

/**
 * What an isolate is for: `shared` by many runs, which leave nothing behind in
 * it, one `run`, or a `look` at what a script exports.
 */
export type World = 'shared' | 'run' | 'look'

/** A script's bundle, and what its frames are called in stacks. */
export interface Script {
  code: string
  filename: string
}

/** What every isolate gets before its script. */
export interface ScriptIsolateParts {
  guest: string
  ses: string
  /** JSON of GuestSettings. */
  settings: string
  /** Without it isolates take twice as long to make. */
  codeCache?: CodeCache | undefined
  /** Strings only cross, in both directions. */
  emit(text: string): void
  ask(question: string, argument: string): string
}

/** What V8 made of `ses` and `guest` (child-code-cache.ts). */
export interface CodeCache {
  ses: IsolatedVm.ExternalCopy<ArrayBuffer>
  guest: IsolatedVm.ExternalCopy<ArrayBuffer>
}

/** Loaded by child-entry.cjs. */
declare const addon: { ivm: typeof IsolatedVm }
const { Isolate, Callback, ExternalCopy } = addon.ivm

const compileMs = 1_000

export function createScriptIsolate(
  script: Script,
  memoryMb: number,
  world: World,
  { guest, ses, settings, codeCache, emit, ask }: ScriptIsolateParts,
): ScriptIsolate {
  const isolate = new Isolate({
    memoryLimit: memoryMb,
    // V8 could not even unwind: nothing in this process can be trusted any more.
    onCatastrophicError: () => process.kill(process.pid, 'SIGKILL'),
  })
  const context = isolate.createContextSync()
  const cached = (one: keyof CodeCache): object => (codeCache === undefined ? {} : { cachedData: codeCache[one] })
  if (world === 'shared')
    isolate.compileScriptSync(ses, { filename: 'patchcord:ses', ...cached('ses') }).runSync(context)
  const install = isolate
    .compileScriptSync(guestText(guest), { filename: 'patchcord:guest', ...cached('guest') })
    .runSync(context, { reference: true })
  const factory = isolate.compileScriptSync(script.code, { filename: script.filename }).runSync(context, {
    reference: true,
    timeout: compileMs,
  })
  const enter = install.applySync(
    undefined,
    [new Callback(emit), new Callback(ask), settings, factory.derefInto(), world],
    { result: { reference: true } },
  ) as ScriptIsolate['enter']
  return { isolate, enter, turns: 0, world }
}

/** A function of guest/main.ts, for a world of its own. */
export function guestText(guest: string): string {
  return `(() => { ${guest}; return guest.install })()`
}

/** Outside of every isolate, for all of them. */
export function shareBytes(bytes: Uint8Array): IsolatedVm.ExternalCopy<ArrayBuffer> {
  return new ExternalCopy(new Uint8Array(bytes).buffer)
}
