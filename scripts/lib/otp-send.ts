// Sends: a slot is taken in one atomic step before anything leaves, so that
// parallel calls for one number send one SMS.
//
// What became of the last SMS decides about the next one, and asking for it
// takes a call of its own. So the slot is taken first and given back when the
// answer forbids it: three calls one after another at most, and no moment in
// which two callers could both believe that it is their turn.

import { answer, tooSoon } from './otp-answer.ts'
import { judgeSend, judgeState, ownFacts, toAskFor } from './otp-judge.ts'
import {
  appOf,
  current,
  find,
  lastVerifiedAt,
  recordKey,
  recordLifetime,
  type NumberRecord,
  type Policy,
} from './otp-record.ts'
import { idKey, readTextFields, type Identity, type SendBody, type SendRequest } from './otp-request.ts'
import { giveBack, keepOneMore, takeSlot, type Slot } from './otp-slot.ts'
import { earliest, type Deliveries, type Delivery } from './otp-wait.ts'

const unknown: Deliveries = { last: null, own: null }

/** POST /otp and, with `request.resend`, POST /otp/resend. */
export async function sendCode(request: SendRequest, policy: Policy): Promise<Record<string, unknown>> {
  let slot: Slot | undefined
  let seen: NumberRecord | undefined
  let ask: ReturnType<typeof toAskFor> = {}
  await storage.update<NumberRecord>(
    recordKey(request.number),
    stored => {
      const now = Date.now()
      slot = undefined
      seen = current(stored, now)
      judgeState(seen, request, policy, now)
      ask = toAskFor(seen, request, now)
      // Where an SMS before counts, its number may have to be refused first of all.
      if (ask.last === undefined && ask.own === undefined) judgeSend(seen, unknown, request, policy, now)
      // Under no state of the last SMS could another one leave yet: nothing to take.
      if (!request.test && now < earliest(seen, policy)) return stored
      slot = takeSlot(stored, seen, request, policy, now)
      return slot.record
    },
    { ttl: recordLifetime },
  )
  const deliveries = await deliveriesOf(ask, seen!)
  const now = Date.now()
  try {
    if (ask.last !== undefined || ask.own !== undefined) judgeSend(seen!, deliveries, request, policy, now)
    // The wait was over by a hair after the slot was judged: the next call gets it.
    if (slot === undefined) {
      const known = find(seen!, request.app, request.reference, request.id)
      throw tooSoon(now + 1, now, ownFacts(seen!, known, request, policy, now))
    }
  } catch (refusal) {
    if (slot !== undefined) await giveBack(slot, request)
    throw refusal
  }
  return leave(slot, deliveries.own === 'delivered', request, policy)
}

async function leave(
  slot: Slot,
  oneMore: boolean,
  request: SendRequest,
  policy: Policy,
): Promise<Record<string, unknown>> {
  const { verification, record } = slot
  if (oneMore) verification.maxSends = Math.min(verification.maxSends, verification.sends)
  const { number, app, reference } = request
  const [{ segments }] = await Promise.all([
    sendSms({
      to: number,
      text: slot.text,
      validFor: Math.max(1, Math.floor((verification.expiresAt - slot.at) / 1_000)),
      ref: verification.id,
    }).catch(async (error: unknown) => {
      // Nobody takes it: nothing is counted.
      await giveBack(slot, request)
      throw isUnserved(error) ? unserved(number) : error
    }),
    slot.began ? storage.set(idKey(verification.id), { number, app, reference }, { ttl: '24h' }) : undefined,
    oneMore ? keepOneMore(slot, request) : undefined,
  ])
  const delivery = request.test ? 'delivered' : 'queued'
  return answer(
    {
      number,
      record,
      app: appOf(record, app),
      verification,
      deliveries: { last: delivery, own: delivery },
      segments,
      test: request.test,
      justSent: true,
      showCode: request.showCode,
    },
    policy,
    Date.now(),
  )
}

// The engine knows that no carrier goes there; of the number it knows nothing.
function isUnserved(error: unknown): boolean {
  return error instanceof Error && error.message === 'unsupported_number'
}

function unserved(number: string): Error {
  const { country, example } = parseNumber(number)
  return refuse('unsupported_number', { country, example })
}

export async function resendCode(
  identity: Identity,
  body: SendBody,
  call: Call,
  policy: Policy,
): Promise<Record<string, unknown>> {
  return sendCode({ ...identity, ...readTextFields(body, identity.country, call, policy), resend: true }, policy)
}

export async function tellStatus(identity: Identity, policy: Policy): Promise<Record<string, unknown>> {
  const record = current(await storage.get<NumberRecord>(recordKey(identity.number)), Date.now())
  const verification = find(record, identity.app, identity.reference, identity.id)
  if (verification === undefined) throw refuse('not_found', { status: 404 })
  const last = lastVerifiedAt(record) === null ? record.last?.message : undefined
  const ask = { own: verification.message, ...(last !== undefined && { last }) }
  const { segments, ...deliveries } = await deliveriesOf(ask, record)
  return answer(
    {
      number: identity.number,
      record,
      app: appOf(record, identity.app),
      verification,
      deliveries,
      segments,
      test: identity.test,
      justSent: false,
      showCode: false,
    },
    policy,
    Date.now(),
  )
}

/** Asks for both at once. `segments` are those of the own one. */
async function deliveriesOf(
  { last, own }: { last?: string; own?: string },
  record: NumberRecord,
): Promise<Deliveries & { segments: number }> {
  const [lastSms, otherSms] = await Promise.all([
    last === undefined ? undefined : message(last),
    own === undefined || own === last ? undefined : message(own),
  ])
  const ownSms = own === last ? lastSms : otherSms
  return {
    last: last === undefined ? null : deliveryOf(last, lastSms, record),
    own: own === undefined ? null : deliveryOf(own, ownSms, record),
    segments: ownSms?.segments ?? 0,
  }
}

/** An SMS that was noted and is not there yet is about to be sent, or its run has died: then it never will be. */
function deliveryOf(id: string, sms: SentMessage | undefined, { last }: NumberRecord): Delivery {
  const mayCome = last?.message === id && Date.now() < last.at + 15_000
  return sms?.state ?? (mayCome ? 'queued' : 'failed')
}
