// The promise: a message that was accepted is stored, in the lane of the carrier
// that is to have it, or as delivered already when its number is one for tests.
// What becomes of it is the senders' affair.

import { EngineError } from '../errors.ts'
import type { Storage, StorageAhead } from '../storage/storage.ts'
import { messageQueue, newBody, readBody, reportLane, toPublic, toWork } from './message.ts'
import type { Message, NewMessage } from './message.ts'
import type { Health, Router } from './route.ts'
import { countSegments, type Encoding } from './segments.ts'
import type { Reservation } from './sender.ts'

export interface Accepted {
  id: string
  segments: number
  encoding: Encoding
}

export interface AcceptParts {
  storage: Pick<Storage, 'ahead' | 'work'>
  clock: () => number
  keepMs: number
  /** Whether the script that sends a message wants to hear of its end. */
  hearsReports: (script: string) => boolean
  router: Router
  health: () => Health
  /** To be told of the carrier that the message goes to. */
  choose: (lane: string) => void
  /** Numbers that never reach a carrier. */
  testNumbers: ReadonlySet<string>
  /** Called once for each message, however often it is accepted; `isAhead`: of the disk. */
  onAccepted: (isAhead: boolean) => void
  /** Something is due in a lane. */
  wake: (lane: string, priority: 'otp' | 'bulk') => void
  /** A place at the carrier of the lane, where nobody waits for it. */
  reserve: (lane: string, priority: 'otp' | 'bulk') => Reservation | undefined
  /** The name under which this engine claims. */
  engine: string
  /** Called with a message that is final at once, when that is durable. */
  tell: (message: Message) => void
}

/**
 * Resolves when `work` has the message, which may be ahead of the disk. The same
 * id again is the same answer. Throws `unsupported_number` when no carrier
 * serves the number.
 */
export type Accept = (message: NewMessage, work: StorageAhead['work']) => Promise<Accepted>

export function createAccept(parts: AcceptParts): Accept {
  const { storage, clock, keepMs, router, health, testNumbers } = parts

  return async (message, work) => {
    const counted = countSegments(message.text)
    const answer = { id: message.id, segments: counted.segments, encoding: counted.encoding }
    const now = clock()
    const body = newBody(message, counted, now)
    const isAhead = work !== storage.work

    if (testNumbers.has(message.to)) {
      body.text = null
      body.carrier = 'test'
      body.timeline = [{ at: now, state: 'delivered', carrier: 'test', detail: 'test number' }]
      const [lane, dueAt] = parts.hearsReports(message.script) ? [reportLane, now] : ['test', null]
      const place = { lane, state: 'delivered', dueAt, expiresAt: now + keepMs } as const
      if (!(await work.schedule(toWork(message.id, body, place)))) return acceptedBefore(answer, work)
      await storage.ahead.kept()
      parts.onAccepted(false)
      const item = await work.get(messageQueue, message.id)
      if (item !== undefined) parts.tell(toPublic(item, now))
      return answer
    }

    body.from ??= router.sender(message) ?? null
    const lane = router.route(message, health())[0]
    if (lane === undefined) {
      // Accepted once is accepted, whatever the routes say by now.
      if ((await work.get(messageQueue, message.id)) !== undefined) return acceptedBefore(answer, work)
      throw new EngineError('unsupported_number')
    }
    parts.choose(lane)
    body.timeline = [{ at: now, state: 'queued', carrier: lane, detail: null }]
    const place = { lane, state: 'queued', dueAt: now, expiresAt: null } as const
    const reserved = parts.reserve(lane, body.priority)
    if (reserved !== undefined) {
      const item = await work.scheduleClaimed(toWork(message.id, body, place), parts.engine).catch((error: unknown) => {
        reserved.release()
        throw error
      })
      if (item === undefined) {
        reserved.release()
        return acceptedBefore(answer, work)
      }
      parts.onAccepted(isAhead)
      reserved.deliver(item, body, storage.ahead.kept())
      return answer
    }
    if (!(await work.schedule(toWork(message.id, body, place)))) return acceptedBefore(answer, work)
    parts.onAccepted(isAhead)
    parts.wake(lane, body.priority)
    return answer
  }
}

async function acceptedBefore(answer: Accepted, work: StorageAhead['work']): Promise<Accepted> {
  const item = await work.get(messageQueue, answer.id)
  if (item === undefined) return answer
  const { segments, encoding } = readBody(item)
  return { id: answer.id, segments, encoding }
}
