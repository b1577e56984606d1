// Starts one sandbox process and speaks to it in whole lines.
//
// The walls around the child, beside the isolates inside it: an empty
// environment, Node's permission model (no file but its entry and the addon, no
// network, no process, no worker), no node:sqlite (it reads and writes files past
// that model), pipes for stdio, death with the engine.

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createLineReader, longestLine } from './protocol.ts'
import { inheritedFiles, wrapCommand, type Walls } from './walls.ts'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const entry = join(here, 'child-entry.cjs')
const addon = (require('node-gyp-build') as { path(folder: string): string }).path(
  dirname(require.resolve('isolated-vm/package.json')),
)
/** What a sandbox process may write to stderr in its life, bytes: last words are shorter. */
const longestComplaints = 1_000_000

export interface SandboxProcess {
  readonly pid: number
  /** Queues lines; those of one turn of the event loop's callbacks leave together. */
  send(lines: string): void
  /** `why` is told as the reason of the exit. */
  kill(why?: string): void
  /** CPU milliseconds that the process has used, where the system tells; undefined elsewhere. */
  cpuMs(): number | undefined
  /** Resident memory in MB, where the system tells. */
  memoryMb(): number | undefined
}

export interface SandboxProcessEvents {
  line(line: string): void
  exit(reason: string): void
  /** What the process wrote to stderr: Node's own last words. */
  complaint(text: string): void
}

/** `code` is the bundle of child.ts. */
export function startSandboxProcess(code: string, events: SandboxProcessEvents, walls: Walls = {}): SandboxProcess {
  const node = [
    process.execPath,
    '--no-node-snapshot',
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${entry}`,
    `--allow-fs-read=${addon}`,
    '--no-experimental-sqlite',
    '--no-experimental-ffi',
    '--disable-sigusr1',
    '--no-warnings',
    '--max-semi-space-size=1',
    // A heap this small is swept before the helpers have woken up: their waking took a twentieth of every turn.
    '--no-parallel-scavenge',
    '--max-old-space-size=128',
    entry,
    addon,
    inheritedFiles().join(','),
  ]
  const [command, ...args] = wrapCommand(node, walls)
  const { uid, gid } = walls.user ?? {}
  const child = spawn(command!, args, {
    env: { TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    uid,
    gid,
  })
  diesFirst(child)

  let waiting = ''
  child.stdin.write(`${JSON.stringify(code)}\n`)
  let ended = false
  let killedFor: string | undefined
  child.stdout.setEncoding('utf8')
  child.stdout.on(
    'data',
    createLineReader(events.line, longestLine, () => kill('its line had no end')),
  )
  child.stderr.setEncoding('utf8')
  let complained = 0
  child.stderr.on('data', (text: string) => {
    complained += text.length
    if (complained <= longestComplaints) events.complaint(text)
    else kill('it complained without end')
  })
  // A pipe to a process that has just died says so here; `exit` tells the rest.
  child.stdin.on('error', () => {})
  child.on('error', error => end(error.message))
  child.on('close', (code, signal) => end(killedFor ?? signal ?? `exit code ${code}`))

  function end(reason: string): void {
    if (ended) return
    ended = true
    events.exit(reason)
  }

  function kill(why?: string): void {
    killedFor ??= why
    child.kill('SIGKILL')
  }

  return {
    pid: child.pid ?? 0,
    send(lines) {
      if (waiting === '') process.nextTick(flush)
      waiting += lines
    },
    kill,
    cpuMs: () => readCpuMs(child.pid),
    memoryMb: () => readMemoryMb(child.pid),
  }

  function flush(): void {
    const lines = waiting
    waiting = ''
    if (!ended) child.stdin.write(lines)
  }
}

// When memory runs short the kernel is to take the sandbox, not the engine.
function diesFirst({ pid }: ChildProcess): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // Only Linux has it.
  }
}

const ticksPerSecond = 100

function readCpuMs(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
  } catch {
    return undefined
  }
}

function readMemoryMb(pid: number | undefined): number | undefined {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096) / 2 ** 20
  } catch {
    return undefined
  }
}
