// One message to the network: all its parts, and what their answers make of it.
//
// A message is accepted when each part is. Where none was taken, a refused part
// refuses the message. Where others were taken, one that the network had no room
// for is tried again here, since a whole new attempt would send those twice; when
// that does not help, nobody can say what the phone will show: it is uncertain.

import { setTimeout as pause } from 'node:timers/promises'

import type { Refusal, Submission, SubmitResult } from '../carrier.ts'
import { UncertainError } from '../uncertain-error.ts'
import { normalId } from './wire/message-ids.ts'
import type { PartOutcome, PartQueue } from './part-queue.ts'
import type { SmppSettings } from './settings.ts'
import { submitParts, type SubmitPart } from './submit-fields.ts'
import { judge, type Verdicts } from './verdicts.ts'

export interface SubmitterParts {
  settings: SmppSettings
  verdicts: Verdicts
  paramTlvs: ReadonlyArray<readonly [string, number]>
  queue: PartQueue
  /** At least one bind can send. */
  ready: () => boolean
  clock: () => number
}

export interface Submitter {
  /** Rejects with UncertainError when it is not known whether the network got it, or when it took some parts of it only. */
  submit(message: Submission): Promise<SubmitResult>
  /** Takes no more messages, and waits for those under way for so long. */
  stop(withinMs: number): Promise<void>
}

/** Tries of a part that the network has no room for, after the first. */
const retries = 3

type Lost = Extract<PartOutcome, { kind: 'lost' }>
type PartResult = { id: string } | { refusal: Refusal } | { lost: Lost }

export function createSubmitter(given: SubmitterParts): Submitter {
  const { settings, verdicts, paramTlvs, queue, ready, clock } = given
  const stopping = new AbortController()
  let underWay = 0
  let idle: (() => void) | undefined

  async function submit(message: Submission): Promise<SubmitResult> {
    if (stopping.signal.aborted) return refuse('later', 'stopped')
    if (!ready()) return refuse('later', 'no bind is up')
    underWay++
    try {
      return await attempt(message)
    } finally {
      underWay--
      if (underWay === 0) idle?.()
    }
  }

  async function attempt(message: Submission): Promise<SubmitResult> {
    let parts: readonly SubmitPart[]
    try {
      parts = submitParts(message, settings, paramTlvs, clock)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return refuse('elsewhere', `cannot be sent by SMPP: ${error.message}`)
    }
    if (parts.length === 1) return sendAlone(message, parts[0]!)
    const ids: Array<string | undefined> = parts.map(() => undefined)
    for (let tried = 0; ; tried++) {
      const refusal = await round(message, parts, ids)
      const taken = ids.filter(id => id !== undefined)
      if (refusal === undefined) return accept(taken)
      // For a number that does not exist another try changes nothing.
      if (taken.length === 0 || refusal.numberAtFault === true) return refusal
      const partly = new UncertainError(`${taken.length} of ${parts.length} parts were taken, then ${refusal.error}`, {
        refusal,
      })
      if (refusal.verdict !== 'later' || tried === retries) throw partly
      try {
        await pause(settings.partRetryMs * 2 ** tried, undefined, { signal: stopping.signal })
      } catch {
        throw partly
      }
      if (message.expiresAt <= clock()) throw partly
    }
  }

  async function sendAlone(message: Submission, part: SubmitPart): Promise<SubmitResult> {
    const result = read(await queue.send(part, message.priority, () => message.expiresAt > clock()))
    if ('lost' in result) throw uncertain(result.lost)
    return 'refusal' in result ? result.refusal : accept([result.id])
  }

  /** Sends what has no id so far. The refusal that counts, undefined when all of them have one. */
  async function round(
    message: Submission,
    parts: readonly SubmitPart[],
    ids: Array<string | undefined>,
  ): Promise<Refusal | undefined> {
    let lost: Lost | undefined
    let refusal: Refusal | undefined
    const isOpen = () => lost === undefined && (refusal === undefined || refusal.verdict === 'later')
    const wanted = () => isOpen() && message.expiresAt > clock()

    async function send(part: SubmitPart, place: number) {
      const result = read(await queue.send(part, message.priority, wanted))
      if ('id' in result) ids[place] = result.id
      else if ('lost' in result) lost ??= result.lost
      // Of several that say `later`, one that stops the whole carrier.
      else if (isOpen() && !(refusal?.throttled && result.refusal.verdict === 'later')) refusal = result.refusal
    }

    const sends: Array<Promise<void>> = []
    for (let place = 0; place < parts.length; place++) {
      if (ids[place] === undefined) sends.push(send(parts[place]!, place))
    }
    await Promise.all(sends)
    if (lost !== undefined) throw uncertain(lost)
    return refusal
  }

  function read(outcome: PartOutcome): PartResult {
    if (outcome.kind === 'lost') return { lost: outcome }
    if (outcome.kind === 'unsent')
      return { refusal: { ...refuse('later', `not sent: ${outcome.reason}`), carrierAtFault: true } }
    if (outcome.kind === 'unwanted')
      return { refusal: { ...refuse('later', `not sent: ${outcome.reason}`), unasked: true } }
    if (outcome.kind === 'unfit') return { refusal: refuse('elsewhere', `cannot be sent by SMPP: ${outcome.reason}`) }
    const { command, status, fields } = outcome.pdu
    if (status !== 0) return { refusal: judge(status, verdicts) }
    if (command !== 'submit_sm_resp')
      return { lost: { kind: 'lost', reason: `answered by a ${command}`, connectionLost: false } }
    return { id: normalId(fields.messageId ?? '') }
  }

  return {
    submit,
    async stop(withinMs) {
      stopping.abort()
      if (underWay === 0) return
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, withinMs)
        idle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}

/** A network that gives no id cannot report on that part. */
function accept(ids: string[]): SubmitResult {
  return { accepted: true, carrierIds: ids.filter(id => id !== '') }
}

function uncertain({ reason, connectionLost }: Lost): UncertainError {
  return new UncertainError(reason, { connectionLost })
}

function refuse(verdict: Refusal['verdict'], error: string): Refusal {
  return { accepted: false, verdict, error }
}
