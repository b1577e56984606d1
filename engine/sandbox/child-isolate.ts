// One isolate in the sandbox process, with a script's code in it.
//
// The addon is loaded by its path: the package's own loader would look around
// the disk for it, which this process may not.

import type IsolatedVm from 'isolated-vm'

/** guest/main.ts: one turn of one run. */
export type Enter = (run: string, now: number, guesses: number, turn: string) => void

export interface ScriptIsolate {
  isolate: IsolatedVm.Isolate
  enter: IsolatedVm.Reference<Enter>
  turns: number
}

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
  /** Strings only cross, in both directions. */
  emit(text: string): void
  ask(question: string, argument: string): string
}

const addon = { exports: {} as { ivm: typeof IsolatedVm } }
process.dlopen(addon, process.argv[2]!)
const { Isolate, Callback } = addon.exports.ivm

const compileMs = 1_000

/** `harden` freezes the world for many runs; without it the isolate is good for one short look. */
export function createScriptIsolate(
  script: Script,
  memoryMb: number,
  harden: boolean,
  { guest, ses, settings, emit, ask }: ScriptIsolateParts,
): ScriptIsolate {
  const isolate = new Isolate({
    memoryLimit: memoryMb,
    // V8 could not even unwind: nothing in this process can be trusted any more.
    onCatastrophicError: () => process.kill(process.pid, 'SIGKILL'),
  })
  const context = isolate.createContextSync()
  if (harden) context.evalSync(ses, { filename: 'patchcord:ses' })
  const install = context.evalSync(`(() => { ${guest}; return guest.install })()`, {
    filename: 'patchcord:guest',
    reference: true,
  })
  const factory = isolate.compileScriptSync(script.code, { filename: script.filename }).runSync(context, {
    reference: true,
    timeout: compileMs,
  })
  const enter = install.applySync(
    undefined,
    [new Callback(emit), new Callback(ask), settings, factory.derefInto(), harden],
    { result: { reference: true } },
  ) as ScriptIsolate['enter']
  return { isolate, enter, turns: 0 }
}
