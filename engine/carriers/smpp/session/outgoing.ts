// What one session writes: all PDUs of a tick in one write, and none while the
// socket's buffer is full. One write per PDU is what makes a client slow: a
// system call and a packet each.

import type { Socket } from 'node:net'

export interface Outgoing {
  put(frame: Buffer): void
  /** Hands over at once what waits, unless the socket is full. */
  flush(): void
  /** Forgets what waits. */
  clear(): void
  /** Forgets what waits, and tells nothing more. */
  end(): void
  /** The socket takes no more for now. */
  full(): boolean
  /** PDUs that wait. */
  waiting(): number
}

export interface OutgoingHooks {
  /** The waiting PDUs are about to be handed to the socket. */
  writing(): void
  /** A full socket has room again. */
  drained(): void
  /** The socket has been full for `stallMs`: the peer reads nothing. */
  stalled(): void
}

export function createOutgoing(socket: Socket, stallMs: number, hooks: OutgoingHooks): Outgoing {
  let frames: Buffer[] = []
  let scheduled = false
  let full = false
  let stall: NodeJS.Timeout | undefined

  function flushLater() {
    scheduled = false
    flush()
  }

  function flush() {
    if (full || frames.length === 0) return
    const batch = frames
    frames = []
    hooks.writing()
    full = !socket.write(batch.length === 1 ? batch[0]! : Buffer.concat(batch))
    if (full) stall = setTimeout(hooks.stalled, stallMs)
  }

  socket.on('drain', () => {
    clearTimeout(stall)
    full = false
    flush()
    if (!full) hooks.drained()
  })

  return {
    put(frame) {
      frames.push(frame)
      if (scheduled || full) return
      scheduled = true
      process.nextTick(flushLater)
    },
    flush,
    clear() {
      frames = []
    },
    end() {
      frames = []
      clearTimeout(stall)
    },
    full: () => full,
    waiting: () => frames.length,
  }
}
