// Where a part waits for a place in a window and a token of the rate. It is
// short: messages are taken only as there is room, so what waits are the
// further parts of those that have several, and codes, which go before them.

import type { Submission } from '../carrier.ts'
import type { TokenBucket } from '../token-bucket.ts'
import type { Binds } from './binds.ts'
import type { Outcome } from './session/pending.ts'
import type { SubmitPart } from './submit-fields.ts'

/** `unfit`: a field that SMPP cannot carry. `unwanted`: not sent, for a reason of its own and not of the carrier's. */
export type PartOutcome = Outcome | { kind: 'unfit'; reason: string } | { kind: 'unwanted'; reason: string }

export interface PartQueue {
  /** `wanted` is asked when its turn comes; false: it comes back as `unwanted`. */
  send(part: SubmitPart, priority: Submission['priority'], wanted: () => boolean): Promise<PartOutcome>
  /**
   * Parts that could be sent at once; with `otp`, parts of codes that may wait
   * for what is next free, whatever else waits. When there is none, `room` is
   * called as soon as there is.
   */
  room(only?: 'otp'): number
  /** A window has a place, or a bind came or went. */
  pump(): void
  /** Gives back all that waits, and sends nothing more. */
  stop(): void
}

interface Waiting {
  part: SubmitPart
  priority: Submission['priority']
  wanted: () => boolean
  settle: (outcome: PartOutcome) => void
}

/** Node makes a longer one 1 ms. */
const longestTimerMs = 2 ** 31 - 1

export function createPartQueue(
  binds: Pick<Binds, 'ready' | 'free' | 'inFlight' | 'submit'>,
  bucket: TokenBucket,
  room: () => void,
): PartQueue {
  const lanes = { otp: [] as Waiting[], bulk: [] as Waiting[] }
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let pumping = false
  let otpInFlight = 0
  /** Who was told that there is no room. */
  const refused = { any: false, otp: false }

  function waiting() {
    return lanes.otp.length + lanes.bulk.length
  }

  function places() {
    if (stopped) return 0
    const tokens = bucket.available()
    // What waits has its own alarm, and goes first.
    if (tokens < 1 && waiting() === 0) wakeForToken()
    return Math.min(binds.free(), tokens) - waiting()
  }

  /** A place that a bulk part has is free again after one round trip at most, and the next token is theirs. */
  function otpPlaces() {
    if (stopped || !binds.ready()) return 0
    const places = binds.free() + binds.inFlight() - otpInFlight
    return Math.min(places, Math.max(1, bucket.available())) - lanes.otp.length
  }

  /** Undefined without a place. */
  function post({ part, priority }: Pick<Waiting, 'part' | 'priority'>): Promise<PartOutcome> | undefined {
    try {
      const outcome = binds.submit(part.fields(), part.tlvs)
      if (outcome === undefined) return undefined
      bucket.take()
      if (priority === 'otp') {
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
    if (stopped) return
    timer ??= setTimeout(
      () => {
        timer = undefined
        pump()
      },
      Math.min(Math.max(bucket.waitMs(), 1), longestTimerMs),
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
    for (const lane of [lanes.otp, lanes.bulk]) {
      for (let next = lane[0]; next !== undefined; next = lane[0]) {
        if (!isReady) next.settle({ kind: 'unsent', reason: 'no bind is up' })
        else if (!next.wanted())
          next.settle({ kind: 'unwanted', reason: 'its time was over, or another part was refused' })
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

  return {
    send(part, priority, wanted) {
      if (waiting() === 0 && bucket.available() >= 1) {
        const sent = post({ part, priority })
        if (sent !== undefined) return sent
      }
      return new Promise(settle => {
        lanes[priority].push({ part, priority, wanted, settle })
        // The rate may be all that it waits for, or a bind that is gone.
        pump()
      })
    },
    room(only) {
      const left = only === 'otp' ? otpPlaces() : places()
      if (left > 0) return left
      refused[only ?? 'any'] = true
      return 0
    },
    pump,
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const { settle } of [...lanes.otp.splice(0), ...lanes.bulk.splice(0)]) {
        settle({ kind: 'unsent', reason: 'stopped' })
      }
    },
  }
}
