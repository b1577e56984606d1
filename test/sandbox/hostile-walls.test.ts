// What each wall is good for: with it a case of the corpus ends as its header
// says, without it the same case gets what it wants.

import { expect, test } from 'vitest'

import { createLog } from '../../engine/log.ts'
import { defaultRunLimits } from '../../engine/sandbox/limits.ts'
import { createSandbox, type Sandbox } from '../../engine/sandbox/sandbox.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { createTestEngine, type TestEngine } from '../helpers.ts'
import { good } from './hostile/good.ts'
import { startBareChild, type Breach, type Ending } from './hostile/bare-child.ts'
import { readCorpus, unexpected, type HostileCase } from './hostile/corpus.ts'

const corpus = new Map(readCorpus().map(hostile => [hostile.name, hostile]))
const caseOf = (name: string): HostileCase => corpus.get(name)!

/** How a case ends in a sandbox process as it is, and in one with a breach. */
async function bothWays(
  name: string,
  breach: Breach,
  { prepares = false, limitMs = 100 } = {},
): Promise<{ behind: Ending; without: Ending }> {
  const endings: Ending[] = []
  for (const taken of [{}, breach]) {
    const child = await startBareChild(taken)
    if (prepares) await child.run(caseOf(name), { action: 'prepare', limitMs })
    endings.push(await child.run(caseOf(name), { limitMs }))
  }
  return { behind: endings[0]!, without: endings[1]! }
}

const thawed: Breach = {
  guest: [
    ['hardenIntrinsics();', 'globalThis.harden = value => value;'],
    ['Object.freeze(world);', ''],
  ],
}

test('frozen intrinsics: without them a script replaces JSON for all runs', async () => {
  const { behind, without } = await bothWays('primordials-json', thawed)

  expect(behind).toMatchObject({ how: 'fail', value: { name: 'TypeError' } })
  expect(without.how).toBe('end')
})

test('frozen intrinsics: without them a run leaves marks for the next one', async () => {
  const { behind, without } = await bothWays('primordials-left-behind', thawed, { prepares: true })

  expect(behind).toMatchObject({ how: 'end', value: [] })
  // The next run does not even begin: it trips over the mark on every object.
  expect(without).toMatchObject({ how: 'fail', value: { message: expect.stringContaining('left') as string } })
})

test('a fresh instance of the module: without it the top level of one run is that of the next', async () => {
  const { behind, without } = await bothWays(
    'memory-kept-across-runs',
    {
      guest: [
        [
          'function instantiate() {',
          'let only; function instantiate() { return (only ??= instance()); } function instance() {',
        ],
      ],
    },
    { prepares: true },
  )

  expect(behind).toMatchObject({ how: 'end', value: 1 })
  expect(without).toMatchObject({ how: 'end', value: 2 })
})

test('the time limit of a turn: without it a loop never ends', async () => {
  const { behind, without } = await bothWays('cpu-loop', { child: [[/\{ timeout(: limitMs)? \}/g, '{}']] })

  expect(behind).toMatchObject({ how: 'lost', value: 'timeout' })
  expect(without.how).toBe('silent')
})

test('the memory limit of an isolate: without it a script keeps what it likes', async () => {
  const breach = { child: [['memoryLimit: memoryMb', 'memoryLimit: 1024']] } satisfies Breach
  const { behind, without } = await bothWays('memory-hundred', breach, { limitMs: 2_000 })

  expect(behind).toMatchObject({ how: 'lost', value: 'memory' })
  expect(without.how).toBe('end')
})

test('the budget of calls and that of words: without them a turn says what it likes', async () => {
  const calls = { limits: { hostCalls: 1e9 } }
  const words = { child: [['maxStatements = 1e3', 'maxStatements = 1e9']] } satisfies Breach

  const { behind, without } = await bothWays('host-calls-at-once', calls, { limitMs: 2_000 })
  const neither = await bothWays('host-calls-at-once', { ...calls, ...words }, { limitMs: 2_000 })

  expect(behind).toMatchObject({ how: 'limit', value: 'hostCalls' })
  expect(without).toMatchObject({ how: 'limit', value: 'output' })
  expect(neither.without).toMatchObject({ calls: 10_000 })
})

test('the budget of local questions: without it a script asks the sandbox process without end', async () => {
  const { behind, without } = await bothWays('host-calls-local', { guest: [['askCalls: 1e3', 'askCalls: 1e9']] })

  expect(behind).toMatchObject({ how: 'limit', value: 'localCalls' })
  expect(without.how).toBe('end')
})

test('the limit of a value: without it a megabyte crosses the border', async () => {
  const { behind, without } = await bothWays('huge-answer', { limits: { valueBytes: 1e9 } })

  expect(behind).toMatchObject({ how: 'limit', value: 'valueBytes' })
  expect(without.value).toHaveLength(1_000_000)
})

test('globals that are removed: without that a script compiles WebAssembly', async () => {
  const { behind, without } = await bothWays('shared-memory-webassembly', { guest: [['delete world[name]', 'void 0']] })

  expect(behind).toMatchObject({ how: 'fail', value: { name: 'ReferenceError' } })
  expect(without.how).toBe('end')
})

test('nothing but text leaves an isolate: without that a thrown Proxy holds the process for ever', async () => {
  const { behind, without } = await bothWays('throws-looping-proxy', {
    guest: [['last = failureStatement(thrown);', 'throw thrown;']],
  })

  expect(behind).toMatchObject({ how: 'lost', value: 'timeout' })
  expect(without.how).toBe('silent')
})

/** What a case answers on an engine of its own. */
async function answerOf(name: string, config: { engine?: object; script?: object }): Promise<string | undefined> {
  const engine: TestEngine = await createTestEngine({
    files: { [`${name}.ts`]: caseOf(name).source },
    config: { engine: config.engine ?? {}, scripts: { [name]: config.script ?? caseOf(name).script } },
  })
  return unexpected(caseOf(name), await engine.post(`/${name}`, {}))
}

test('the budget of messages: without it a script sends what it likes', async () => {
  expect(await answerOf('budget-messages', {})).toBeUndefined()
  expect(await answerOf('budget-messages', { engine: { scriptMessages: 10_000 } })).toBe('200 "sent"')
})

test('the engine’s count of calls: without it fifty refused messages cost nothing', async () => {
  expect(await answerOf('budget-refused-messages', {})).toBeUndefined()
  expect(await answerOf('budget-refused-messages', { engine: { scriptHostCalls: 10_000 } })).toBe('200 null')
})

test('the limit of a run’s time: without it a run that waits for nothing is there for ever', async () => {
  const engine = await createTestEngine({
    files: { 'waits.ts': caseOf('never-settling-promise').source, 'good.ts': good },
    config: { engine: { scriptWallMs: 600_000 } },
  })
  let answered = false
  const waiting = engine.post('/waits', {}).then(() => {
    answered = true
  })

  for (let n = 0; n < 20; n++) await engine.post('/good', { number: '+12125550000' })
  expect(answered).toBe(false)
  await engine.engine.sandbox.stop(0)
  await waiting
})

test('granted countries: without them a script sends anywhere', async () => {
  expect(await answerOf('countries-not-granted', {})).toBeUndefined()
  expect(await answerOf('countries-not-granted', { script: { countries: ['*'] } })).toMatch(/^200 /)
})

test('a name space of its own: without it a script reads what another has stored', async () => {
  const name = 'strangers-storage'
  const engine = await createTestEngine({ files: { 'good.ts': good, [`${name}.ts`]: caseOf(name).source } })
  await engine.post('/good', { number: '+12125550000' })
  const { storage, outbox } = engine.engine
  const sandbox = await createSandbox({
    folder: `${engine.folder}/scripts`,
    texts: { en: {} },
    testNumbers: {},
    settingsOf: () => ({ countries: ['*'], memoryMb: 32, isolation: 'shared' }),
    runLimits: defaultRunLimits,
    primitiveParts: { storage: oneSpace(storage), outbox, timers: { wake: () => {} }, clock: Date.now },
    engine: 'eng_of_the_test',
    living: async () => ['eng_of_the_test'],
    place: '',
    log: createLog('silent'),
  })

  const behind = await engine.post(`/${name}`, {})
  const without = await outcomeIn(sandbox, name)
  await sandbox.stop(0)

  expect(unexpected(caseOf(name), behind)).toBeUndefined()
  expect(without).toBe('[1,null,null,null,null]')
})

/** A storage in which every script reads in the name space of the good one. */
function oneSpace(storage: Storage): Storage {
  const { entries } = storage.ahead
  return {
    ...storage,
    ahead: {
      ...storage.ahead,
      entries: { ...entries, get: (_space: string, key: string) => entries.get('script/good', key) },
    },
  }
}

async function outcomeIn(sandbox: Sandbox, name: string): Promise<string | undefined> {
  const script = sandbox.library.get(name)!
  const event = { id: 'run_1', script, action: 'default', trigger: 'http' as const, request: {}, call: {} }
  const { outcome } = await sandbox.run({ ...event, language: null })
  return outcome.kind === 'answer' ? outcome.text : outcome.code
}
