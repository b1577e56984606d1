import { onTestFinished, vi } from 'vitest'

/** From now on timeouts come only by the function that this returns. */
export function stopTime(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  return ms => vi.advanceTimersByTime(ms)
}
