// Where a part waits for a place in a window and a token of the rate. It is
// short: messages are taken only as there is room, so what waits are the
// further parts of those that have several.

import type { Submission } from '../carrier.ts'
import type { TokenBucket } from '../token-bucket.ts'
import type { Binds } from './binds.ts'
import type { Outcome } from './pending.ts'
import type { SubmitPart } from './submit-fields.ts'

/** `unfit`: a field that SMPP cannot carry. */
export type PartOutcome = Outcome | { kind: 'unfit'; reason: string }

export interface PartQueue {
  /** `wanted` is asked when its turn comes; false: it stays unsent. */
  send(part: SubmitPart, priority: Submission['priority'], wanted: () => boolean): Promise<PartOutcome>
  /** Parts that could be sent at once. When there is none, `room` is called as soon as there is. */
  room(): number
  /** A window has a place, or a bind came or went. */
  pump(): void
  /** Gives back all that waits, and sends nothing more. */
  stop(): void
}

interface Waiting {
  part: SubmitPart
  wanted: () => boolean
  settle: (outcome: PartOutcome) => void
}

export function createPartQueue(binds: Binds, bucket: TokenBucket, room: () => void): PartQueue {
  const lanes = { otp: [] as Waiting[], bulk: [] as Waiting[] }
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let pumping = false
  /** Somebody was told that there is no room. */
  let refused = false

  function waiting() {
    return lanes.otp.length + lanes.bulk.length
  }

  function places() {
    return stopped ? 0 : Math.min(binds.free(), bucket.available()) - waiting()
  }

  /** Undefined without a place. */
  function post({ fields, tlvs }: SubmitPart): Promise<PartOutcome> | undefined {
    try {
      const outcome = binds.submit(fields, tlvs)
      if (outcome !== undefined) bucket.take()
      return outcome
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return Promise.resolve({ kind: 'unfit', reason: error.message })
    }
  }

  function wakeForToken() {
    const waitMs = bucket.waitMs()
    if (waitMs === 0 || stopped) return
    timer ??= setTimeout(() => {
      timer = undefined
      pump()
    }, waitMs)
  }

  // After the answers of this turn have reached their messages: what one of them
  // refuses is not wanted any more, and the room is said once for all of them.
  function pump() {
    if (pumping || (waiting() === 0 && !refused)) return
    pumping = true
    setImmediate(() => {
      pumping = false
      drain()
      if (!refused || places() <= 0) return
      refused = false
      room()
    })
  }

  function drain() {
    const isReady = binds.ready()
    for (const lane of [lanes.otp, lanes.bulk]) {
      for (let next = lane[0]; next !== undefined; next = lane[0]) {
        if (!isReady) next.settle({ kind: 'unsent', reason: 'no bind is up' })
        else if (!next.wanted())
          next.settle({ kind: 'unsent', reason: 'its time was over, or another part was refused' })
        else {
          if (bucket.available() < 1) return wakeForToken()
          const sent = post(next.part)
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
        const sent = post(part)
        if (sent !== undefined) return sent
      }
      return new Promise(settle => {
        lanes[priority].push({ part, wanted, settle })
        // The rate may be all that it waits for, or a bind that is gone.
        pump()
      })
    },
    room() {
      const left = places()
      if (left > 0) return left
      refused = true
      wakeForToken()
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
