import { defineConfig } from 'vitest/config'

/** They look at their own process, its memory and its children, or change it: it holds no other file's. */
const alone = [
  'test/carriers/smpp/framing.test.ts',
  'test/carriers/smpp/fuzz.test.ts',
  'test/carriers/smpp/part-queue.test.ts',
  'test/sandbox/code-cache.test.ts',
  'test/sandbox/hostile.test.ts',
]

// isolated-vm runs only in the main thread of a process, so tests get processes.
export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      // One process takes file after file: to load the engine for each of them was a fifth of all the time.
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: alone, isolate: false } },
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
