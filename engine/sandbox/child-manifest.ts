// A look at what a script exports, in an isolate of its own that goes at once.

import { createScriptIsolate, type Script, type ScriptIsolate, type ScriptIsolateParts } from './child-isolate.ts'
import type { TurnStatements } from './child-statements.ts'
import { line, type LossReason } from './protocol.ts'

/** The line that answers turn `turn`: its statements, one of them a `fail` when the script cannot be loaded. */
export function lookAtScript(
  script: Script,
  { turn, limitMs, memoryMb }: { turn: string; limitMs: number; memoryMb: number },
  parts: ScriptIsolateParts,
  said: TurnStatements,
): string {
  let place: ScriptIsolate
  try {
    place = createScriptIsolate(script, memoryMb, 'look', parts)
  } catch (error) {
    const { message, stack } = error as Error
    return `done\t${turn}\t0\t${JSON.stringify([['fail', { name: 'Error', message, stack }]])}\n`
  }
  const { isolate, enter } = place
  said.beginTurn(false)
  let failure: unknown
  const began = performance.now()
  try {
    enter.applySync(undefined, ['manifest', Date.now(), 0, '{"manifest":true}'], { timeout: limitMs })
  } catch (error) {
    failure = error
  }
  const lost: LossReason | undefined = isolate.isDisposed
    ? 'memory'
    : performance.now() - began >= limitMs
      ? 'timeout'
      : undefined
  if (!isolate.isDisposed) isolate.dispose()
  if (lost !== undefined) return line('lost', turn, lost, 0, `manifest-${turn}`, '""')
  if (failure === undefined) return `done\t${turn}\t0\t${said.list()}\n`
  const { name, message, stack } = failure as Error
  const facts = { name, message: message.slice(0, 1_000), stack: (stack ?? '').slice(0, 4_000) }
  return `done\t${turn}\t0\t${JSON.stringify([['fail', facts]])}\n`
}
