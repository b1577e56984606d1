// Every hostile script of the corpus against a real engine, with a well-behaved
// script at work beside it all the time: each fails alone, with the code that
// its header says, and nobody else ever notices.

import { readdirSync, readFileSync } from 'node:fs'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'
import { harmDone, startLoad, type Load } from './hostile/beside.ts'
import { configOf, filesOf } from './hostile/good.ts'
import { readCorpus, unexpected, type HostileCase } from './hostile/corpus.ts'
import { outcomeOf } from './outcome.ts'

const corpus = readCorpus()
const loadable = corpus.filter(({ expected }) => expected !== undefined)
const unloadable = corpus.filter(({ expected }) => expected === undefined)
// Each ends within 5 s; on a machine that has other things to do as well it may take longer.
const caseMs = 20_000

test('the corpus has at least four cases of each family', () => {
  const families = Map.groupBy(corpus, ({ family }) => family)
  expect(families.size).toBe(21)
  for (const [family, cases] of families) expect(cases.length, family).toBeGreaterThanOrEqual(4)
  expect(corpus.length).toBeGreaterThanOrEqual(110)
})

const groups = Map.groupBy(loadable, ({ engine }) => JSON.stringify(engine))
for (const [needs, cases] of groups) {
  describe(needs === '{}' ? 'hostile scripts' : `hostile scripts, with ${needs}`, () => {
    const { engine, load } = serve(cases)

    for (const hostile of cases) {
      // Those that do nothing but wait do it together.
      const concurrent = 'wallMs' in hostile.engine
      test(hostile.name, { timeout: caseMs, concurrent }, async () => {
        if (hostile.prepares) expect((await engine().post(`/${hostile.name}/prepare`, {})).status).toBe(200)

        const answer = await engine().post(`/${hostile.name}`, load().victim)

        expect(unexpected(hostile, answer)).toBeUndefined()
        // Whatever it was, its trace can be read.
        if (answer.status === 404) return
        const outcome = await outcomeOf(engine(), answer)
        if (hostile.says !== undefined) expect(outcome.detail).toContain(hostile.says)
      })
    }

    expectNoHarm(engine, load)
  })
}

describe('hostile scripts that must not load', () => {
  const { engine, load } = serve([])
  // Together: every look at the folder reads all that is in it.
  beforeAll(async () => {
    for (const { name, source } of unloadable) await engine().writeScript(`${name}.ts`, source)
    const { library } = engine().engine.sandbox
    const known = ({ name }: HostileCase): boolean =>
      library.get(name) !== undefined || library.problems(name).length > 0
    await until(() => unloadable.every(known) || undefined)
  })

  for (const hostile of unloadable) {
    test(hostile.name, () => {
      const { library } = engine().engine.sandbox

      expect(library.get(hostile.name)).toBeUndefined()
      expect(library.problems(hostile.name)[0]).toMatchObject({
        file: expect.stringContaining(hostile.name) as string,
        message: expect.stringContaining(hostile.refusedWith) as string,
      })
    })
  }

  expectNoHarm(engine, load)
})

/** An engine with these cases and the good script at work, for the tests of a group. */
function serve(cases: HostileCase[]): { engine: () => TestEngine; load: () => Load } {
  const ends: Array<() => Promise<void>> = []
  let engine: TestEngine
  let load: Load
  beforeAll(async () => {
    engine = await createTestEngine({
      files: filesOf(cases),
      config: configOf(cases),
      // The harder way: among everybody from the first turn on.
      sandboxLimits: { newcomerTurns: 0 },
      log: 'warn',
      atEnd: end => ends.unshift(end),
    })
    load = await startLoad(engine)
  })
  afterAll(async () => {
    await load?.stop()
    for (const end of ends) await end()
  })
  return { engine: () => engine, load: () => load }
}

/** The last tests of a group: the good script was served as if nothing else had been there, and nothing is left. */
function expectNoHarm(engine: () => TestEngine, load: () => Load): void {
  test('have harmed nobody beside them', { timeout: 30_000 }, async () => {
    await load().stop()

    const { failed, numbers, answers, count, twice } = await harmDone(engine(), load())

    expect(failed).toEqual([])
    expect({ numbers, twice }).toEqual({ numbers: [], twice: 0 })
    expect(count).toBe(answers)
  })

  test('have left no process and no run behind', { timeout: 30_000 }, async () => {
    const { sandbox } = engine().engine
    await until(() => sandbox.history().every(run => run.outcome !== undefined) || undefined)
    await until(() => {
      const lanes = new Set(sandbox.stats().lanes.map(({ pid }) => pid))
      return childrenOf(process.pid).every(pid => lanes.has(pid)) || undefined
    })

    expect(sandbox.history().length).toBeLessThanOrEqual(1_000)
    for (const { memoryMb } of sandbox.stats().lanes) expect(memoryMb ?? 0).toBeLessThan(512)
  })
}

/** Processes that a process has started, where the system tells. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return state !== 'Z' && Number(ppid) === parent
      } catch {
        return false
      }
    })
}
