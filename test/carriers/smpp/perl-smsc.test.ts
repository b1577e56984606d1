// The SMSC on Net::SMPP itself, asked by the npm package `smpp`: what the tests
// of our own client rely on, seen by somebody else's.

import { once } from 'node:events'
import { createRequire } from 'node:module'

import { expect, onTestFinished, test } from 'vitest'

import { until } from '../../helpers.ts'
import { startPerlSmsc, type PerlSmscOptions } from './peers/perl-smsc.ts'

interface NpmPdu extends Record<string, unknown> {
  command: string
  command_status: number
  message_id?: string
  short_message?: { message: string; udh?: Buffer[] }
  response(fields?: object): NpmPdu
}
interface NpmSession {
  on(event: string, listener: (pdu: NpmPdu) => void): void
  send(pdu: NpmPdu): void
  destroy(): void
  socket: NodeJS.EventEmitter
  [command: string]: unknown
}
const smpp = createRequire(import.meta.url)('smpp') as {
  connect(options: { host: string; port: number }): NpmSession
}

async function connect(port: number) {
  const session = smpp.connect({ host: '127.0.0.1', port })
  session.on('error', () => undefined)
  onTestFinished(() => session.destroy())
  await once(session.socket, 'connect')
  const delivered: NpmPdu[] = []
  session.on('deliver_sm', pdu => {
    delivered.push(pdu)
    session.send(pdu.response())
  })
  const ask = (command: string, fields: object = {}): Promise<NpmPdu> =>
    new Promise(resolve => (session[command] as (fields: object, answered: typeof resolve) => void)(fields, resolve))
  const submit = (to: string, text = 'hello', more: object = {}): Promise<NpmPdu> =>
    ask('submit_sm', {
      source_addr: '12015550100',
      destination_addr: to,
      short_message: text,
      registered_delivery: 1,
      ...more,
    })
  return { session, delivered, ask, submit }
}

async function bound(options: PerlSmscOptions = {}) {
  const smsc = await startPerlSmsc(options)
  const client = await connect(smsc.port)
  expect(await client.ask('bind_transceiver', { system_id: 'esme', password: 'right' })).toMatchObject({
    command: 'bind_transceiver_resp',
    command_status: 0,
    system_id: 'smsc',
  })
  return { smsc, ...client }
}

const textOf = (pdu: NpmPdu | undefined): string | undefined => pdu?.short_message?.message

test('it refuses a wrong password, and a submit without a bind', async () => {
  const smsc = await startPerlSmsc()
  const { ask, submit } = await connect(smsc.port)
  expect(await submit('12015550123')).toMatchObject({ command_status: 0x04 })
  expect(await ask('bind_transmitter', { system_id: 'esme', password: 'wrong' })).toMatchObject({
    command_status: 0x0e,
  })
  expect(await until(() => smsc.events.find(event => event.event === 'bind'))).toMatchObject({
    kind: 'transmitter',
    status: 0x0e,
  })
})

test('it answers with a hex id, and its receipt has the decimal one', async () => {
  const { smsc, submit, delivered } = await bound({ firstId: 0xab_cdef })
  expect(await submit('12015550123')).toMatchObject({ command_status: 0, message_id: 'abcdef' })

  const receipt = await until(() => delivered[0])
  expect(receipt).toMatchObject({ esm_class: 4, source_addr: '12015550123', destination_addr: '12015550100' })
  expect(textOf(receipt)).toMatch(/^id:0011259375 sub:001 dlvrd:001 submit date:\d{10} .* stat:DELIVRD err:000 /)
  expect(receipt.receipted_message_id).toBeUndefined()
  await until(() => smsc.submits().length === 1)
  expect(smsc.submits()).toMatchObject([
    { id: 'abcdef', status: 0, to: '12015550123', from: '12015550100', text: Buffer.from('hello').toString('hex') },
  ])
  await until(() => smsc.events.find(event => event.event === 'answered'))
})

test('with TLVs the receipt has the hex id and the state in them', async () => {
  const { submit, delivered } = await bound({ tlvs: true, firstId: 0xab_cdef })
  await submit('12015550127')
  const receipt = await until(() => delivered[0])
  expect(receipt).toMatchObject({ receipted_message_id: 'abcdef', message_state: 5 })
  expect(textOf(receipt)).toContain('stat:UNDELIV err:027')
})

test('the last digit of the destination decides, and a throttle ends by itself', async () => {
  const { smsc, submit, delivered } = await bound()
  smsc.throttle(1)
  await until(async () => (await submit('12015550121')).command_status === 0x58)
  expect(await submit('12015550128')).toMatchObject({ command_status: 0x58 })
  expect(await submit('12015550126')).toMatchObject({ command_status: 0x0b })
  const silent = await submit('12015550125', 'no receipt')
  const unasked = await submit('12015550122', 'none asked for', { registered_delivery: 0 })
  expect([silent.command_status, unasked.command_status]).toEqual([0, 0])

  await submit('12015550124')
  await until(() => delivered.find(receipt => receipt.source_addr === '12015550124'))
  const receiptsOf = new Set(delivered.map(receipt => receipt.source_addr))
  expect(receiptsOf).not.toContain('12015550125')
  expect(receiptsOf).not.toContain('12015550122')
})

test('a receipt may come before the answer, and on another session of the same account', async () => {
  const smsc = await startPerlSmsc({ receiptFirst: true })
  const transmitter = await connect(smsc.port)
  const receiver = await connect(smsc.port)
  await transmitter.ask('bind_transmitter', { system_id: 'esme', password: 'right' })
  await receiver.ask('bind_receiver', { system_id: 'esme', password: 'right' })

  const order: string[] = []
  receiver.session.on('deliver_sm', () => order.push('receipt'))
  await transmitter.submit('12015550123').then(() => order.push('answer'))
  await until(() => order.length === 2)
  expect(order).toEqual(['receipt', 'answer'])
  expect(transmitter.delivered).toEqual([])
})

test('it sends SMS from phones: on command, as an echo, and in two parts of which the second comes first', async () => {
  const { smsc, submit, delivered } = await bound()
  smsc.sendMo({ from: '12015550199', to: '777', octets: Buffer.from('on command') })
  expect(textOf(await until(() => delivered[0]))).toBe('on command')
  await submit('12015550125', 'MO an echo')
  expect(await until(() => delivered[1])).toMatchObject({ source_addr: '12015550125', esm_class: 0 })
  expect(textOf(delivered[1])).toBe('an echo')

  await submit('12015550125', 'MO2 first-second')
  await until(() => delivered[3])
  expect(delivered.slice(2).map(part => [part.esm_class, textOf(part)])).toEqual([
    [0x40, 'second'],
    [0x40, 'first-'],
  ])
})

test('it answers enquire_link and unbind, and a dropped connection is dropped', async () => {
  const { smsc, ask, submit } = await bound()
  expect(await ask('enquire_link')).toMatchObject({ command: 'enquire_link_resp' })
  const other = await connect(smsc.port)
  await other.ask('bind_transceiver', { system_id: 'other', password: 'right' })
  expect(await other.ask('unbind')).toMatchObject({ command: 'unbind_resp' })
  await until(() => smsc.events.find(event => event.event === 'closed'))

  expect(await submit('12015550125')).toMatchObject({ command_status: 0 })
  smsc.drop()
  await until(() => smsc.events.filter(event => event.event === 'closed').length === 2)
})

test('five thousand submits, fifty under way: each is told once, each gets its receipt', async () => {
  const { smsc, submit, delivered } = await bound({ delayMs: 1 })
  const count = 5_000
  let next = 0
  const ids = new Set<string>()
  const keepBusy = async (): Promise<void> => {
    while (next < count) ids.add((await submit(`1201555${String(next++).padStart(4, '0')}0`)).message_id!)
  }
  await Promise.all(Array.from({ length: 50 }, keepBusy))
  expect(ids.size).toBe(count)
  await until(() => delivered.length === count)
  await until(() => smsc.submits().length === count)
  expect(new Set(smsc.submits().map(({ to }) => to)).size).toBe(count)
})
