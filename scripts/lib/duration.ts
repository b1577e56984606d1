const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `'10m'` as milliseconds; a number is seconds. */
export function ms(duration: string | number): number {
  if (typeof duration === 'number') return duration * 1_000
  return Number.parseFloat(duration) * units[duration.at(-1) as keyof typeof units]
}

/** RFC 3339 in UTC. */
export function time(at: number): string {
  return new Date(at).toISOString()
}

/** Whole seconds from `now` until `at`, never less than 0. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1_000))
}
