// validity_period, 16 characters YYMMDDhhmmsstnnp (SMPP 3.4, section 7.1.1).

const secondsPerDay = 86_400
// Messages of one kind are valid equally long, and the text costs more than all else of a short submit.
let lastSeconds = 0
let lastRelative = ''

/** A relative one counts days up to here: how long its months are nobody says. */
const mostDays = 30

/**
 * When the network may forget a message. Rounded down, so that it never outlives
 * its end here; one second at least. Both times in ms since 1970.
 */
export function validityPeriod(form: 'relative' | 'absolute' | 'none', expiresAt: number, now: number): string {
  if (form === 'none') return ''
  const left = Math.max(1, Math.floor((expiresAt - now) / 1_000))
  const seconds = Math.min(left, mostDays * secondsPerDay)
  if (form === 'absolute') {
    const digits = new Date(now + seconds * 1_000).toISOString().replaceAll(/\D/g, '')
    return `${digits.slice(2, 14)}000+`
  }
  if (seconds !== lastSeconds) {
    lastSeconds = seconds
    lastRelative = relative(seconds)
  }
  return lastRelative
}

function relative(seconds: number): string {
  const days = Math.floor(seconds / secondsPerDay)
  const clock = [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  return `0000${two(days)}${clock.map(two).join('')}000R`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
