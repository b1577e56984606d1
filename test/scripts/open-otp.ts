// The OTP script in a real engine: a clock that stands still until the test
// moves it, a loopback carrier that reports as the test says.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { beforeAll } from 'vitest'

import { createTestEngine, type Answer, type TestEngine, type TestEngineOptions } from '../helpers.ts'

export interface OtpOptions {
  /** Settings of the loopback carrier; by default it takes every SMS and reports nothing. */
  carrier?: { receipt?: 'delivered' | 'undelivered' | 'rejected' | 'none'; failures?: string[] }
  /** Constants of the script's policy, as they are written in it. */
  policy?: Record<string, string>
  /** More of the configuration file. */
  config?: Record<string, unknown>
  atEnd?: TestEngineOptions['atEnd']
  /** How many answers of the engine a run may take for granted. */
  guesses?: number
}

export interface Otp extends TestEngine {
  now(): number
  /** The clock as answers tell it, so many seconds from now. */
  time(seconds?: number): string
  pass(seconds: number): void
  /** POST /otp; fails the test when no code is sent. */
  send(body: object, options?: { token: string }): Promise<Sent>
  check(body: object, options?: { token: string }): Promise<Answer>
  /** Guesses wrong so many times, one after another. */
  guessWrong(sent: Sent, times: number, more?: object): Promise<Answer[]>
  texts(to: string): Promise<string[]>
}

export interface Sent {
  id: string
  number: string
  code: string
  messageId: string
  expiresAt: string
  resendAt: string | null
  sendsLeft: number
  [field: string]: unknown
}

const source = readFileSync(resolve(import.meta.dirname, '..', '..', 'scripts', 'otp.ts'), 'utf8')

/** The shipped script, with other constants. */
export function otpScript(policy: Record<string, string> = {}): string {
  return Object.entries(policy).reduce((text, [name, value]) => {
    const line = new RegExp(`^  ${name}: .*?,(?= //|$)`, 'm')
    if (!line.test(text)) throw new Error(`the policy has no ${name}`)
    return text.replace(line, `  ${name}: ${value},`)
  }, source)
}

export async function openOtp({
  carrier = {},
  policy = {},
  config = {},
  guesses,
  atEnd,
}: OtpOptions = {}): Promise<Otp> {
  let now = Date.now()
  const engine = await createTestEngine({
    files: { 'otp.ts': otpScript(policy) },
    clock: () => now,
    ...(atEnd && { atEnd }),
    // However busy the machine is, no turn is stopped and taken again: the traces are those of a quiet one.
    sandboxLimits: { fastTurnMs: 10_000, ...(guesses !== undefined && { guesses }) },
    config: {
      carriers: { loopback: { driver: 'loopback', receipt: 'none', receiptAfterMs: 0, ...carrier } },
      ...config,
    },
  })
  const check: Otp['check'] = (body, options) => engine.post('/otp/check', body, options)
  return {
    ...engine,
    now: () => now,
    time: (seconds = 0) => new Date(now + seconds * 1_000).toISOString(),
    pass(seconds) {
      now += seconds * 1_000
    },
    async send(body, options) {
      const answer = await engine.post('/otp', body, options)
      if (answer.status !== 200) throw new Error(`POST /otp: ${JSON.stringify(answer.body)}`)
      return answer.body as Sent
    },
    check,
    async guessWrong({ id, code }, times, more = {}) {
      const answers: Answer[] = []
      for (const guess of wrongCodes(code, times)) answers.push(await check({ id, code: guess, ...more }))
      return answers
    },
    async texts(to) {
      return (await engine.inbox()).filter(sms => sms.to === to).map(sms => sms.text)
    },
  }
}

/** Other codes of the same length. */
export function wrongCodes(code: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    String((Number(code) + n + 1) % 10 ** code.length).padStart(code.length, '0'),
  )
}

/** One engine for all tests of a file, whose clock only goes on; each test takes numbers of its own. */
export function shareOtp(options: OtpOptions = {}): () => Otp {
  let otp: Otp
  beforeAll(async () => {
    const ends: Array<() => Promise<void>> = []
    otp = await openOtp({ ...options, atEnd: end => void ends.push(end) })
    return async () => {
      for (const end of ends.toReversed()) await end()
    }
  })
  return () => otp
}

// Goes on from file to file; below are those that tests name themselves.
let numbers = 1_000

/** A valid number that no other test of the process has. */
export function newNumber(): string {
  return `+1201555${numbers++}`
}
