// What a send costs: calls of the engine one after another, as its trace tells
// where none is guessed.

import { expect, test } from 'vitest'

import type { Answer } from '../helpers.ts'
import { newNumber, openOtp, shareOtp, type Otp } from './open-otp.ts'

const shared = shareOtp({ guesses: 0 })
const most = 3

/** Turns in which a run called the engine: calls of one turn run side by side. */
async function turnsWithCalls(otp: Otp, { headers }: Answer): Promise<number> {
  const { body } = await otp.get(`/admin/runs/${headers.get('x-run-id')!}`)
  const { turns } = body.trace as { turns: Array<{ calls: unknown[] }> }
  return turns.filter(({ calls }) => calls.length > 0).length
}

async function cost(otp: Otp, body: object, outcome: string): Promise<number> {
  const answer = await otp.post('/otp', body)
  expect(answer.status === 200 ? 'sent' : answer.body.code).toBe(outcome)
  return turnsWithCalls(otp, answer)
}

test('a new number costs two calls', async () => {
  expect(await cost(shared(), { number: newNumber() }, 'sent')).toBe(2)
})

test('a new number is not even waited for when answers are guessed', async () => {
  const otp = await openOtp()
  const answer = await otp.post('/otp', { number: newNumber() })
  const { body } = await otp.get(`/admin/runs/${answer.headers.get('x-run-id')!}`)
  expect(body.trace.turns).toHaveLength(1)
})

test('a resend costs three, a refusal three at most, an invalid request none', async () => {
  const otp = shared()
  const number = newNumber()
  expect(await cost(otp, { number: 'none' }, 'invalid_number')).toBe(0)
  expect(await cost(otp, { number, appHash: 'x' }, 'invalid_request')).toBe(0)
  await otp.send({ number })
  for (const seconds of [1, 9, 10]) {
    otp.pass(seconds)
    expect(await cost(otp, { number }, 'too_soon')).toBeLessThanOrEqual(most)
    expect(await cost(otp, { number, reference: 'other' }, 'too_soon')).toBeLessThanOrEqual(most)
  }
  otp.pass(10)
  expect(await cost(otp, { number }, 'sent')).toBeLessThanOrEqual(most)
  otp.pass(30)
  expect(await cost(otp, { number, reference: 'other' }, 'sent')).toBeLessThanOrEqual(most)
  otp.pass(30)
  expect(await cost(otp, { number }, 'sent')).toBeLessThanOrEqual(most)
  otp.pass(30)
  expect(await cost(otp, { number }, 'too_many_sends')).toBeLessThanOrEqual(most)
  expect(await cost(otp, { number, amount: '1 EUR', payee: 'Shop' }, 'sent')).toBeLessThanOrEqual(most)
})

test('after a right code it costs two, after a lock one', async () => {
  const otp = shared()
  const number = newNumber()
  const { id, code } = await otp.send({ number })
  await otp.check({ id, code })
  expect(await cost(otp, { number }, 'too_soon')).toBe(1)
  otp.pass(1)
  expect(await cost(otp, { number }, 'sent')).toBe(2)
  otp.pass(30)
  await otp.guessWrong(await otp.send({ number }), 5)
  expect(await cost(otp, { number }, 'too_many_checks')).toBe(1)
})

test('after one that was delivered it costs three', async () => {
  const otp = await openOtp({ carrier: { receipt: 'delivered' } })
  const number = newNumber()
  const { messageId } = await otp.send({ number })
  await otp.reaches(messageId, 'delivered')
  expect(await cost(otp, { number }, 'too_soon')).toBeLessThanOrEqual(most)
  otp.pass(20)
  expect(await cost(otp, { number }, 'sent')).toBeLessThanOrEqual(most)
  otp.pass(30)
  expect(await cost(otp, { number }, 'too_many_sends')).toBeLessThanOrEqual(most)
})

test('to a rejected number it costs three at most', async () => {
  const otp = await openOtp({ carrier: { receipt: 'rejected' } })
  const number = newNumber()
  const { messageId } = await otp.send({ number })
  await otp.reaches(messageId, 'rejected')
  for (const seconds of [0, 10, 30]) {
    otp.pass(seconds)
    expect(await cost(otp, { number }, 'number_rejected')).toBeLessThanOrEqual(most)
  }
})

test('where nobody serves the number it costs three', async () => {
  const otp = await openOtp({ guesses: 0, config: { routes: [{ prefix: '+44', carriers: ['loopback'] }] } })
  expect(await cost(otp, { number: newNumber() }, 'unsupported_number')).toBe(most)
})
