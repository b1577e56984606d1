// What tests need beside npm's packages, once before all of them: where it can
// be had without a question (Debian, as root) it is installed.
//
//   Net::SMPP      a message centre that we did not write; without it its tests fail and say so
//   tshark         reads what we put on the wire; without it the kept readings are compared
//   redis-server   keeps what the Redis driver stores; without it its tests fail and say so

import { spawnSync } from 'node:child_process'

const programs = [
  { package: 'libnet-smpp-perl', check: ['perl', '-MNet::SMPP', '-e1'] },
  { package: 'tshark', check: ['tshark', '--version'] },
  { package: 'redis-server', check: ['redis-server', '--version'] },
]

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
      if (status === 0 && names.includes('redis-server')) endService('redis-server')
      return status === 0
    }
    if (install()) return
    // A machine that has never asked for the list of packages.
    spawnSync('apt-get', ['update'], { env })
    if (install()) return
  }
  process.stderr.write(`missing for the tests: ${names.join(', ')}; on Debian: apt-get install ${names.join(' ')}\n`)
}

/** Debian starts what it installs, now and with the machine; the tests start their own. */
function endService(name: string): void {
  spawnSync('service', [name, 'stop'])
  spawnSync('update-rc.d', [name, 'disable'])
}
