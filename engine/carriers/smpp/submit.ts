// One message to the network: all its parts, and what their answers make of it.
//
// A message is accepted when each part is. Where none was taken, a refused part
// refuses the message. Where others were taken, one that the network had no room
// for is tried again here, since a whole new attempt would send those twice; when
// that does not help, nobody can say what the phone will show: it is uncertain.
// A network that throttles has no room for anybody: nothing more of the message is
// tried until the carrier's pause is over, and then as long as it is worth something
// and nobody else may have it.

import { setTimeout as pause } from 'node:timers/promises'

import type { Refusal, Submission, SubmitResult } from '../carrier.ts'
import { UncertainError } from '../uncertain-error.ts'
import { normalId } from './wire/message-ids.ts'
import type { PartOutcome, PartQueue, SendPart } from './part-queue.ts'
import type { SmppSettings } from './settings.ts'
import { submitParts, type SubmitPart } from './submit-fields.ts'
import { judge, type Verdicts } from './verdicts.ts'

export interface SubmitterParts {
  settings: SmppSettings
  verdicts: Verdicts
  paramTlvs: ReadonlyArray<readonly [string, number]>
  queue: Pick<PartQueue, 'open' | 'endPauses'>
  /** The network took one part of several, or throttled it: then with its words. */
  heard: (throttled: string | null) => void
  /** At least one bind can send. */
  ready: () => boolean
  /** False: others may have taken over what is under way here. */
  alive: () => boolean
  clock: () => number
}

export interface Submitter {
  /** Rejects with UncertainError when it is not known whether the network got it, or when it took some parts of it only. */
  submit(message: Submission): Promise<SubmitResult>
  /** Resolves when nothing is under way any more, or after `withinMs`. */
  settled(withinMs: number): Promise<void>
  /** Takes no more messages, and waits for those under way for so long. */
  stop(withinMs: number): Promise<void>
}

/** Tries of a part that the network has no room for, after the first; those that it throttles wait for the carrier. */
const retries = 3

type Lost = Extract<PartOutcome, { kind: 'lost' }>
type PartResult = { id: string } | { refusal: Refusal } | { lost: Lost }

export function createSubmitter(given: SubmitterParts): Submitter {
  const { settings, verdicts, paramTlvs, queue, heard, ready, alive, clock } = given
  const stopping = new AbortController()
  let underWay = 0
  const waiting = new Set<() => void>()

  async function submit(message: Submission): Promise<SubmitResult> {
    if (stopping.signal.aborted) return refuse('later', 'stopped')
    if (!ready()) return refuse('later', 'no bind is up')
    underWay++
    try {
      return await attempt(message)
    } finally {
      underWay--
      if (underWay === 0) for (const idle of waiting) idle()
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
    const send = queue.open(message.priority)
    if (parts.length === 1) return sendAlone(message, parts[0]!, send)
    const ids: Array<string | undefined> = parts.map(() => undefined)
    let said: string | undefined
    for (let tried = 0; ;) {
      const refusal = await round(message, parts, ids, send)
      const taken = ids.filter(id => id !== undefined)
      if (refusal === undefined) return accept(taken)
      // For a number that does not exist another try changes nothing.
      if (taken.length === 0 || refusal.numberAtFault === true) return refusal
      if (refusal.unasked !== true) said = refusal.error
      const partly = new UncertainError(
        `${taken.length} of ${parts.length} parts were taken, then ${said ?? refusal.error}`,
        { refusal },
      )
      if (refusal.verdict !== 'later' || stopping.signal.aborted) throw partly
      if (refusal.throttled !== true) {
        if (tried === retries) throw partly
        try {
          await pause(settings.partRetryMs * 2 ** tried++, undefined, { signal: stopping.signal })
        } catch {
          throw partly
        }
      }
      if (!isWanted(message)) throw partly
    }
  }

  function isWanted({ expiresAt }: Submission): boolean {
    return expiresAt > clock() && alive()
  }

  async function sendAlone(message: Submission, part: SubmitPart, send: SendPart): Promise<SubmitResult> {
    const result = read(await send(part, () => isWanted(message)))
    if ('lost' in result) throw uncertain(result.lost)
    return 'refusal' in result ? result.refusal : accept([result.id])
  }

  /** Sends what has no id so far. The refusal that counts, undefined when all of them have one. */
  async function round(
    message: Submission,
    parts: readonly SubmitPart[],
    ids: Array<string | undefined>,
    send: SendPart,
  ): Promise<Refusal | undefined> {
    let lost: Lost | undefined
    let refusal: Refusal | undefined
    const isOpen = () => lost === undefined && (refusal === undefined || refusal.verdict === 'later')
    const wanted = () => isOpen() && refusal?.throttled !== true && isWanted(message)

    async function sendOne(part: SubmitPart, place: number) {
      const result = read(await send(part, wanted))
      if ('lost' in result) lost ??= result.lost
      else if ('id' in result) {
        ids[place] = result.id
        heard(null)
      } else {
        const { verdict, throttled, unasked, error } = result.refusal
        if (throttled === true && unasked !== true) heard(error)
        // Of several that say `later`, one that stops the whole carrier.
        if (isOpen() && !(refusal?.throttled && verdict === 'later')) refusal = result.refusal
      }
    }

    const sends: Array<Promise<void>> = []
    for (let place = 0; place < parts.length; place++) {
      if (ids[place] === undefined) sends.push(sendOne(parts[place]!, place))
    }
    await Promise.all(sends)
    if (lost !== undefined) throw uncertain(lost)
    return refusal
  }

  function read(outcome: PartOutcome): PartResult {
    if (outcome.kind === 'lost') return { lost: outcome }
    if (outcome.kind !== 'answered') return { refusal: unsent(outcome) }
    const { command, status, fields } = outcome.pdu
    if (status !== 0) return { refusal: judge(status, verdicts) }
    if (command !== 'submit_sm_resp')
      return { lost: { kind: 'lost', reason: `answered by a ${command}`, connectionLost: false } }
    return { id: normalId(fields.messageId ?? '') }
  }

  async function settled(withinMs: number): Promise<void> {
    if (underWay === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, withinMs)
    waiting.add(resolve)
    await promise
    waiting.delete(resolve)
    clearTimeout(timer)
  }

  return {
    submit,
    settled,
    stop(withinMs) {
      stopping.abort()
      queue.endPauses()
      return settled(withinMs)
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

function unsent({ kind, reason }: Exclude<PartOutcome, { kind: 'answered' | 'lost' }>): Refusal {
  if (kind === 'unfit') return refuse('elsewhere', `cannot be sent by SMPP: ${reason}`)
  const refusal = refuse('later', `not sent: ${reason}`)
  if (kind === 'unsent') return { ...refusal, carrierAtFault: true }
  return { ...refusal, unasked: true, ...(kind === 'paused' && { throttled: true }) }
}

function refuse(verdict: Refusal['verdict'], error: string): Refusal {
  return { accepted: false, verdict, error }
}
