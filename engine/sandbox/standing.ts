// What a version of a script has done to its sandbox, and where its runs live
// for it.
//
//   fast       with everybody's
//   slow       in the process for those that take longer
//   own        in a process of its own
//   suspended  nowhere: it takes no new run until it is changed or released
//
// A version comes back to the others when it has harmed nobody for a while;
// only a suspension waits for somebody.

export type Standing = 'fast' | 'slow' | 'own' | 'suspended'

export interface Standings {
  of(hash: string): Standing
  /** A turn was stopped at the limit of the fast lane. */
  stopped(version: Offender): void
  /** An isolate or a process was lost, and the verdict names a run of this version. */
  killed(version: Offender): void
  /** Kills that count, for who is more likely to have done it again. */
  kills(hash: string): number
  /** It begins anew, with everybody. */
  release(version: Offender): void
}

export interface Offender {
  name: string
  hash: string
}

export type StandingChanged = (version: Offender, from: Standing, to: Standing) => void

interface Record {
  readonly version: Offender
  standing: Standing
  /** When it happened, ms; those that count. */
  stops: number[]
  kills: number[]
  lastAt: number
}

const minuteMs = 60_000
const forgottenAfterMs = 10 * minuteMs
const stopsForSlow = 3
const killsForOwn = 3
const killsForSuspended = 10

const severity: readonly Standing[] = ['fast', 'slow', 'own', 'suspended']

/** `clock` in ms. */
export function createStandings(clock: () => number, changed: StandingChanged = () => {}): Standings {
  // Offenders only: most versions are never in it.
  const records = new Map<string, Record>()

  function recordOf(version: Offender): Record {
    const known = recall(version.hash)
    if (known !== undefined) return known
    const record: Record = { version, standing: 'fast', stops: [], kills: [], lastAt: clock() }
    records.set(version.hash, record)
    return record
  }

  function recall(hash: string): Record | undefined {
    const record = records.get(hash)
    if (record === undefined || record.standing === 'suspended' || clock() - record.lastAt < forgottenAfterMs)
      return record
    forget(record)
    return undefined
  }

  function forget(record: Record): void {
    records.delete(record.version.hash)
    if (record.standing !== 'fast') changed(record.version, record.standing, 'fast')
  }

  function judge(record: Record, now: number): void {
    record.lastAt = now
    record.stops = since(record.stops, now - minuteMs)
    record.kills = since(record.kills, now - forgottenAfterMs)
    const deserved =
      record.kills.length >= killsForSuspended
        ? 'suspended'
        : since(record.kills, now - minuteMs).length >= killsForOwn
          ? 'own'
          : record.kills.length > 0 || record.stops.length >= stopsForSlow
            ? 'slow'
            : 'fast'
    const { standing, version } = record
    if (severity.indexOf(deserved) <= severity.indexOf(standing)) return
    record.standing = deserved
    changed(version, standing, deserved)
  }

  return {
    of: hash => (records.size === 0 ? 'fast' : (recall(hash)?.standing ?? 'fast')),
    stopped(version) {
      const record = recordOf(version)
      const now = clock()
      record.stops.push(now)
      judge(record, now)
    },
    killed(version) {
      const record = recordOf(version)
      const now = clock()
      record.kills.push(now)
      judge(record, now)
    },
    kills: hash => recall(hash)?.kills.length ?? 0,
    release({ hash }) {
      const record = recall(hash)
      if (record !== undefined) forget(record)
    },
  }
}

function since(times: number[], begin: number): number[] {
  return times.filter(time => time > begin)
}
