// The whole engine with the SMSC on Net::SMPP: hex ids in its answers, decimal
// ones in its receipts, and what it refuses, throttles and drops.

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngineOptions } from '../../helpers.ts'
import { startPerlSmsc, type PerlSmsc, type PerlSmscOptions } from './peers/perl-smsc.ts'

const from = '+12015550100'

async function bound(smscOptions: PerlSmscOptions = {}, options: TestEngineOptions = {}, more: object = {}) {
  const smsc = await startPerlSmsc(smscOptions)
  const main = { driver: 'smpp', url: `smpp://esme:right@127.0.0.1:${smsc.port}`, from, ...more }
  const engine = await createTestEngine({
    scripts: ['sms'],
    ...options,
    config: { carriers: { main }, ...options.config },
  })
  const send = async (number: string, text = 'hello'): Promise<string> => {
    const { status, body } = await engine.post('/sms', { number, text })
    expect(status).toBe(200)
    return body.id
  }
  return { smsc, send, ...engine }
}

const textsOf = (smsc: PerlSmsc): string[] => smsc.submits().map(({ text }) => Buffer.from(text, 'hex').toString())

test.each([
  ['a decimal id in its text alone', {}],
  ['parameters of its own for id and state', { tlvs: true }],
  ['zeros in front of its id', { firstId: 171 }],
  ['it before the answer to the submit', { receiptFirst: true }],
])('a message is delivered when the receipt has %s', async (_, smscOptions) => {
  const { send, reaches } = await bound(smscOptions)
  await reaches(await send('+12015550123'), 'delivered')
})

test('all parts of a long message have to be delivered', async () => {
  const { smsc, send, reaches, get } = await bound()
  const id = await send('+12015550123', 'long '.repeat(70))
  await reaches(id, 'delivered')
  const { body } = await get(`/admin/messages/${id}`)
  expect(body).toMatchObject({ segments: 3, carrier: 'main' })
  expect(
    smsc.submits().map(({ esmClass, registeredDelivery, text }) => [esmClass, registeredDelivery, text.slice(0, 6)]),
  ).toEqual(Array.from({ length: 3 }, () => [0x40, 1, '050003']))
})

test('what the SMSC says of a number becomes its state', async () => {
  const { smsc, send, reaches } = await bound()
  await reaches(await send('+12015550127'), 'undelivered')
  await reaches(await send('+12015550126'), 'rejected')
  const silent = await send('+12015550125')
  await reaches(silent, 'sent')
  expect(smsc.submits()).toHaveLength(3)
})

test('a throttled message goes out later, and counts once', async () => {
  const { smsc, send, reaches } = await bound()
  await reaches(await send('+12015550121'), 'delivered')
  smsc.throttle(1)
  await reaches(await send('+12015550123'), 'delivered')
  expect(smsc.submits().map(({ status }) => status)).toEqual([0, 0x58, 0])
})

test('after a connection was dropped it is bound again and sends', async () => {
  const { smsc, send, reaches } = await bound({}, {}, { bind: 'transmitter-receiver' })
  await reaches(await send('+12015550121'), 'delivered')
  smsc.drop()
  const seen = (wanted: string) => smsc.events.filter(({ event }) => event === wanted).length
  await until(() => seen('closed') === 2)
  // The receipt comes by the receiver.
  await until(() => seen('bind') === 4)
  await reaches(await send('+12015550123'), 'delivered')
})

test('a refused bind is told where carriers are watched, without the password', async () => {
  const smsc = await startPerlSmsc()
  const main = { driver: 'smpp', url: `smpp://esme:wrong@127.0.0.1:${smsc.port}` }
  const { get, readLog } = await createTestEngine({ scripts: ['sms'], config: { carriers: { main } } })
  const shown = await until(async () => {
    const { body } = await get('/admin/carriers')
    const text = JSON.stringify(body.carriers)
    return text.includes('ESME_RINVPASWD') ? text : undefined
  })
  expect(`${shown}${await readLog()}`).not.toContain('esme:wrong')
})

test('an SMS in two parts, the second first, reaches its script as one', async () => {
  const echo = 'export async function onSms({ from, text }) { await sendSms({ to: from, text: `you said ${text}` }) }'
  const config = { inbound: [{ to: from, script: 'echo' }] }
  const { smsc, send } = await bound({}, { files: { 'echo.ts': echo }, config })
  await send('+12015550123', 'MO2 first-second')
  await until(() => textsOf(smsc).includes('you said first-second') || undefined)
  smsc.sendMo({
    from: '12015550121',
    to: '12015550100',
    dataCoding: 8,
    octets: Buffer.from('Grüße', 'utf16le').swap16(),
  })
  await until(() => smsc.submits().find(({ to }) => to === '12015550121'))
  expect(smsc.submits().at(-1)).toMatchObject({ dataCoding: 0 })
})
