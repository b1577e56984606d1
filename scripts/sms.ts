// Sends one SMS.  POST /sms { "number": "+12015550123", "text": "Hello" }
import { checkSms } from './lib/check-sms.ts'

export const fields = {
  default: { number: 'string', text: 'string', from: 'string?', ref: 'string?' },
  status: { id: 'string' },
}

export default async function send({ number, text, from, ref }: Record<'number' | 'text' | 'from' | 'ref', string>) {
  const phone = parseNumber(number)
  if (!phone.valid) throw refuse('invalid_number', { country: phone.country, example: phone.example })
  checkSms({ text, from, ref })
  const sms = await sendSms({ to: phone.e164, text, from, ref, priority: 'bulk' })
  return { id: sms.id, status: 'queued', segments: sms.segments }
}

export async function status({ id }: { id: string }) {
  const sms = await message(id)
  if (!sms) throw refuse('not_found', { status: 404 })
  return { id, status: sms.state, segments: sms.segments, timeline: sms.timeline }
}
