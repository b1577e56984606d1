// Starts the SMSC on Net::SMPP (smsc.pl, which says what it answers to what) and
// follows what it tells. It ends with the test, and with the process of the test.

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { onTestFinished } from 'vitest'

export interface PerlSmscOptions {
  /** From a submit to its answer. */
  delayMs?: number
  /** From the answer to the receipt. */
  receiptDelayMs?: number
  /** The receipt comes before the answer to the submit. */
  receiptFirst?: boolean
  /** Receipts carry receipted_message_id and message_state too. */
  tlvs?: boolean
  /** Decimal; the first message's. Small ones are padded with zeros in receipts. */
  firstId?: number
  atEnd?: (end: () => Promise<void>) => void
}

/** One submit_sm as the SMSC read it; refused ones too. */
export interface PerlSubmit {
  event: 'submit'
  /** Hex, as it was answered. */
  id: string
  /** What it was answered with. */
  status: number
  to: string
  from: string
  esmClass: number
  dataCoding: number
  priorityFlag: number
  registeredDelivery: number
  validityPeriod: string
  /** short_message or message_payload in hex, a user data header included. */
  text: string
  /** Optional parameters: decimal tag to value in hex. */
  tlvs: Record<string, string>
}

export type PerlEvent =
  | { event: 'listening'; port: number }
  | { event: 'bind'; kind: 'receiver' | 'transmitter' | 'transceiver'; systemId: string; status: number }
  | PerlSubmit
  /** The answer to a deliver_sm. */
  | { event: 'answered'; status: number; sequence: number }
  | { event: 'enquire_link' | 'unbind' | 'closed' }

export interface PerlSmsc {
  port: number
  /** Everything so far, in order; comes another way than the answers, so wait for what has to be there. */
  events: PerlEvent[]
  submits(): PerlSubmit[]
  /** The next so many submits get ESME_RTHROTTLED. */
  throttle(submits: number): void
  /** Closes every connection without a word; new ones are welcome. */
  drop(): void
  /** An SMS from a phone; `octets` as `dataCoding` says. */
  sendMo(sms: { from: string; to: string; dataCoding?: number; octets: Buffer }): void
  stop(): Promise<void>
}

const install = 'the test needs the Perl module Net::SMPP: apt-get install -y libnet-smpp-perl'

/** Resolves when it listens. Rejects with how to install Net::SMPP where it is missing. */
export async function startPerlSmsc(options: PerlSmscOptions = {}): Promise<PerlSmsc> {
  const child = spawn('perl', [join(import.meta.dirname, 'smsc.pl'), ...argumentsOf(options)])
  const exited = new Promise<void>(resolve => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  const atEnd = options.atEnd ?? onTestFinished
  atEnd(stop)
  child.stdin.on('error', () => undefined)
  const events: PerlEvent[] = []
  const port = await listening(child, events)
  const command = (...words: Array<string | number>): void => void child.stdin.write(`${words.join(' ')}\n`)
  return {
    port,
    events,
    submits: () => events.filter(event => event.event === 'submit'),
    throttle: submits => command('throttle', submits),
    drop: () => command('drop'),
    sendMo: ({ from, to, dataCoding = 0, octets }) => command('mo', from, to, dataCoding, octets.toString('hex')),
    stop,
  }
}

function argumentsOf({ delayMs, receiptDelayMs, receiptFirst, tlvs, firstId }: PerlSmscOptions): string[] {
  const values = { 'delay-ms': delayMs, 'receipt-delay-ms': receiptDelayMs, 'first-id': firstId }
  const flags = { 'receipt-first': receiptFirst, tlvs }
  return [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...Object.entries(flags).flatMap(([name, isOn]) => (isOn === true ? [`--${name}`] : [])),
  ]
}

function listening(child: ChildProcess, events: PerlEvent[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let trouble = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (trouble += text))
    createInterface({ input: child.stdout! }).on('line', line => {
      const event = JSON.parse(line) as PerlEvent
      events.push(event)
      if (event.event === 'listening') resolve(event.port)
    })
    child.once('error', cause => reject(new Error(install, { cause })))
    // Not `exit`: what it said last is still to be read then.
    child.once('close', code => {
      const isMissing = trouble.includes("Can't locate Net/SMPP.pm")
      reject(new Error(isMissing ? install : `smsc.pl ended (${code}): ${trouble}`))
    })
  })
}
