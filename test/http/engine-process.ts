// The engine as operators start it: a process of its own, with a folder of its
// own. It goes with the test.

import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { onTestFinished } from 'vitest'

import { until } from '../helpers.ts'

const root = resolve(import.meta.dirname, '..', '..')

export interface EngineProcess {
  readonly pid: number
  /** What it wrote so far. */
  stdout(): string
  stderr(): string
  /** `http://127.0.0.1:40123`, once it listens; rejects when it ends before. */
  url(): Promise<string>
  kill(signal: NodeJS.Signals): void
  /** Nobody reads its stdout any more. */
  closeStdout(): void
  /** Resolves when it has ended and everything that it wrote has been read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** A folder that the engine can be started in: `scripts/` holds the files, `locales/` the shipped texts. */
export async function furnish(folder: string, files: Record<string, string> = {}, config?: object): Promise<void> {
  await mkdir(join(folder, 'scripts'), { recursive: true })
  await cp(join(root, 'locales'), join(folder, 'locales'), { recursive: true })
  await cp(join(root, 'scripts', 'lib'), join(folder, 'scripts', 'lib'), { recursive: true })
  await cp(join(root, 'scripts', 'sms.ts'), join(folder, 'scripts', 'sms.ts'))
  for (const [name, source] of Object.entries(files)) await writeFile(join(folder, 'scripts', name), source)
  if (config !== undefined) await writeFile(join(folder, 'patchcord.json'), JSON.stringify(config))
}

/** As `npm start` does it, on a free port. */
export function startEngine(
  folder: string,
  environment: Record<string, string> = {},
  { diskBlocks }: { diskBlocks?: number } = {},
): EngineProcess {
  const args = ['--disable-sigusr1', 'engine/main.ts']
  return startProcess(folder, args, { PATCHCORD_PORT: '0', ...environment }, diskBlocks)
}

/**
 * Runs a file of the engine in `folder`; the environment is what is given,
 * nothing else. `diskBlocks` is the most that a file may hold, in blocks of 512 bytes.
 */
export function startProcess(
  folder: string,
  args: string[],
  environment: Record<string, string>,
  diskBlocks?: number,
): EngineProcess {
  const limited = diskBlocks === undefined ? [] : ['sh', '-c', `ulimit -S -f ${diskBlocks}; exec "$@"`, 'sh']
  const file = args.findIndex(argument => argument.endsWith('.ts'))
  const own = ['--disable-warning=ExperimentalWarning', ...args.with(file, join(root, args[file]!))]
  const command = [...limited, process.execPath, ...own]
  const child = spawn(command[0]!, command.slice(1), {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      texts[name] += piece
    })
  }
  let over = false
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve =>
    child.on('close', (code, signal) => {
      over = true
      resolve({ code, signal })
    }),
  )
  onTestFinished(async () => {
    if (!over) child.kill('SIGKILL')
    await ended
  })
  return {
    pid: child.pid!,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    url: () =>
      until(() => {
        if (over) throw new Error(`the engine ended: ${texts.stderr}`)
        return /^Patchcord listens on (\S+)$/m.exec(texts.stdout)?.[1]
      }),
    kill: signal => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    ended,
  }
}

export const readToken = async (folder: string): Promise<string> =>
  (await readFile(join(folder, 'data', 'token'), 'utf8')).trim()
