// The carrier that sends nothing: for a first try, for tests, for load
// measurements. It takes every message, shows it, and reports on it as a
// network would.

import { Type, type Static } from 'typebox'

import { newId } from '../ids.ts'
import type { Carrier, CarrierDriver, CarrierEvents, CarrierParts } from './carrier.ts'
import type { InboundSms, Submission, SubmitResult } from './carrier.ts'

const settings = Type.Object(
  {
    receipt: Type.Enum(['delivered', 'undelivered', 'rejected', 'none'], {
      default: 'delivered',
      description: 'What it reports on each message',
    }),
    receiptAfterMs: Type.Integer({
      default: 1_000,
      minimum: 0,
      maximum: 86_400_000,
      description: 'How long after the message, ms',
    }),
    failures: Type.Array(Type.Enum(['final', 'elsewhere', 'later']), {
      default: [],
      description: 'Refusals of the first attempts, one used up per attempt',
    }),
  },
  { additionalProperties: false },
)

export type LoopbackSettings = Static<typeof settings>

/** An SMS as it would have reached the phone. `at` is ms since 1970. */
export interface LoopbackMessage {
  id: string
  to: string
  from: string | null
  text: string
  at: number
}

export interface LoopbackCarrier extends Carrier {
  readonly driver: 'loopback'
  /** Newest first, at most 1,000. */
  messages(): LoopbackMessage[]
  /** As if a phone had sent that SMS. Resolves with the id of the run that it began. */
  inject(sms: InboundSms): Promise<string | undefined>
}

const kept = 1_000
const window = 500
/** All that Unicode counts as one (UAX #14): what reads the print line by line may go by any of them. */
const lineBreak = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/g

export const loopback = {
  driver: 'loopback',
  settings,
  create: createLoopback,
} satisfies CarrierDriver<LoopbackSettings>

/** For those who show its messages or act as a phone. */
export function isLoopback(carrier: Carrier): carrier is LoopbackCarrier {
  return carrier.driver === 'loopback'
}

function createLoopback(name: string, settings: LoopbackSettings, parts: CarrierParts): LoopbackCarrier {
  const failures = [...settings.failures]
  const messages: LoopbackMessage[] = []
  const reports = new Set<NodeJS.Timeout>()
  let events: CarrierEvents | undefined
  let inFlight = 0

  async function submit(message: Submission): Promise<SubmitResult> {
    inFlight++
    try {
      // A turn of its own, so that a burst meets the window as it does elsewhere.
      await Promise.resolve()
      const verdict = failures.shift()
      if (verdict !== undefined) return { accepted: false, verdict, error: `loopback: ${verdict}` }
      keep(message)
      const carrierId = newId('loop')
      if (settings.receipt !== 'none') reportLater(carrierId, settings.receipt)
      return { accepted: true, carrierIds: [carrierId] }
    } finally {
      inFlight--
      if (inFlight === window - 1) events?.room()
    }
  }

  function keep({ id, to, from, text }: Submission) {
    messages.push({ id, to, from, text, at: parts.clock() })
    if (messages.length > kept) messages.shift()
    parts.print?.(`SMS to ${to}: ${text.replaceAll(lineBreak, String.raw`\n`)}`)
  }

  function reportLater(carrierId: string, state: 'delivered' | 'undelivered' | 'rejected') {
    const timer = setTimeout(() => {
      reports.delete(timer)
      const error = state === 'delivered' ? null : `loopback: ${state}`
      events?.report({ carrierIds: [carrierId], state, error }).catch((cause: unknown) => {
        parts.log.warn({ err: cause, carrier: name }, 'a report was lost')
      })
    }, settings.receiptAfterMs)
    timer.unref()
    reports.add(timer)
  }

  return {
    name,
    driver: 'loopback',
    onUncertain: 'resend',
    status: () => ({ window, inFlight, rate: null }),
    room: () => window - inFlight,
    ready: () => events !== undefined,
    submit,
    async start(given) {
      events = given
    },
    async stop() {
      events = undefined
      // Reports that were still to come are lost, as a network may lose them.
      for (const timer of reports) clearTimeout(timer)
      reports.clear()
    },
    messages: () => messages.toReversed(),
    async inject(sms) {
      return events?.inbound(sms)
    },
  }
}
