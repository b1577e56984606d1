import { defineConfig } from 'vitest/config'

/** They look at their own process, its memory and its children, or change it: it holds no other file's. */
const alone = [
  'test/carriers/smpp/framing.test.ts',
  'test/carriers/smpp/fuzz.test.ts',
  'test/carriers/smpp/part-queue.test.ts',
  'test/sandbox/code-cache.test.ts',
  'test/sandbox/hostile.test.ts',
]

/** They mostly wait, for deaths to be noticed and leases to end: more of them side by side cost little. */
const waiting = [
  'test/many-engines*.test.ts',
  'test/library/across-*.test.ts',
  'test/carriers/smpp/slots*.test.ts',
  'test/outbox/slots.test.ts',
  'test/storage/redis-away.test.ts',
  'test/start-refused.test.ts',
  'test/doctor-command.test.ts',
  'test/engine.test.ts',
  'test/http/token-command.test.ts',
  'test/http/outlive.test.ts',
  'test/http/stop.test.ts',
  'test/triggers/outlive.test.ts',
]

// isolated-vm runs only in the main thread of a process, so tests get processes.
export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      // One process takes file after file: to load the engine for each of them was a fifth of all the time.
      {
        extends: true,
        test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: [...alone, ...waiting], isolate: false },
      },
      {
        extends: true,
        test: { name: 'waiting', include: waiting, isolate: false, maxWorkers: 4, sequence: { groupOrder: 1 } },
      },
    ],
    globalSetup: ['test/programs.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Where others have the machine for seconds (CI) a test is asked once more; the report names those that needed it.
    retry: Number(process.env.PATCHCORD_TEST_RETRY ?? 0),
    execArgv: ['--no-node-snapshot', '--disable-warning=ExperimentalWarning'],
  },
})
