import { expect, test, vi } from 'vitest'

import type { CarrierReport, Submission } from '../../engine/carriers/carrier.ts'
import { createCarriers, type CarriersSettings } from '../../engine/carriers/list.ts'
import { isLoopback } from '../../engine/carriers/loopback.ts'
import { StartError } from '../../engine/errors.ts'
import { createLog } from '../../engine/log.ts'

const log = createLog('silent')

async function open(settings: CarriersSettings = {}) {
  const lines: string[] = []
  const reports: CarrierReport[] = []
  let rooms = 0
  const carriers = await createCarriers(settings, {
    log,
    clock: () => 1_000,
    print: line => lines.push(line),
    callbackSecretOf: () => 'secret',
  })
  const carrier = carriers[0]
  if (carrier === undefined || !isLoopback(carrier)) throw new Error('not a loopback carrier')
  const started = carrier.start({
    report: async report => void reports.push(report),
    inbound: async ({ text }) => `run for ${text}`,
    room: () => rooms++,
    part() {},
    pauseMs: () => 0,
    alive: () => true,
    trouble() {},
  })
  return { carrier, carriers, lines, reports, started, rooms: () => rooms }
}

function submission(id: string, text = 'hello'): Submission {
  const counted = { segments: 1, encoding: 'gsm7' } as const
  return { id, to: '+12125551212', from: null, text, ...counted, priority: 'otp', expiresAt: 60_000, params: {} }
}

test('without carriers there is one loopback, which shows each SMS as one line', async () => {
  const { carrier, carriers, lines } = await open()
  await carrier.submit(submission('a', 'Your code\r\nis 123\u2028bye'))

  expect(carriers).toHaveLength(1)
  expect(carrier).toMatchObject({ name: 'loopback', driver: 'loopback' })
  expect(lines).toEqual([String.raw`SMS to +12125551212: Your code\nis 123\nbye`])
  await carrier.stop()
})

test('beside another carrier it prints nothing', async () => {
  const { carrier, lines } = await open({ a: { driver: 'loopback' }, b: { driver: 'loopback' } })
  await carrier.submit(submission('a'))
  expect(lines).toEqual([])
  await carrier.stop()
})

test.each(['delivered', 'undelivered', 'rejected'] as const)('it reports %s', async receipt => {
  const { carrier, reports } = await open({ main: { driver: 'loopback', receipt, receiptAfterMs: 0 } })
  const result = await carrier.submit(submission('a'))
  await vi.waitFor(() => expect(reports).toHaveLength(1))
  expect(result).toMatchObject({ accepted: true, carrierIds: reports[0]?.carrierIds })
  expect(reports[0]).toMatchObject({ state: receipt })
  await carrier.stop()
})

test('it refuses as often as it was told, one refusal for each attempt', async () => {
  const { carrier } = await open({ main: { driver: 'loopback', failures: ['later', 'final'] } })
  expect(await carrier.submit(submission('a'))).toMatchObject({ accepted: false, verdict: 'later' })
  expect(await carrier.submit(submission('a'))).toMatchObject({ accepted: false, verdict: 'final' })
  expect(await carrier.submit(submission('a'))).toMatchObject({ accepted: true })
  expect(carrier.messages()).toHaveLength(1)
  await carrier.stop()
})

test('it keeps the newest thousand messages, newest first', async () => {
  const { carrier } = await open()
  for (let count = 0; count < 1_001; count++) await carrier.submit(submission(String(count)))
  const messages = carrier.messages()
  expect(messages).toHaveLength(1_000)
  expect(messages[0]).toEqual({ id: '1000', to: '+12125551212', from: null, text: 'hello', at: 1_000 })
  expect(messages.at(-1)).toMatchObject({ id: '1' })
  await carrier.stop()
})

test('its room shrinks with what is in flight, and it tells when a full window opens', async () => {
  const { carrier, rooms } = await open({ main: { driver: 'loopback', receipt: 'none' } })
  const before = carrier.room()
  const submits = Array.from({ length: before }, (_, at) => carrier.submit(submission(String(at))))
  expect(carrier.room()).toBe(0)
  await Promise.all(submits)
  expect(carrier.room()).toBe(before)
  expect(rooms()).toBe(1)
})

test('an SMS from a phone begins a run', async () => {
  const { carrier } = await open()
  expect(await carrier.inject({ from: '+12015550123', to: '+15005550006', text: 'STOP' })).toBe('run for STOP')
  await carrier.stop()
  expect(await carrier.inject({ from: '+12015550123', to: '+15005550006', text: 'STOP' })).toBeUndefined()
})

test('after a stop it reports nothing', async () => {
  const { carrier, reports } = await open({ main: { driver: 'loopback', receiptAfterMs: 0 } })
  await carrier.submit(submission('a'))
  await carrier.stop()
  expect(carrier.ready()).toBe(false)
  // A report that was to come later has come, so the other one would have too.
  const other = await open({ main: { driver: 'loopback', receiptAfterMs: 1 } })
  await other.carrier.submit(submission('b'))
  await vi.waitFor(() => expect(other.reports).toHaveLength(1))
  await other.carrier.stop()
  expect(reports).toEqual([])
})

test.each([
  [{ receipt: 'maybe' }, 'carriers.main.receipt: must be one of delivered, undelivered, rejected, none'],
  [{ receiptAfterMs: -1 }, 'carriers.main.receiptAfterMs: must be >= 0'],
  [{ receiptAfterMs: 'soon' }, 'carriers.main.receiptAfterMs: must be integer'],
  [{ failures: ['final', 'never'] }, 'carriers.main.failures.1: must be one of final, elsewhere, later'],
  [{ reciept: 'none' }, 'carriers.main.reciept: there is no such setting; allowed: receipt, receiptAfterMs, failures'],
  [{ driver: 'pigeon' }, 'carriers.main.driver: there is no driver "pigeon"; allowed: loopback, '],
])('a wrong setting stops the start: %j', async (wrong, line) => {
  const settings = { main: { driver: 'loopback', ...wrong } }
  const create = async () =>
    createCarriers(settings, { log, clock: () => 0, print: null, callbackSecretOf: () => 'secret' })
  await expect(create).rejects.toThrow(StartError)
  await expect(create).rejects.toThrow(line)
})
