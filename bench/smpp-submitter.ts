// One side of the SMPP measurement: a process that submits through our driver
// (`ours`) or through the npm package (`npm`), as fast as a window allows.

import { createRequire } from 'node:module'

import type { Submission } from '../engine/carriers/carrier.ts'
import { smpp } from '../engine/carriers/smpp/smpp.ts'
import { createLog } from '../engine/log.ts'
import { checkSettings } from '../engine/settings.ts'

export interface SubmitOrder {
  port: number
  window: number
  seconds: number
}

export interface SubmitResult {
  perSecond: number
  /** CPU time of this process, one submit. */
  cpuUs: number
}

/** Submits one message; `answered` is told what went wrong, if anything did. */
type Submit = (number: string, answered: (trouble?: string) => void) => void

const text = 'Your code is 123456, valid for the next 10 minute'
const from = '12015550100'
const side = process.argv[2]
/** One for each window: a window is the carrier's setting. */
const opened = new Map<number, Submit>()

process.on('message', (order: SubmitOrder) => {
  measure(order).then(
    result => process.send!(result),
    (error: unknown) => {
      process.stderr.write(`${side}: ${(error as Error).message}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))

async function measure({ port, window, seconds }: SubmitOrder): Promise<SubmitResult> {
  let submit = opened.get(window)
  if (submit === undefined) {
    submit = await (side === 'ours' ? openOurs(port, window) : openNpm(port))
    opened.set(window, submit)
  }
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  const submits = await keepFull(submit, window, began + seconds * 1_000)
  const elapsedMs = performance.now() - began
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: (submits * 1_000) / elapsedMs, cpuUs: (user + system) / submits }
}

/** Resolves with the number of submits when all are answered. */
function keepFull(submit: Submit, window: number, untilMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let submits = 0
    let inFlight = 0
    function answered(trouble?: string): void {
      inFlight--
      if (trouble !== undefined) reject(new Error(trouble))
      else if (performance.now() < untilMs) next()
      else if (inFlight === 0) resolve(submits)
    }
    function next(): void {
      inFlight++
      submit(String(12_012_000_000 + (submits++ % 8_000_000)), answered)
    }
    for (let place = 0; place < window; place++) next()
  })
}

async function openOurs(port: number, window: number): Promise<Submit> {
  const own = { url: `smpp://bench:secret@127.0.0.1:${port}`, window, registeredDelivery: false }
  const carrier = smpp.create('main', checkSettings('carriers.main', smpp.settings, own), {
    log: createLog('silent'),
    clock: Date.now,
    print: null,
    callbackSecret: 'of no use here',
    callbackUrl: () => null,
  })
  await new Promise<void>((resolve, reject) => {
    const ready = (): void => void (carrier.ready() && resolve())
    const events = {
      report: async () => {},
      inbound: async () => undefined,
      room: ready,
      part: () => {},
      pauseMs: () => 0,
      alive: () => true,
      trouble: (error: string) => reject(new Error(error)),
    }
    carrier.start(events).then(ready, reject)
  })
  const about: Omit<Submission, 'id' | 'to'> = {
    from,
    text,
    segments: 1,
    encoding: 'gsm7',
    priority: 'bulk',
    expiresAt: Date.now() + 3_600_000,
    params: {},
  }
  return (number, answered) => {
    carrier.submit({ ...about, id: number, to: `+${number}` }).then(
      result => answered(result.accepted ? undefined : result.error),
      (error: unknown) => answered((error as Error).message),
    )
  }
}

interface NpmSession {
  on(event: 'connect' | 'error', listener: (error: Error) => void): void
  bind_transceiver(fields: object, answered: (pdu: { command_status: number }) => void): void
  submit_sm(fields: object, answered: (pdu: { command_status: number }) => void): void
}

/** The fields that ours sends too; the window is kept by `keepFull`, the package has none. */
async function openNpm(port: number): Promise<Submit> {
  const library = createRequire(import.meta.url)('smpp') as { connect(to: object): NpmSession }
  const session = library.connect({ host: '127.0.0.1', port })
  await new Promise<void>((resolve, reject) => {
    session.on('error', reject)
    session.on('connect', () => {
      session.bind_transceiver({ system_id: 'bench', password: 'secret' }, pdu =>
        pdu.command_status === 0 ? resolve() : reject(new Error('the bind was refused')),
      )
    })
  })
  return (number, answered) => {
    const fields = {
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: from,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: number,
      validity_period: '000000010000000R',
      short_message: text,
    }
    session.submit_sm(fields, pdu => answered(pdu.command_status === 0 ? undefined : `refused: ${pdu.command_status}`))
  }
}
