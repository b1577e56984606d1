// A neutral SMSC for measurements: a process of its own that binds everybody,
// answers every submit_sm and counts. Neither our codec nor the npm package's,
// and as little work as possible, because it shares the machine with what is
// measured. Started by start-sink.ts.

import { appendFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface SinkOptions {
  /** 0, the default: any that is free. */
  port?: number
  /** Of each submit, until its answer leaves. */
  delayMs?: number
  /** A receipt for each submit that asks for one. */
  receipts?: boolean
  /** From the answer to the receipt. */
  receiptAfterMs?: number
  /** Gets a line for each submit, before its answer: message id, destination and text in hex. */
  submitsFile?: string
}

/** `reset` sets the counts to 0; `submits` and `receipts` are answered when there are so many. */
export type SinkQuestion = { ask: 'state' | 'reset' } | { ask: 'submits' | 'receipts'; count: number }

export interface SinkState {
  port: number
  /** Right now. */
  connections: number
  /** Submits that came and whose answer has not left. */
  unanswered: number
  submits: number
  /** deliver_sm_resp with status 0. */
  receipts: number
  /** ms since 1970; 0 before the first. */
  firstSubmitAt: number
  lastSubmitAt: number
  lastReceiptAt: number
}

const submitSm = 0x04
const deliverSmResp = 0x8000_0005
const headerOctets = 16
/** Header, eight hex digits, NUL. */
const answerOctets = headerOctets + 9

const options = JSON.parse(process.argv[2] ?? '{}') as SinkOptions
const sockets = new Set<Socket>()
let waiting: Array<{ reached: () => boolean; answer: () => void }> = []
let state: Omit<SinkState, 'port' | 'connections' | 'unanswered'>
let unanswered = 0
let lastId = 0x1000_0000
let lastSequence = 0
reset()

const server = createServer({ noDelay: true }, socket => {
  let rest: Buffer | undefined
  sockets.add(socket)
  socket.on('data', (chunk: Buffer) => {
    const octets = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    const read = readPdus(octets, socket)
    rest = read === octets.length ? undefined : octets.subarray(read)
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => sockets.delete(socket))
})
server.listen(options.port ?? 0, '127.0.0.1', tell)
process.on('message', (question: SinkQuestion) => {
  if (question.ask === 'reset') reset()
  if (!('count' in question)) return tell()
  const { ask, count } = question
  waiting.push({ reached: () => state[ask] >= count, answer: tell })
  answerWaiting()
})
process.on('disconnect', () => process.exit(0))

function tell(): void {
  process.send!({
    ...state,
    port: (server.address() as AddressInfo).port,
    connections: sockets.size,
    unanswered,
  } satisfies SinkState)
}

function reset(): void {
  state = { submits: 0, receipts: 0, firstSubmitAt: 0, lastSubmitAt: 0, lastReceiptAt: 0 }
}

function answerWaiting(): void {
  const reached = waiting.filter(one => one.reached())
  if (reached.length === 0) return
  waiting = waiting.filter(one => !reached.includes(one))
  for (const { answer } of reached) answer()
}

/** Takes all whole PDUs; how many octets they had. */
function readPdus(octets: Buffer, socket: Socket): number {
  const submits: Buffer[] = []
  let answered = 0
  let at = 0
  while (octets.length - at >= headerOctets) {
    const length = octets.readUInt32BE(at)
    if (length < headerOctets) {
      socket.destroy()
      return octets.length
    }
    if (octets.length - at < length) break
    const command = octets.readUInt32BE(at + 4)
    const pdu = octets.subarray(at, at + length)
    if (command === submitSm) submits.push(pdu)
    else if (command === deliverSmResp) answered += pdu.readUInt32BE(8) === 0 ? 1 : 0
    else if (command < 0x8000_0000) answerOther(command, pdu, socket)
    at += length
  }
  const now = Date.now()
  if (answered > 0) {
    state.receipts += answered
    state.lastReceiptAt = now
  }
  if (submits.length > 0) {
    if (state.submits === 0) state.firstSubmitAt = now
    state.submits += submits.length
    state.lastSubmitAt = now
    answerSubmits(submits, socket)
  }
  if (waiting.length > 0) answerWaiting()
  return at
}

function answerSubmits(submits: Buffer[], socket: Socket): void {
  const firstId = lastId + 1
  const answers = Buffer.allocUnsafe(submits.length * answerOctets)
  for (const [index, submit] of submits.entries()) {
    const at = index * answerOctets
    writeHeader(answers, at, answerOctets, 0x8000_0004, submit.readUInt32BE(12))
    answers.write((++lastId).toString(16), at + headerOctets, 8, 'latin1')
    answers[at + answerOctets - 1] = 0
  }
  const { submitsFile, receipts = false, delayMs = 0, receiptAfterMs = 0 } = options
  const read = submitsFile !== undefined || receipts ? submits.map(readSubmit) : []
  if (submitsFile !== undefined) {
    const line = ({ to, text }: Submit, index: number): string => `${(firstId + index).toString(16)} ${to} ${text}\n`
    appendFileSync(submitsFile, read.map(line).join(''))
  }
  const wanted = receipts ? read.flatMap((submit, index) => (submit.asks ? receipt(submit, firstId + index) : [])) : []

  unanswered += submits.length
  soon(delayMs, () => {
    unanswered -= submits.length
    socket.write(answers)
    if (wanted.length > 0) soon(receiptAfterMs, () => socket.write(Buffer.concat(wanted)))
  })
}

function soon(ms: number, what: () => void): void {
  if (ms === 0) what()
  else setTimeout(what, ms)
}

interface Submit {
  from: string
  to: string
  /** Hex. */
  text: string
  /** For a receipt. */
  asks: boolean
}

// SMPP 3.4, 4.4.1: the fields of submit_sm in order; TLVs are not looked at.
function readSubmit(pdu: Buffer): Submit {
  let at = headerOctets
  function string(): string {
    const end = pdu.indexOf(0, at)
    const text = pdu.toString('latin1', at, end)
    at = end + 1
    return text
  }
  string() // service_type
  at += 2
  const from = string()
  at += 2
  const to = string()
  at += 3 // esm_class, protocol_id, priority_flag
  string() // schedule_delivery_time
  string() // validity_period
  const asks = (pdu[at]! & 1) === 1
  const length = pdu[at + 4]!
  return { from, to, asks, text: pdu.toString('hex', at + 5, at + 5 + length) }
}

/** A deliver_sm with the id in its text and in receipted_message_id. */
function receipt({ from, to }: Submit, id: number): Buffer {
  const hex = id.toString(16)
  const text = `id:${hex} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`
  const body = Buffer.from(
    `\0\x01\x01${to}\0\x01\x01${from}\0\x04\0\0\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}` +
      `\0\x1e\0\x09${hex}\0\x04\x27\0\x01\x02`,
    'latin1',
  )
  const pdu = Buffer.allocUnsafe(headerOctets + body.length)
  lastSequence = (lastSequence % 0x7fff_ffff) + 1
  writeHeader(pdu, 0, pdu.length, 0x05, lastSequence)
  body.copy(pdu, headerOctets)
  return pdu
}

function answerOther(command: number, pdu: Buffer, socket: Socket): void {
  const isBind = command === 0x01 || command === 0x02 || command === 0x09
  const isKnown = isBind || command === 0x06 || command === 0x15
  const body = Buffer.from(isBind ? 'sink\0' : '', 'latin1')
  const answer = Buffer.alloc(headerOctets)
  writeHeader(
    answer,
    0,
    headerOctets + body.length,
    isKnown ? 0x8000_0000 + command : 0x8000_0000,
    pdu.readUInt32BE(12),
  )
  if (!isKnown) answer.writeUInt32BE(0x03, 8)
  socket.write(Buffer.concat([answer, body]))
  if (command === 0x06) socket.end()
}

/** Status 0. */
function writeHeader(octets: Buffer, at: number, length: number, command: number, sequence: number): void {
  octets.writeUInt32BE(length, at)
  octets.writeUInt32BE(command, at + 4)
  octets.writeUInt32BE(0, at + 8)
  octets.writeUInt32BE(sequence, at + 12)
}
