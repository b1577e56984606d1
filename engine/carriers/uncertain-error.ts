// What a submit rejects with when nobody knows whether the network got the message.

export class UncertainError extends Error {
  override readonly name = 'UncertainError'
  /** The connection broke, which hits all that was under way at once; false: this one alone got no good answer. */
  readonly connectionLost: boolean

  constructor(message: string, { connectionLost }: { connectionLost: boolean }) {
    super(message)
    this.connectionLost = connectionLost
  }
}
