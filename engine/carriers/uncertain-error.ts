// What a submit rejects with when nobody knows whether the network got the message.

import type { Refusal } from './carrier.ts'

export class UncertainError extends Error {
  override readonly name = 'UncertainError'
  /** The connection broke, which hits all that was under way at once; false: this one alone got no good answer. */
  readonly connectionLost: boolean
  /**
   * What the network said to a message of which it had taken some parts: nobody
   * knows what the phone shows, but the carrier has answered, and is as it says.
   */
  readonly refusal: Refusal | undefined

  constructor(message: string, { connectionLost = false, refusal }: { connectionLost?: boolean; refusal?: Refusal }) {
    super(message)
    this.connectionLost = connectionLost
    this.refusal = refusal
  }
}
