// A script that hears SMS, and a way in for those that the loopback phone cannot send.

import { onTestFinished } from 'vitest'

import type { InboundSms } from '../../engine/carriers/carrier.ts'
import { newId } from '../../engine/ids.ts'
import { createLog } from '../../engine/log.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { createInboundTrigger, type InboundSettings, type InboundTrigger } from '../../engine/triggers/inbound-sms.ts'
import type { TestEngine } from '../helpers.ts'

export const listening = `
export const onSms = async ({ from, text, carrier }, call) => {
  const { value: times } = await storage.increment('times:' + call.id)
  await storage.set('heard:' + call.id, { from, text, carrier, times })
}
export const heard = async () => (await storage.list('heard', { limit: 1_000 })).map(({ value }) => value)`
export const number = '+15005550006'
export const config = { inbound: [{ to: number, script: 'listen' }] }

export interface Heard {
  from: string
  text: string
  carrier: string
  times: number
}

/** What the script `listen` has heard. */
export async function heardBy({ post }: TestEngine, from?: string): Promise<Heard[]> {
  const { body } = await post('/listen/heard', {})
  return (body as Heard[]).filter(sms => from === undefined || sms.from === from)
}

/** Whatever is left of inbound SMS in the storage, parts included. */
export async function leftIn({
  engine,
}: TestEngine): Promise<Array<{ state: string; dueAt: number | null; body: string }>> {
  return (await engine.storage.work.list('inbound', { limit: 100 })).items
}

// One phone for each test: what others sent does not matter.
let phones = 0
export const newPhone = (): string => `+1201555${String(phones++).padStart(4, '0')}`

/** A trigger that can be given parts, over the storage of an engine; to take up what another one left it has to be started. */
export function openTrigger(
  { engine }: TestEngine,
  settings?: Partial<InboundSettings>,
  wrap: (storage: Storage) => Storage = storage => storage,
): InboundTrigger {
  const { storage, sandbox } = engine
  const trigger = createInboundTrigger({
    atOnce: 64,
    storage: wrap(storage),
    sandbox: () => sandbox,
    bindings: config.inbound,
    engine: newId('eng'),
    clock: Date.now,
    log: createLog('silent'),
    ...(settings !== undefined && { settings }),
  })
  onTestFinished(() => trigger.stop())
  return trigger
}

/** The parts of an SMS, in their order. */
export function partsOf(from: string, reference: number, texts: string[], ids?: string[]): InboundSms[] {
  return texts.map((text, index) => ({
    from,
    to: number,
    text,
    part: { reference, number: index + 1, total: texts.length },
    ...(ids !== undefined && { id: ids[index] }),
  }))
}
