// What tests need beside npm's packages, once before all of them: where it can
// be had without a question (Debian, as root) it is installed.
//
//   Net::SMPP      a message centre that we did not write; without it its tests fail and say so
//   tshark         reads what we put on the wire; without it the kept readings are compared
//   redis-server   keeps what the Redis driver stores; without it its tests fail and say so
//   haproxy        gives requests to several engines; without it its tests fail and say so

import { spawnSync } from 'node:child_process'

const programs = [
  { package: 'libnet-smpp-perl', check: ['perl', '-MNet::SMPP', '-e1'] },
  { package: 'tshark', check: ['tshark', '--version'] },
  { package: 'redis-server', check: ['redis-server', '--version'] },
  { package: 'haproxy', check: ['haproxy', '-v'] },
]

/** Debian starts them, now and with the machine; the tests start their own. */
const services = ['redis-server', 'haproxy']

export function setup(): void {
  const missing = programs.filter(({ check: [command, ...args] }) => spawnSync(command!, args).status !== 0)
  if (missing.length === 0) return
  const names = missing.map(program => program.package)
  const isRoot = process.getuid?.() === 0
  const hasApt = spawnSync('apt-get', ['--version']).status === 0
  if (isRoot && hasApt) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = (): boolean => {
      const { status } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], { env })
      if (status === 0) for (const name of services) if (names.includes(name)) endService(name)
      return status === 0
    }
    if (install()) return
    // A machine that has never asked for the list of packages.
    spawnSync('apt-get', ['update'], { env })
    if (install()) return
  }
  process.stderr.write(`missing for the tests: ${names.join(', ')}; on Debian: apt-get install ${names.join(' ')}\n`)
}

function endService(name: string): void {
  spawnSync('service', [name, 'stop'])
  spawnSync('update-rc.d', [name, 'disable'])
}
