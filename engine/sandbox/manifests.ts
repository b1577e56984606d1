// Looks at what scripts export, on their way to a sandbox process.

import type { Manifest } from '../library/script.ts'
import type { LossReason } from './protocol.ts'

export interface Manifests {
  /** The look that is known as `turn`; resolves with a failure when the process ends. */
  open(turn: number): Promise<Manifest>
  /** How many are open. */
  count(): number
  /** What came out of it; false for a turn that is none of these. Throws for what no sandbox says by itself. */
  done(turn: number, statements: string): boolean
  /** It was stopped; false as above. */
  lost(turn: number, reason: LossReason): boolean
  /** The process has ended. */
  died(reason: string): void
}

export function createManifests(loadMs: number): Manifests {
  const pending = new Map<number, (manifest: Manifest) => void>()

  function answer(turn: number, find: () => Manifest): boolean {
    const resolve = pending.get(turn)
    if (resolve === undefined) return false
    const manifest = find()
    pending.delete(turn)
    resolve(manifest)
    return true
  }

  return {
    open: turn => new Promise(resolve => pending.set(turn, resolve)),
    count: () => pending.size,
    done: (turn, statements) => answer(turn, () => manifestOf(statements)),
    lost: (turn, reason) =>
      answer(turn, () =>
        failure(
          reason === 'memory'
            ? 'the script ran out of memory while it was loaded'
            : `the script took longer than ${loadMs} ms to load`,
        ),
      ),
    died(reason) {
      for (const turn of pending.keys())
        answer(turn, () => ({
          failure: { message: `the script ended its sandbox: ${reason}`, stack: '', ended: true },
        }))
    },
  }
}

function manifestOf(statements: string): Manifest {
  for (const [kind, value] of JSON.parse(statements) as Array<[string, Record<string, unknown>]>) {
    if (kind === 'manifest') {
      const { exports: names, fields, warnings } = value
      if (Array.isArray(names) && names.every(name => typeof name === 'string'))
        return { exports: names, fields, warnings }
      throw new Error('a manifest without exports')
    }
    if (kind === 'fail') return { failure: { message: String(value.message), stack: String(value.stack) } }
  }
  return failure('the script could not be read')
}

function failure(message: string): Manifest {
  return { failure: { message, stack: '' } }
}
