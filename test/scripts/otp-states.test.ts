// The state table of the contract, cell by cell: what each call answers to a
// verification of each status.

import { describe, expect, test } from 'vitest'

import type { Answer } from '../helpers.ts'
import { newNumber, shareOtp, type Sent } from './open-otp.ts'

const statuses = ['none', 'pending', 'verified', 'expired', 'canceled', 'locked'] as const
const calls = ['send', 'resend', 'check', 'cancel', 'status'] as const
type Status = (typeof statuses)[number]
type Call = (typeof calls)[number]

const otp = shareOtp()

/** A verification of that status, late enough that no wait forbids another SMS. */
async function reach(status: Status, number: string): Promise<Sent | undefined> {
  if (status === 'none') return undefined
  const sent = await otp().send({ number })
  if (status === 'verified') await otp().check({ id: sent.id, code: sent.code })
  if (status === 'canceled') await otp().post('/otp/cancel', { id: sent.id })
  if (status === 'locked') await otp().guessWrong(sent, 5)
  otp().pass(status === 'expired' ? 600 : 30)
  return sent
}

function make(call: Call, which: object, number: string, sent: Sent | undefined): Promise<Answer> {
  if (call === 'send') return otp().post('/otp', { number })
  return otp().post(`/otp/${call}`, call === 'check' ? { ...which, code: sent?.code ?? '123456' } : which)
}

type Expected = (answer: Answer, sent: Sent) => void

const begins: Expected = ({ status, body }, sent) => {
  expect(status).toBe(200)
  expect(body).toMatchObject({ status: 'pending', sendsLeft: 2, checksLeft: 5, expiresAt: otp().time(600) })
  expect(body.id).not.toBe(sent?.id)
}
const resends: Expected = ({ status, body }, sent) => {
  expect(status).toBe(200)
  const { id, code, expiresAt } = sent
  expect(body).toMatchObject({ id, code, expiresAt, status: 'pending', sendsLeft: 1, resendAt: otp().time(30) })
  expect(body.messageId).not.toBe(sent.messageId)
}
const verifies: Expected = ({ status, body }, { id }) => {
  expect({ status, body }).toEqual({ status: 200, body: { id, verified: true } })
}
const cancels: Expected = ({ status, body }, { id }) => {
  expect({ status, body }).toEqual({ status: 200, body: { id, status: 'canceled' } })
}
const tells =
  (status: Status): Expected =>
  (answer, { id, number, expiresAt }) => {
    expect(answer).toMatchObject({ status: 200, body: { id, number, status, expiresAt } })
    expect(answer.body).not.toHaveProperty('code')
  }
const refuses =
  (httpStatus: number, code: string): Expected =>
  ({ status, headers, body }) => {
    expect(body).toMatchObject({ type: 'about:blank', status: httpStatus, code, detail: expect.any(String) })
    expect(status).toBe(httpStatus)
    expect(headers.get('content-type')).toContain('application/problem+json')
  }
/** The refusals that name the verification which is over. */
const refusesOver =
  (httpStatus: number, code: string, verificationStatus: Status): Expected =>
  (answer, sent) => {
    refuses(httpStatus, code)(answer, sent)
    const { id, expiresAt } = sent
    expect(answer.body).toMatchObject({ id, expiresAt, verificationStatus })
  }

const notFound = refuses(404, 'not_found')
const over = {
  verified: refusesOver(409, 'already_verified', 'verified'),
  expired: refusesOver(410, 'expired', 'expired'),
  canceled: refusesOver(409, 'canceled', 'canceled'),
}
const locked: Expected = (answer, sent) => {
  refuses(429, 'too_many_checks')(answer, sent)
  expect(answer.body).toMatchObject({ id: sent.id, retryAfter: 570, contact: { email: 'support@example.com' } })
  expect(answer.headers.get('retry-after')).toBe('570')
}

const table: Record<Status, Record<Call, Expected>> = {
  none: { send: begins, resend: notFound, check: notFound, cancel: notFound, status: notFound },
  pending: { send: resends, resend: resends, check: verifies, cancel: cancels, status: tells('pending') },
  verified: {
    send: begins,
    resend: over.verified,
    check: over.verified,
    cancel: over.verified,
    status: tells('verified'),
  },
  expired: { send: begins, resend: over.expired, check: over.expired, cancel: over.expired, status: tells('expired') },
  canceled: { send: begins, resend: over.canceled, check: over.canceled, cancel: cancels, status: tells('canceled') },
  locked: { send: locked, resend: locked, check: locked, cancel: locked, status: tells('locked') },
}

describe.each(statuses)('a verification that is %s', status => {
  test.each(calls)('answers %s', async call => {
    const number = newNumber()
    const sent = await reach(status, number)
    const which = sent === undefined ? { number } : { id: sent.id }

    table[status][call](await make(call, which, number, sent), sent!)
  })
})

test('a call by number means the newest verification, as a call by its id does', async () => {
  const number = newNumber()
  for (const status of ['verified', 'canceled', 'expired', 'locked'] as const) {
    const sent = (await reach(status, number))!
    for (const call of ['resend', 'check', 'cancel', 'status'] as const) {
      table[status][call](await make(call, { number }, number, sent), sent)
    }
  }
})

test('whatever is over can send no more', async () => {
  const number = newNumber()
  for (const status of ['verified', 'canceled', 'expired', 'locked'] as const) {
    const { id } = (await reach(status, number))!
    const { body } = await otp().post('/otp/status', { id })
    expect(body).toMatchObject({ status, sendsLeft: 0, resendAt: null, resendIn: 0 })
  }
})
