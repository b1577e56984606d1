// What became of a message becomes a run of the script that sent it, if it has
// an onReport.

import { newId } from '../ids.ts'
import type { Log } from '../log.ts'
import type { Message } from '../outbox/message.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'

export function reportToScript({ sandbox, log }: { sandbox: Sandbox; log: Log }, message: Message): void {
  const script = sandbox.library.get(message.script)
  if (script === undefined || !script.exports.has('onReport')) return
  const { id, ref, state, error, carrier } = message
  const runId = newId('run')
  const event = { id, ref: ref ?? null, state, error: error ?? null, carrier: carrier ?? null }
  sandbox
    .run({
      id: runId,
      script,
      action: 'onReport',
      trigger: 'report',
      request: event,
      call: { id: runId, script: script.name, action: 'onReport' },
      language: null,
    })
    .catch((error: unknown) =>
      log.error({ message: id, script: script.name, error: (error as Error).message }, 'onReport did not run'),
    )
}
