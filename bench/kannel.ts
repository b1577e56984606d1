// Kannel 1.4.5 as Debian ships it (bearerbox and smsbox), with a configuration of
// its own in a folder of its own: HTTP in, SMPP out, messages kept in a file.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

const bearerbox = '/usr/sbin/bearerbox'
const smsbox = '/usr/sbin/smsbox'

export const kannelIsMissing = 'Kannel is not here: apt-get install -y kannel'

/** Where Debian puts it. */
export function hasKannel(): boolean {
  return existsSync(bearerbox) && existsSync(smsbox)
}

export interface Kannel {
  /** Of `/cgi-bin/sendsms`. */
  port: number
  /** Path and query of a request; `to`, `from` and `text` are still to be added. */
  sendsms: string
  pids: number[]
  stop(): Promise<void>
}

export interface KannelOrder {
  smscPort: number
  /** Submits under way, `max-pending-submits`. */
  window: number
  /** Holds the folder with configuration, store and logs. */
  place: string
}

/** Resolves when it is bound to the SMSC and takes requests. */
export async function startKannel({ smscPort, window, place }: KannelOrder): Promise<Kannel> {
  const folder = await mkdtemp(join(place, 'kannel-bench-'))
  const [admin, boxes, http] = (await freePorts(3)) as [number, number, number]
  const file = join(folder, 'kannel.conf')
  await writeFile(file, configuration({ folder, admin, boxes, http, smscPort, window }))
  const running: ChildProcess[] = []
  const start = (program: string): void => {
    running.push(spawn(program, ['-v', '3', file], { stdio: 'ignore', cwd: folder }))
  }
  // Killed, not asked: what it would still write is thrown away with its folder.
  const killAll = (): void => running.forEach(child => child.kill('SIGKILL'))
  const leaveNothing = (): void => {
    killAll()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', leaveNothing)
  async function stop(): Promise<void> {
    process.off('exit', leaveNothing)
    const alive = running.filter(child => (child.exitCode ?? child.signalCode) === null)
    const ended = alive.map(child => once(child, 'exit'))
    killAll()
    await Promise.all(ended)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    start(bearerbox)
    await until(async () => (await status(admin)).includes('(online'), 'bearerbox to bind')
    start(smsbox)
    await until(async () => / smsbox[:,]/.test(await status(admin)), 'smsbox to begin')
    await until(
      async () => (await fetch(`http://127.0.0.1:${http}/cgi-bin/sendsms`)).status === 403,
      'sendsms to answer',
    )
  } catch (error) {
    const log = await readFile(join(folder, 'bearerbox.log'), 'utf8').catch(() => 'no log')
    await stop()
    throw new Error(`Kannel did not begin: ${log.slice(-1_000)}`, { cause: error })
  }
  return {
    port: http,
    sendsms: '/cgi-bin/sendsms?username=bench&password=bench',
    pids: running.map(child => child.pid!),
    stop,
  }
}

interface Places {
  folder: string
  admin: number
  boxes: number
  http: number
  smscPort: number
  window: number
}

// Groups are set apart by empty lines. Logs hold errors only: writing them is no part of the work.
function configuration({ folder, admin, boxes, http, smscPort, window }: Places): string {
  return `group = core
admin-port = ${admin}
admin-interface = 127.0.0.1
admin-password = bench
smsbox-port = ${boxes}
smsbox-interface = 127.0.0.1
log-file = ${folder}/bearerbox.log
log-level = 3
store-type = file
store-location = ${folder}/messages
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = ${smscPort}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
max-pending-submits = ${window}
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = ${boxes}
sendsms-port = ${http}
sendsms-interface = 127.0.0.1
global-sender = 12015550100
log-file = ${folder}/smsbox.log
log-level = 3

group = sendsms-user
username = bench
password = bench
max-messages = 1
`
}

async function status(adminPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}/status.txt?password=bench`)).text()
}

/** Free a moment ago: Kannel wants to be told its ports. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise(soon => setTimeout(soon, 50))
  }
}
