// Durations as scripts write them: seconds, or a number with its unit.

import { Type } from 'typebox'

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30`, `'30s'`, `'10m'`, `'24h'`, `'7d'`; more than zero, a year at most. */
export const Duration = Type.Union([
  Type.Number({ exclusiveMinimum: 0, maximum: 31_536_000 }),
  Type.String({ pattern: '^[0-9]{1,8}[smhd]$' }),
])

/** Milliseconds, at least 1. */
export function durationMs(duration: number | string): number {
  const ms =
    typeof duration === 'number'
      ? duration * 1_000
      : Number(duration.slice(0, -1)) * unitMs[duration.at(-1) as keyof typeof unitMs]
  return Math.min(Math.max(1, Math.round(ms)), 31_536_000_000)
}
