// A provider that answers when the test says so. Waits for events only, so it
// works while the time stands still (stop-time.ts).

import { startProvider, type Provider } from './provider.ts'

export interface WaitingProvider {
  provider: Provider
  /** Ask before the request is made: resolves when it is here, with what answers it. */
  next(): Promise<() => void>
}

export async function startWaiting(): Promise<WaitingProvider> {
  const expected: Array<(answer: () => void) => void> = []
  const provider = await startProvider((_, response) => {
    expected.shift()?.(() => void response.end('{"id":"x1"}'))
    return undefined
  })
  return { provider, next: () => new Promise(resolve => void expected.push(resolve)) }
}
