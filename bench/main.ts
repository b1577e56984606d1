// npm run bench: what things cost, measured side by side.
//
//   --quick          two short pairs of each, to see that it works
//   --only <case>    one of start, otp, otp-memory, hello, costs, scripts, neighbours, innocents, smpp, gateway, redis, growth
//   --pairs <n>      how many pairs (5), --seconds <n> how long a round (3)
//   --receipts       the gateways ask for a receipt of every message, --messages <n> a round (20000)
//   --profile <dir>  CPU profiles of the processes
//
// "no sandbox" is the same flow written by hand in a Fastify handler, with the
// same token check, run id, log line, storage and outbox (no-sandbox.ts).

import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { measureCosts } from './costs.ts'
import { measureEngines } from './engines.ts'
import { measureGateway } from './gateway.ts'
import { measureGrowth } from './growth.ts'
import { measureInnocents } from './innocents.ts'
import { measureNeighbours } from './neighbours.ts'
import { measurePairs } from './pairs.ts'
import { startCallers } from './processes.ts'
import { measureScripts } from './scripts.ts'
import { measureSmppClient } from './smpp-client.ts'
import { measureStart } from './start.ts'
import { costsTable, pairsTable } from './tables.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    pairs: { type: 'string' },
    seconds: { type: 'string' },
    receipts: { type: 'boolean', default: false },
    messages: { type: 'string' },
    profile: { type: 'string' },
  },
})
if (values.profile !== undefined) process.env.BENCH_PROFILE = values.profile
const pairs = Number(values.pairs ?? (values.quick ? 2 : 5))
const seconds = Number(values.seconds ?? (values.quick ? 1 : 3))
const wanted = (name: string): boolean => values.only === undefined || values.only === name

const onDisk = resolve(import.meta.dirname, '..', 'data')
const inMemory = '/dev/shm'
const cases = [
  { name: 'otp', title: 'POST /otp', path: '/otp', place: onDisk },
  { name: 'otp-memory', title: 'POST /otp, database in /dev/shm', path: '/otp', place: inMemory },
  { name: 'hello', title: 'POST /hello: a script without any call', path: '/hello', place: onDisk },
]

const print = (text: string): void => void process.stdout.write(`${text}\n`)

print(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; ${pairs} pairs of ${seconds} s`)
if (wanted('otp') || wanted('otp-memory'))
  print('Targets of POST /otp: 64 connections at least 0.90 of the requests/s, 1 connection p50 at most +0.60 ms')
if (wanted('start')) {
  print('\nA cold start\n')
  print(costsTable(await measureStart(values.quick ? 1 : 5)))
}
const callers = startCallers()
try {
  for (const { name, title, path, place } of cases) {
    if (!wanted(name) || (place === inMemory && !existsSync(inMemory))) continue
    print(`\n${title}\n`)
    print(pairsTable(await measurePairs({ path, place, connections: [64, 1], pairs, seconds }, callers)))
  }
  if (wanted('costs')) {
    print('\nSingle costs, medians\n')
    print(costsTable(await measureCosts(values.quick ? 5 : 20)))
  }
  if (wanted('scripts')) {
    const count = values.quick ? 100 : 1_000
    print(`\n${count} scripts at once\n`)
    print(costsTable(await measureScripts(count)))
  }
  if (wanted('neighbours')) {
    print('\nBeside a script that burns 200 ms in every turn\n')
    print(costsTable(await measureNeighbours(values.quick ? 1 : 5, values.quick ? seconds : Math.max(seconds, 10))))
  }
  if (wanted('innocents')) {
    print('\nBeside the hostile corpus\n')
    const rounds = Number(values.pairs ?? (values.quick ? 1 : 5))
    const { costs, harm } = await measureInnocents({ rounds, seconds, isShort: values.quick, place: onDisk })
    print(costsTable(costs))
    print(`\n  Requests that failed, SMS sent twice or not at all (must be none): ${harm.size === 0 ? 'none' : ''}`)
    for (const [what, times] of harm) print(`  ${times} × ${what}`)
    if (harm.size > 0) throw new Error('innocents were harmed')
  }
  if (wanted('smpp')) {
    print('\nsubmit_sm: our client and the npm package\n')
    print(await measureSmppClient(pairs, values.quick ? 0.5 : seconds))
  }
  if (wanted('gateway')) {
    print('\nThe whole gateway, and Kannel\n')
    const messages = Number(values.messages ?? (values.quick ? 2_000 : 20_000))
    print(await measureGateway({ rounds: pairs, messages, receipts: values.receipts, place: onDisk }, callers))
  }
  if (wanted('redis')) {
    print('\nPOST /otp over SQLite and over Redis\n')
    print(await measureEngines({ rounds: pairs, seconds, place: onDisk }))
  }
  // Fills two Redis for minutes: on demand only.
  if (values.only === 'growth') {
    print('\nPOST /otp over a Redis that holds many open verifications and queued messages\n')
    const count = Number(values.messages ?? (values.quick ? 20_000 : 1_000_000))
    print(await measureGrowth({ count, rounds: pairs, seconds, place: onDisk }, callers))
  }
  callers.stop()
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`)
  // The processes of the measurement end with this one.
  process.exit(1)
}
