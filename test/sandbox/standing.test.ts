import { describe, expect, test } from 'vitest'

import { createFastTurn } from '../../engine/sandbox/fast-turn.ts'
import { createStandings, type Standing } from '../../engine/sandbox/standing.ts'

const version = { name: 'otp', hash: 'abcdefgh' }
const minuteMs = 60_000

function begin() {
  let now = 1_000_000
  const changes: Array<[Standing, Standing]> = []
  const standings = createStandings(
    () => now,
    (_version, from, to) => changes.push([from, to]),
  )
  return {
    standings,
    changes,
    pass: (ms: number) => void (now += ms),
    standing: () => standings.of(version.hash),
    stop: (times: number) => Array.from({ length: times }, () => standings.stopped(version)),
    kill: (times: number) => Array.from({ length: times }, () => standings.killed(version)),
  }
}

describe('a version of a script', () => {
  test('begins with the others, and stays there for two slow turns a minute', () => {
    const { standing, stop, pass, changes } = begin()

    for (let minute = 0; minute < 20; minute++) {
      stop(2)
      pass(minuteMs)
    }

    expect(standing()).toBe('fast')
    expect(changes).toEqual([])
  })

  test('is slow after three slow turns within a minute, until ten minutes after the last of them', () => {
    const { standing, stop, pass, changes } = begin()

    stop(2)
    pass(minuteMs - 1)
    stop(1)
    expect(standing()).toBe('slow')
    pass(10 * minuteMs - 1)
    expect(standing()).toBe('slow')
    pass(1)
    expect(standing()).toBe('fast')
    expect(changes).toEqual([
      ['fast', 'slow'],
      ['slow', 'fast'],
    ])
  })

  test('is slow after one kill, and another one keeps it there for longer', () => {
    const { standing, kill, pass } = begin()

    kill(1)
    pass(9 * minuteMs)
    kill(1)
    pass(9 * minuteMs)

    expect(standing()).toBe('slow')
    pass(minuteMs)
    expect(standing()).toBe('fast')
  })

  test('has its own process after three kills within a minute, and loses it by good conduct alone', () => {
    const { standing, kill, pass } = begin()

    kill(2)
    pass(minuteMs)
    kill(1)
    expect(standing()).toBe('slow')
    kill(2)
    expect(standing()).toBe('own')
    pass(5 * minuteMs)
    kill(1)
    expect(standing()).toBe('own')
    pass(10 * minuteMs)
    expect(standing()).toBe('fast')
  })

  test('is suspended after ten kills within ten minutes, and no time mends that', () => {
    const { standing, kill, pass, changes } = begin()

    for (let one = 0; one < 9; one++) {
      kill(1)
      pass(minuteMs)
    }
    expect(standing()).toBe('slow')
    kill(1)
    expect(standing()).toBe('suspended')
    pass(1_000 * minuteMs)

    expect(standing()).toBe('suspended')
    expect(changes).toEqual([
      ['fast', 'slow'],
      ['slow', 'suspended'],
    ])
  })

  test('begins anew when it is released', () => {
    const { standings, standing, kill, changes } = begin()

    kill(10)
    standings.release(version)
    expect(standing()).toBe('fast')
    kill(1)

    expect(standing()).toBe('slow')
    expect(changes).toEqual([
      ['fast', 'slow'],
      ['slow', 'own'],
      ['own', 'suspended'],
      ['suspended', 'fast'],
      ['fast', 'slow'],
    ])
  })

  test('does not answer for another one', () => {
    const { standings, kill } = begin()

    kill(10)

    expect(standings.of('another')).toBe('fast')
    expect(standings.kills('another')).toBe(0)
    expect(standings.kills(version.hash)).toBe(10)
  })
})

describe('the time of a turn among others', () => {
  const begun = (mostMs = 250) => {
    let now = 0
    const turn = createFastTurn(30, mostMs, () => now)
    return { turn, pass: (ms: number) => void (now += ms) }
  }

  test('is raised for a minute by turns that hardly got the processor, up to the full time', () => {
    const { turn, pass } = begun()

    expect(turn.limitMs()).toBe(30)
    // Stopped together: they tell of one and the same crowd.
    expect([turn.stopped(30, 2_000), turn.stopped(30, 100)]).toEqual(['busy', 'busy'])
    expect(turn.limitMs()).toBe(60)
    turn.stopped(60, 0)
    turn.stopped(120, 0)
    turn.stopped(240, 0)
    expect(turn.limitMs()).toBe(250)
    pass(minuteMs)
    expect(turn.limitMs()).toBe(30)
  })

  test('is not raised by turns that worked', () => {
    const { turn } = begun()

    expect(turn.stopped(30, 29_000)).toBe('slow')
    expect(turn.limitMs()).toBe(30)
  })

  test('is never more than the full time, and where that is used up, patience is for the slow lane', () => {
    const { turn } = begun(10)

    expect(turn.limitMs()).toBe(10)
    expect(turn.stopped(10, 0)).toBe('slow')
    expect(turn.limitMs()).toBe(10)
  })
})
