// One line of JSON per event, on stderr. Nothing that goes in here may hold a
// whole phone number or a code: numbers come as masked text (phone.ts), texts
// and bodies never come at all. What scripts write is masked by `maskDigits`.

import { pino, type Logger } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & { flush(): void }

/** How long a line may wait for others: lost with a process that is killed meanwhile. */
const gatherMs = 10

/** `destination` is a file descriptor or a path; lines are written behind the event loop's back and flushed at exit. */
export function createLog(level: LogLevel, destination: number | string = 2): Log {
  const stream = pino.destination({ dest: destination, sync: false, minLength: 0 })
  // Each write costs 25 µs, of one line or of a hundred.
  let waiting = ''
  const write = (): void => {
    const lines = waiting
    waiting = ''
    if (lines !== '') stream.write(lines)
  }
  const logger = pino(
    {
      level,
      base: undefined,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    {
      write(line: string) {
        if (waiting === '') setTimeout(write, gatherMs)
        waiting += line
      },
    },
  )
  return Object.assign(logger, {
    flush() {
      try {
        write()
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
