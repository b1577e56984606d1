// An SMPP carrier for a test, with everything that it told.

import { onTestFinished } from 'vitest'

import type { CarrierReport, InboundSms, LentSlots, Submission } from '../../../engine/carriers/carrier.ts'
import { smpp } from '../../../engine/carriers/smpp/smpp.ts'
import { createLog } from '../../../engine/log.ts'
import { checkSettings } from '../../../engine/settings.ts'
import { until } from '../../helpers.ts'

export interface Told {
  reports: CarrierReport[]
  inbound: InboundSms[]
  troubles: string[]
  rooms: number
}

/** Made of settings as they would stand in the file, without `driver`. */
export function createCarrier(settings: Record<string, unknown>, clock: () => number = Date.now) {
  return smpp.create('main', checkSettings('carriers.main', smpp.settings, settings), {
    log: createLog('silent'),
    clock,
    print: null,
    callbackSecret: '',
    callbackUrl: () => null,
  })
}

export interface OpenOptions {
  bound?: boolean
  clock?: () => number
  /** Whether the engine has not been taken for dead. */
  alive?: () => boolean
  /** What storing a report is to do first. */
  report?: (told: CarrierReport) => Promise<void>
  /** What storing an SMS is to do once it is told. */
  inbound?: (told: InboundSms) => Promise<void>
  /** Whose the slots are, where others have them too. */
  slots?: LentSlots
}

/** Started, and bound unless `bound` is false; stops with the test. */
export async function openCarrier(
  port: number,
  settings: Record<string, unknown> = {},
  { bound = true, clock, alive = () => true, report, inbound, slots }: OpenOptions = {},
) {
  const carrier = createCarrier(
    {
      url: `smpp://user:secret@127.0.0.1:${port}`,
      reconnectMs: 10,
      refusedMs: 10,
      partRetryMs: 1,
      drainTimeoutMs: 20,
      ...settings,
    },
    clock,
  )
  const told: Told = { reports: [], inbound: [], troubles: [], rooms: 0 }
  await carrier.start({
    async report(one) {
      await report?.(one)
      told.reports.push({ ...one, held: undefined })
    },
    async inbound(sms) {
      told.inbound.push(sms)
      await inbound?.(sms)
      return undefined
    },
    room: () => told.rooms++,
    part: () => undefined,
    pauseMs: () => 0,
    alive,
    trouble: error => told.troubles.push(error),
    slots,
  })
  onTestFinished(() => carrier.stop())
  if (bound) await until(() => carrier.ready() || undefined)
  return { carrier, told }
}

let count = 0

export function submission(more: Partial<Submission> = {}): Submission {
  return {
    id: `msg_${count++}`,
    to: '+12015550123',
    from: null,
    text: 'Your code is 123456',
    segments: 1,
    encoding: 'gsm7',
    priority: 'otp',
    expiresAt: Date.now() + 600_000,
    params: {},
    ...more,
  }
}
