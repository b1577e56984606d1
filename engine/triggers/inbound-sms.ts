// An SMS from a phone becomes a run of the script that is bound to its number.

import type { InboundSms } from '../carriers/carrier.ts'
import { newId } from '../ids.ts'
import type { Log } from '../log.ts'
import { maskNumber } from '../phone.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'

export interface InboundParts {
  sandbox: Sandbox
  /** Which script answers for which number. */
  bindings: ReadonlyArray<{ to: string; script: string }>
  log: Log
}

/** The id of the run that it begins; undefined when no script is bound to the number. */
export function runInboundSms(
  { sandbox, bindings, log }: InboundParts,
  carrier: string,
  sms: InboundSms,
): string | undefined {
  const binding = bindings.find(({ to }) => bare(to) === bare(sms.to))
  const script = binding === undefined ? undefined : sandbox.library.get(binding.script)
  if (script === undefined || !script.exports.has('onSms')) {
    log.warn({ carrier, to: maskNumber(sms.to), script: binding?.script ?? null }, 'inbound SMS without a script')
    return undefined
  }
  const id = newId('run')
  sandbox
    .run({
      id,
      script,
      action: 'onSms',
      trigger: 'sms',
      request: { from: sms.from, to: sms.to, text: sms.text, carrier },
      call: { id, script: script.name, action: 'onSms' },
      language: null,
    })
    .catch((error: unknown) =>
      log.error({ run: id, script: script.name, error: (error as Error).message }, 'onSms did not run'),
    )
  return id
}

function bare(number: string): string {
  return number.replace(/^\+/, '').toLowerCase()
}
