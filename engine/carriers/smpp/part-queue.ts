// Where a part waits for a place in a window, a token of the rate, and the end
// of a pause. It is short: messages are taken only as there is room, so what
// waits are the further parts of those that have several, and codes, which go
// before them.
//
// While the carrier pauses nothing is sent. A message that has begun waits here,
// since a whole new attempt would send its parts twice; one that has not is given
// back: in the outbox it keeps its place, and may go to another carrier.

import type { Submission } from '../carrier.ts'
import type { TokenBucket } from '../token-bucket.ts'
import type { Binds } from './binds.ts'
import type { Outcome } from './session/pending.ts'
import type { SubmitPart } from './submit-fields.ts'

/**
 * `unfit`: a field that SMPP cannot carry. `unwanted`: not sent, for a reason of
 * its own and not of the carrier's. `paused`: not sent, since nothing is.
 */
export type PartOutcome = Outcome | { kind: 'unfit' | 'unwanted' | 'paused'; reason: string }

/** `wanted` is asked when the part's turn comes, and in pauses; false: it comes back as `unwanted`. */
export type SendPart = (part: SubmitPart, wanted: () => boolean) => Promise<PartOutcome>

export interface PartQueue {
  /** For the parts of one message: those that are sent later, as after a pause, go before the parts of messages that were opened later. */
  open(priority: Submission['priority']): SendPart
  /**
   * Parts that could be sent at once; with `otp`, parts of codes that may wait
   * for what is next free, whatever else waits. When there is none, `room` is
   * called as soon as there is.
   */
  room(only?: 'otp'): number
  /** A window has a place, or a bind came or went. */
  pump(): void
  /** True: there is no room for more messages; the parts of those that are here go on. */
  shut(isShut: boolean): void
  /** Before a stop: nothing waits for the end of a pause any more. */
  endPauses(): void
  /** Gives back all that waits, and sends nothing more. */
  stop(): void
}

interface Opened {
  priority: Submission['priority']
  turn: number
  /** A part of it has gone out. */
  begun: boolean
}

interface Waiting {
  part: SubmitPart
  message: Opened
  wanted: () => boolean
  settle: (outcome: PartOutcome) => void
}

/** No fault of the carrier: the message goes back to the line that the engine which has the sessions takes from. */
const elsewhere: PartOutcome = { kind: 'unwanted', reason: 'another engine has the sessions' }
const unwanted: PartOutcome = {
  kind: 'unwanted',
  reason: 'its time was over, or another part was refused, or the engine was held up',
}
/** Node makes a longer one 1 ms. */
const longestTimerMs = 2 ** 31 - 1
/** In a pause, look at what waits after this: its time may be over. */
const lookMs = 250

export function createPartQueue(
  binds: Pick<Binds, 'ready' | 'free' | 'inFlight' | 'submit' | 'isElsewhere'>,
  bucket: TokenBucket,
  room: () => void,
  /** How long nothing is to be sent, ms. */
  pauseMs: () => number,
): PartQueue {
  const lanes = { otp: [] as Waiting[], bulk: [] as Waiting[] }
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let isShut = false
  let isPatient = true
  let turns = 0
  let pumping = false
  let otpInFlight = 0
  /** Who was told that there is no room. */
  const refused = { any: false, otp: false }

  function waiting() {
    return lanes.otp.length + lanes.bulk.length
  }

  function places() {
    if (stopped || isShut) return 0
    const tokens = bucket.available()
    // What waits has its own alarm, and goes first.
    if (tokens < 1 && waiting() === 0) wakeForToken()
    return Math.min(binds.free(), tokens) - waiting()
  }

  /** A place that a bulk part has is free again after one round trip at most, and the next token is theirs. */
  function otpPlaces() {
    if (stopped || isShut || !binds.ready()) return 0
    const places = binds.free() + binds.inFlight() - otpInFlight
    return Math.min(places, Math.max(1, bucket.available())) - lanes.otp.length
  }

  /** Undefined without a place. */
  function post({ part, message }: Pick<Waiting, 'part' | 'message'>): Promise<PartOutcome> | undefined {
    try {
      const outcome = binds.submit(part.fields(), part.tlvs)
      if (outcome === undefined) return undefined
      message.begun = true
      bucket.take()
      if (message.priority === 'otp') {
        otpInFlight++
        void outcome.then(() => otpInFlight--)
      }
      return outcome
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return Promise.resolve({ kind: 'unfit', reason: error.message })
    }
  }

  // Also when the token has come since it was missed: nobody else would call.
  function wakeForToken() {
    wakeAfter(bucket.waitMs())
  }

  function wakeAfter(ms: number) {
    if (stopped) return
    timer ??= setTimeout(
      () => {
        timer = undefined
        pump()
      },
      Math.min(Math.max(ms, 1), longestTimerMs),
    )
  }

  // After the answers of this turn have reached their messages: what one of them
  // refuses is not wanted any more, and the room is said once for all of them.
  function pump() {
    if (pumping || (waiting() === 0 && !refused.any && !refused.otp)) return
    pumping = true
    setImmediate(() => {
      pumping = false
      drain()
      const isAny = refused.any && places() > 0
      const isOtp = refused.otp && otpPlaces() > 0
      if (isAny) refused.any = false
      if (isOtp) refused.otp = false
      if (isAny || isOtp) room()
    })
  }

  function drain() {
    const isReady = binds.ready()
    const stillMs = isReady ? pauseMs() : 0
    if (stillMs > 0) return rest(stillMs)
    for (const lane of [lanes.otp, lanes.bulk]) {
      for (let next = lane[0]; next !== undefined; next = lane[0]) {
        if (!isReady) next.settle(binds.isElsewhere() ? elsewhere : { kind: 'unsent', reason: 'no bind is up' })
        else if (!next.wanted()) next.settle(unwanted)
        else {
          if (bucket.available() < 1) return wakeForToken()
          const sent = post(next)
          if (sent === undefined) return
          void sent.then(next.settle)
        }
        lane.shift()
      }
    }
  }

  /** Keeps what has to wait for the end of the pause, and no more. */
  function rest(stillMs: number) {
    for (const lane of [lanes.otp, lanes.bulk]) {
      for (const one of lane.splice(0)) {
        if (!one.wanted()) one.settle(unwanted)
        else if (isPatient && one.message.begun) lane.push(one)
        else one.settle({ kind: 'paused', reason: 'the network throttles' })
      }
    }
    if (waiting() > 0) wakeAfter(Math.min(stillMs, lookMs))
  }

  function send(part: SubmitPart, message: Opened, wanted: () => boolean): Promise<PartOutcome> {
    if (waiting() === 0 && bucket.available() >= 1 && pauseMs() <= 0) {
      const sent = post({ part, message })
      if (sent !== undefined) return sent
    }
    return new Promise(settle => {
      const lane = lanes[message.priority]
      const before = lane.findLastIndex(other => other.message.turn <= message.turn)
      lane.splice(before + 1, 0, { part, message, wanted, settle })
      // The rate may be all that it waits for, or a bind that is gone.
      pump()
    })
  }

  return {
    open(priority) {
      const message = { priority, turn: turns++, begun: false }
      return (part, wanted) => send(part, message, wanted)
    },
    room(only) {
      const left = only === 'otp' ? otpPlaces() : places()
      if (left > 0) return left
      refused[only ?? 'any'] = true
      return 0
    },
    pump,
    shut(is) {
      isShut = is
      pump()
    },
    endPauses() {
      isPatient = false
      pump()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const { settle } of [...lanes.otp.splice(0), ...lanes.bulk.splice(0)]) {
        settle({ kind: 'unsent', reason: 'stopped' })
      }
    },
  }
}
