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
  /** The socket takes no more for now. */
  full(): boolean
  /** PDUs that wait. */
  waiting(): number
}

/** `writing` is told before the waiting PDUs are handed to the socket, `drained` when a full one has room again. */
export function createOutgoing(socket: Socket, hooks: { writing(): void; drained(): void }): Outgoing {
  let frames: Buffer[] = []
  let scheduled = false
  let full = false

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
  }

  socket.on('drain', () => {
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
    full: () => full,
    waiting: () => frames.length,
  }
}
