import { defineConfig } from 'vitest/config'

// isolated-vm runs only in the main thread of a process, so tests get processes.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
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
