// Sends: a slot is taken in one atomic step before anything leaves, so that
// parallel calls for one number send one SMS.
//
// What became of the last SMS decides about the next one, and asking for it
// takes a call of its own. So the slot is taken first and given back when the
// answer forbids it: three calls one after another at most, and no moment in
// which two callers could both believe that it is their turn.

import { ms } from './duration.ts'
import { answer, type Delivery } from './otp-answer.ts'
import { judgeBefore, judgeLast, lastToAskFor } from './otp-judge.ts'
import {
  appOf,
  current,
  find,
  recordKey,
  recordLifetime,
  type NumberRecord,
  type Policy,
  type Verification,
} from './otp-record.ts'
import { idKey, readTextFields, type Identity, type SendBody, type SendRequest } from './otp-request.ts'
import { giveBack, keepOneMore, takeSlot, type Slot } from './otp-slot.ts'
import { smsText } from './otp-text.ts'

/** POST /otp and, with `request.resend`, POST /otp/resend. */
export async function sendCode(request: SendRequest, policy: Policy): Promise<Record<string, unknown>> {
  let slot: Slot | undefined
  let seen: NumberRecord | undefined
  await storage.update<NumberRecord>(
    recordKey(request.number),
    stored => {
      const now = Date.now()
      seen = current(stored, now)
      judgeBefore(seen, request, policy, now)
      const last = lastToAskFor(seen, request)
      // Under no state of the last SMS could another one leave yet: nothing to take.
      if (last !== null && now < last.at + ms(policy.waitFailed)) return stored
      slot = takeSlot(seen, request, policy, now)
      return slot.record
    },
    { ttl: recordLifetime },
  )
  let oneMore = false
  const last = lastToAskFor(seen!, request)
  if (last !== null) {
    const sms = await message(last.message)
    try {
      oneMore = judgeLast(seen!, last, deliveryOf(sms, last.at), slot !== undefined, request, policy)
    } catch (refusal) {
      if (slot !== undefined) await giveBack(slot, request)
      throw refusal
    }
  }
  return leave(slot!, oneMore, request, policy)
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
  try {
    const [sms] = await Promise.all([
      sendSms({
        to: number,
        text: smsText(verification, request.sender, policy, slot.at),
        validFor: Math.max(1, Math.floor((verification.expiresAt - slot.at) / 1_000)),
        ref: verification.id,
      }),
      slot.began ? storage.set(idKey(verification.id), { number, app, reference }, { ttl: '24h' }) : undefined,
      oneMore ? keepOneMore(slot, request) : undefined,
    ])
    const told = {
      number,
      record,
      app: appOf(record, app),
      verification,
      test: request.test,
      justSent: true,
      showCode: request.showCode,
    }
    return answer(
      { ...told, delivery: request.test ? 'delivered' : 'queued', segments: sms.segments },
      policy,
      Date.now(),
    )
  } catch (refusal) {
    // No carrier goes there: nothing is counted.
    await giveBack(slot, request)
    throw refusal
  }
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
  const sms = await message(verification.message)
  return answer(
    {
      number: identity.number,
      record,
      app: appOf(record, identity.app),
      verification,
      delivery: deliveryOf(sms, sentAt(record, verification)),
      segments: sms?.segments ?? 0,
      test: identity.test,
      justSent: false,
      showCode: false,
    },
    policy,
    Date.now(),
  )
}

function sentAt({ last }: NumberRecord, verification: Verification): number {
  return last?.message === verification.message ? last.at : verification.createdAt
}

/** An SMS that was noted and is not there yet is about to be sent, or its run has died: then it never will be. */
function deliveryOf(sms: SentMessage | undefined, notedAt: number): Delivery {
  return sms?.state ?? (Date.now() < notedAt + 15_000 ? 'queued' : 'failed')
}
