// What stands around a sandbox process from outside, where the system has it:
// limits that the kernel keeps, a user of its own, and no file of the engine's.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

import { StartError } from '../errors.ts'

export interface SandboxUser {
  uid: number
  gid: number
}

/** Those of the walls that an operator sets. */
export interface Walls {
  /** Undefined: the engine's own user. */
  user?: SandboxUser | undefined
  /** RLIMIT_DATA in MB; undefined: none. */
  dataMb?: number | undefined
}

/** The command that is put before Node's. Throws StartError where a limit was asked for and cannot be had. */
export function wrapCommand(command: string[], { dataMb }: Walls): string[] {
  const { chrt, prlimit, setpriv } = tools()
  if (prlimit === undefined && dataMb !== undefined)
    throw new StartError('engine.sandboxDataMb: needs the command prlimit of util-linux')
  const data = dataMb === undefined ? [] : [`--data=${dataMb * 2 ** 20}`]
  // The last before Node: a change of user would take the parent's death signal back.
  return [
    ...(chrt === undefined ? [] : [chrt, ...batch]),
    ...(prlimit === undefined ? [] : [prlimit, ...limits, ...data]),
    ...(setpriv === undefined ? [] : [setpriv, ...lastRites]),
    ...command,
  ]
}

/** No file can be written, not even by the kernel for a process that died. */
const limits = ['--core=0', '--fsize=0']
/** The kernel ends the child when the engine dies, however it dies and whatever the child is doing. */
const lastRites = ['--pdeathsig', 'KILL', '--no-new-privs']
/**
 * SCHED_BATCH: woken by the engine it waits for a processor, where it would take
 * the engine's own away in the middle of a write. On two cores that was 700
 * against 1,400 runs a second.
 */
const batch = ['--batch', '0']
// Tried, not looked for: there are smaller programs of the same names that know less.
const tools = once(() => {
  const all = {
    chrt: pathOf('chrt'),
    prlimit: pathOf('prlimit'),
    setpriv: pathOf('setpriv'),
  }
  const tries = { chrt: batch, prlimit: [...limits, '--data=4294967296'], setpriv: lastRites }
  const names = ['chrt', 'prlimit', 'setpriv'] as const
  const commandOf = (name: (typeof names)[number]): string[] => [all[name]!, ...tries[name]]
  // As a rule they are all there: one try tells.
  if (names.every(name => all[name] !== undefined) && works(names.flatMap(commandOf))) return all
  for (const name of names) if (all[name] !== undefined && !works(commandOf(name))) all[name] = undefined
  return all
})

function pathOf(name: string): string | undefined {
  return [`/usr/bin/${name}`, `/bin/${name}`].find(path => existsSync(path))
}

function works([command, ...args]: string[]): boolean {
  return spawnSync(command!, [...args, '/bin/true'], { stdio: 'ignore' }).status === 0
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** Who sandbox processes run as: a name of /etc/passwd, or a number. Throws StartError. */
export function findUser(wanted: string | undefined): SandboxUser | undefined {
  if (wanted === undefined) return undefined
  if (process.getuid?.() !== 0)
    throw new StartError('engine.sandboxUser: only an engine that runs as root can give its sandbox another user')
  const known = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  const [name, , uid, gid] =
    known.map(line => line.split(':')).find(([name, , uid]) => [name, uid].includes(wanted)) ?? []
  const user =
    name === undefined ? { uid: Number(wanted), gid: Number(wanted) } : { uid: Number(uid), gid: Number(gid) }
  if (Number.isNaN(user.uid)) throw new StartError(`engine.sandboxUser: there is no user "${wanted}"`)
  if (user.uid === 0) throw new StartError('engine.sandboxUser: the sandbox cannot be kept from the engine as root')
  return user
}

/**
 * Numbers of the files that a child would get from us unasked: what the engine
 * itself was started with beside stdio. Node marks its own as closed on exec.
 */
export function inheritedFiles(): number[] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter(fd => fd > 2 && staysOpen(fd))
  } catch {
    return []
  }
}

const closedOnExec = 0o2000000

function staysOpen(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & closedOnExec) === 0
  } catch {
    // The one through which the folder was read.
    return false
  }
}
