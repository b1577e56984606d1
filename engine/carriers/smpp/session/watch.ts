// Whether the peer of a session is still there: asks after a silence, and gives
// it up when no answer comes, or when a PDU that it began never ends.

export interface WatchSettings {
  enquireLinkMs: number
  enquireTimeoutMs: number
  partialPduMs: number
}

export interface Watch {
  /** Octets came. `partial`: they end within a PDU. */
  heard(partial: boolean): void
  /** A PDU ended with them. */
  whole(): void
  /** From here on a silence is asked about. */
  bound(): void
  stop(): void
}

export interface WatchHooks {
  /** Reads nothing at the moment, so that a silence says nothing about the peer. */
  paused(): boolean
  /** Sends an enquire_link. */
  ask(): void
  dead(reason: string): void
}

export function createWatch(settings: WatchSettings, { paused, ask, dead }: WatchHooks): Watch {
  let heardAt = performance.now()
  let partialSince: number | undefined
  let asked = false
  let stopped = false
  let silence: NodeJS.Timeout | undefined
  let rest: NodeJS.Timeout | undefined

  function listen() {
    const now = performance.now()
    if (paused()) heardAt = now
    const leftMs = heardAt + settings.enquireLinkMs - now
    if (leftMs > 0) {
      silence = setTimeout(listen, leftMs)
      return
    }
    ask()
    asked = true
    silence = setTimeout(judge, settings.enquireTimeoutMs)
  }

  function judge() {
    asked = false
    if (paused()) return listen()
    dead('no answer to enquire_link')
  }

  function waitForRest() {
    rest = undefined
    if (partialSince === undefined) return
    const now = performance.now()
    if (paused()) partialSince = now
    const leftMs = partialSince + settings.partialPduMs - now
    if (leftMs <= 0) return dead('a PDU that never ends')
    rest = setTimeout(waitForRest, leftMs)
  }

  return {
    heard(partial) {
      if (stopped) return
      heardAt = performance.now()
      // Any octet is a sign of life, also where the answer itself is still behind it.
      if (asked) {
        asked = false
        clearTimeout(silence)
        listen()
      }
      if (!partial) partialSince = undefined
      else partialSince ??= heardAt
      if (partial) rest ??= setTimeout(waitForRest, settings.partialPduMs)
    },
    whole() {
      partialSince = undefined
    },
    bound() {
      heardAt = performance.now()
      silence ??= setTimeout(listen, settings.enquireLinkMs)
    },
    stop() {
      stopped = true
      clearTimeout(silence)
      clearTimeout(rest)
    },
  }
}
