// One line of JSON per event, on stderr. Nothing that goes in here may hold a
// whole phone number or a code: numbers come as masked text (phone.ts), texts
// and bodies never come at all. What scripts write is masked by `maskDigits`.

import { pino, type Logger } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & { flush(): void }

/** `destination` is a file descriptor or a path; lines are written behind the event loop's back and flushed at exit. */
export function createLog(level: LogLevel, destination: number | string = 2): Log {
  const stream = pino.destination({ dest: destination, sync: false, minLength: 0 })
  const logger = pino(
    {
      level,
      base: undefined,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    stream,
  )
  return Object.assign(logger, {
    flush() {
      try {
        stream.flushSync()
      } catch {
        // A stream that never opened, or whose reader is gone, has nothing to flush.
      }
    },
  })
}

/** Runs of four and more digits (of any script, with up to two spaces, dashes or brackets between them) as `*`: what a script writes may hold a code. */
export function maskDigits(text: string): string {
  return text.replaceAll(/\p{Nd}(?:[\s.\-()]{0,2}\p{Nd}){3,}/gu, run => '*'.repeat(run.length))
}
