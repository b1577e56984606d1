// What tests need beside npm's packages, once before all of them: where it can
// be had without a question (Debian, as root) it is installed.
//
//   Net::SMPP   a message centre that we did not write; without it its tests fail and say so
//   tshark      reads what we put on the wire; without it the kept readings are compared

import { spawnSync } from 'node:child_process'

const programs = [
  { package: 'libnet-smpp-perl', check: ['perl', '-MNet::SMPP', '-e1'] },
  { package: 'tshark', check: ['tshark', '--version'] },
]

export function setup(): void {
  const missing = programs.filter(({ check: [command, ...args] }) => spawnSync(command!, args).status !== 0)
  if (missing.length === 0) return
  const names = missing.map(program => program.package)
  const isRoot = process.getuid?.() === 0
  const hasApt = spawnSync('apt-get', ['--version']).status === 0
  if (isRoot && hasApt) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = (): number | null =>
      spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], { env }).status
    if (install() === 0) return
    // A machine that has never asked for the list of packages.
    spawnSync('apt-get', ['update'], { env })
    if (install() === 0) return
  }
  process.stderr.write(`missing for the tests: ${names.join(', ')}; on Debian: apt-get install ${names.join(' ')}\n`)
}
