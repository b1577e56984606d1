// Innocents never notice: a well-behaved script is asked 200 times a second
// while the hostile corpus of the tests is played against the same engine. What
// does it notice while each offender is new, and what once it is known?

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readCorpus, type HostileCase } from '../test/sandbox/hostile/corpus.ts'
import { configOf, filesOf } from '../test/sandbox/hostile/good.ts'
import type { Costs } from './costs.ts'
import { createClient, createInnocent } from './innocent.ts'
import { startServer } from './processes.ts'
import { askAtRate, type Latencies } from './rate.ts'
import { median } from './tables.ts'

const perSecond = 200
/** Unmeasured before the others: the engine's code has been compiled by then. */
const warmUpSeconds = 2
/** Of a case that a limit ended, between its first offence and the measurement of what comes after: a third kill gives it a place of its own. */
const moreOffences = 2
/** One case of so many of each family is played, the first one always. */
const share = 8

const phases = ['quiet', 'first', 'after'] as const

export interface Innocents {
  costs: Costs
  /** What was done to the good script, by how often; empty when nothing was. */
  harm: Map<string, number>
}

interface Round extends Record<(typeof phases)[number], Latencies> {
  asked: number
  /** First offences that a limit ended. */
  stopped: number
  harm: string[]
}

export interface InnocentsOrder {
  rounds: number
  /** Of the quiet phase, and of the one after. */
  seconds: number
  /** One case of each family. */
  isShort: boolean
  /** Where the databases lie. */
  place: string
}

export async function measureInnocents({ rounds, seconds, isShort, place }: InnocentsOrder): Promise<Innocents> {
  const cases = sampleOf(readCorpus(), isShort)
  const played: Round[] = []
  for (let round = 0; round < rounds; round++) played.push(await playRound(cases, seconds, place))
  const of = (phase: (typeof phases)[number], key: keyof Latencies): number =>
    median(played.map(round => round[phase][key]))
  const target = (ms: number): string => `target ${ms.toFixed(1)} ms`
  const [quietMs, families] = [of('quiet', 'p99Ms'), new Set(cases.map(({ family }) => family)).size]
  const stopped = median(played.map(round => round.stopped))
  const asked = played.reduce((sum, round) => sum + round.asked, 0)
  return {
    costs: [
      { what: 'quiet, p50', ms: of('quiet', 'p50Ms'), note: `${perSecond} requests/s, medians of ${rounds} rounds` },
      { what: 'quiet, p99', ms: quietMs, note: `${asked} requests in all` },
      {
        what: 'first offences, p50',
        ms: of('first', 'p50Ms'),
        note: `${cases.length} hostile scripts of ${families} families, one after another; a limit ended ${stopped}`,
      },
      { what: 'first offences, p99', ms: of('first', 'p99Ms'), note: `${target(quietMs + 100)}: quiet and 100 ms` },
      {
        what: 'afterwards, p50',
        ms: of('after', 'p50Ms'),
        note: 'the same again and again, in the places they have now',
      },
      { what: 'afterwards, p99', ms: of('after', 'p99Ms'), note: `${target(quietMs * 2)}: 2 times quiet` },
    ],
    harm: counted(played.flatMap(({ harm }) => harm)),
  }
}

function counted(words: string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

function sampleOf(corpus: HostileCase[], isShort: boolean): HostileCase[] {
  const alike = Map.groupBy(corpus, ({ family, expected }) => `${family} ${expected === undefined}`)
  return [...alike.values()].flatMap(cases =>
    cases.filter((_, index) => index % (isShort ? cases.length : share) === 0),
  )
}

async function playRound(cases: HostileCase[], seconds: number, place: string): Promise<Round> {
  const { loadable = [], unloadable = [] } = Object.groupBy(cases, ({ expected }) =>
    expected === undefined ? 'unloadable' : 'loadable',
  )
  // The limits are those that are shipped.
  const { scripts } = configOf(loadable)
  const server = await startServer('with-sandbox', place, {
    files: filesOf(loadable),
    config: { scripts },
    keepsPrinted: true,
  })
  const client = createClient(server)
  try {
    const innocent = createInnocent(client)
    const during = (forSeconds: number): Promise<Latencies> =>
      askAtRate(perSecond, n => n < forSeconds * perSecond, innocent.ask)
    await during(warmUpSeconds)
    const victim = await innocent.victim()
    const offend = async ({ name, prepares }: HostileCase): Promise<boolean> => {
      if (prepares) await client.post(`/${name}/prepare`, {})
      const { body } = await client.post(`/${name}`, victim)
      return /^script_(timeout|out_of_memory|crashed|limit)$/.test((body as { code?: string } | null)?.code ?? '')
    }
    const beside = async (offences: () => Promise<void>): Promise<Latencies> => {
      const work = { over: false }
      const over = offences().finally(() => (work.over = true))
      const [latencies] = await Promise.all([askAtRate(perSecond, () => !work.over, innocent.ask), over])
      return latencies
    }

    const quiet = await during(seconds)
    for (const { name, source } of unloadable) await writeFile(join(server.folder, 'scripts', `${name}.ts`), source)
    // Those that do nothing but wait do it beside the others.
    const [waiting, working] = [true, false].map(waits => loadable.filter(one => 'wallMs' in one.engine === waits))
    const stopped: HostileCase[] = []
    const first = await beside(async () => {
      const waited = Promise.all(waiting!.map(offend))
      for (const one of working!) if (await offend(one)) stopped.push(one)
      await waited
    })
    await beside(async () => {
      for (let time = 0; time < moreOffences; time++) for (const one of stopped) await offend(one)
    })
    const measuring = { goesOn: true }
    const offending = (async () => {
      for (let n = 0; measuring.goesOn; n++) await offend(working![n % working!.length]!)
    })()
    const after = await during(seconds)
    measuring.goesOn = false
    await offending
    await server.ask('drain')
    const harm = innocent.harm((await readFile(join(server.folder, 'printed'), 'utf8')).split('\n').slice(0, -1))
    return { quiet, first, after, asked: innocent.asked(), stopped: stopped.length, harm }
  } finally {
    client.close()
    await server.stop()
  }
}
