// Compares what was sent with what was expected, without telling by the time how much of it fits.

import { createHash, timingSafeEqual } from 'node:crypto'

export function equalSecrets(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
