// Plays a script that has left its isolate: its code runs in the sandbox process
// itself, with Node's `require`, started exactly as the engine starts it.

import { startSandboxProcess } from '../../engine/sandbox/child-process.ts'
import type { Walls } from '../../engine/sandbox/walls.ts'

/** What came of it: a value, the code or message of an error, or how the process ended without either. */
export type Found = { value: unknown } | { error: string } | { exit: string }

export interface EscapeOptions {
  /** Named values for the body, as JSON. */
  given?: Record<string, unknown>
  walls?: Walls
  /** Called with the process's id while the body waits for it. */
  whileWaiting?: (pid: number) => Promise<void> | void
}

/**
 * Runs the body of an async function in a sandbox process of its own. It has
 * `require`, `fs` and what is given, and says its value by returning it; with
 * `whileWaiting` it can `await outside()`.
 */
export function escape(body: string, { given = {}, walls, whileWaiting }: EscapeOptions = {}): Promise<Found> {
  const names = Object.keys(given)
  const code = `
    const fs = require('node:fs')
    const write = fs.writeSync
    const say = found => { write(1, JSON.stringify(found) + '\\n'); process.exit(0) }
    const tell = error => say({ error: String(error?.code ?? error?.cause?.code ?? error?.message ?? error) })
    const outside = async () => { write(1, 'wait\\n'); next() }
    process.on('uncaughtException', tell)
    ;(async (${names.join(', ')}) => { ${body} })(...${JSON.stringify(Object.values(given))})
      .then(value => say({ value: value ?? null }), tell)`
  return new Promise((resolve, reject) => {
    let found: Found | undefined
    const process = startSandboxProcess(
      code,
      {
        line(text) {
          if (text === 'wait') {
            Promise.resolve(whileWaiting?.(process.pid)).then(() => process.send('go\n'), reject)
          } else found = JSON.parse(text) as Found
        },
        exit: reason => resolve(found ?? { exit: reason }),
        complaint() {},
      },
      walls,
    )
  })
}
