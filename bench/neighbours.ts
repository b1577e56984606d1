// One script burns 200 ms in every turn; what do those notice who are served
// beside it? Asked at a fixed rate, whatever the answers take.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { handle, openSandbox } from './costs.ts'
import type { Costs } from './costs.ts'
import { askAtRate, type Latencies } from './rate.ts'
import { median } from './tables.ts'

const perSecond = 100
const burners = 4

const quiet = `
export default async ({ n }) => {
  await storage.set('n:' + n, n)
  const { value } = await storage.increment('count')
  return { n, value }
}`

export async function measureNeighbours(rounds: number, seconds: number): Promise<Costs> {
  const found = { quiet: [] as Latencies[], offences: [] as Latencies[], after: [] as Latencies[] }
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-bench-'))
    await writeFile(join(folder, 'quiet.ts'), quiet)
    await writeFile(join(folder, 'burner.ts'), await burner(folder))
    const { sandbox, close } = await openSandbox(folder)
    const burning = { goesOn: true }
    try {
      const ask = (): Promise<Latencies> =>
        askAtRate(
          perSecond,
          n => n < perSecond * seconds,
          n => handle(sandbox, 'quiet', { n }),
        )
      await ask()
      found.quiet.push(await ask())
      const burned = Array.from({ length: burners }, async () => {
        // A burner that fails for lack of time on a busy machine has burned it all the same.
        while (burning.goesOn) await handle(sandbox, 'burner').catch(() => undefined)
      })
      found.offences.push(await ask())
      found.after.push(await ask())
      burning.goesOn = false
      await Promise.all(burned)
    } finally {
      burning.goesOn = false
      await close()
      await rm(folder, { recursive: true, force: true })
    }
  }
  const of = (phase: Latencies[], key: keyof Latencies): number => median(phase.map(one => one[key]))
  const over = `p99 of ${perSecond} requests/s, median of ${rounds} rounds`
  return [
    { what: 'quiet', ms: of(found.quiet, 'p99Ms'), note: over },
    {
      what: 'first offences',
      ms: of(found.offences, 'p99Ms'),
      note: `the first ${seconds} s beside ${burners} requests at a time that burn 200 ms each; target +50 ms`,
    },
    { what: 'their longest', ms: of(found.offences, 'longestMs'), note: 'an isolate is made for the burner, and lost' },
    {
      what: 'afterwards',
      ms: of(found.after, 'p99Ms'),
      note: 'the burner has its place; target 2 times the quiet one',
    },
  ]
}

/** How many steps take 200 ms is found out here: a script sees no clock. */
async function burner(folder: string): Promise<string> {
  await writeFile(join(folder, 'measure.ts'), burnerOf(20_000_000))
  const { sandbox, close } = await openSandbox(folder, { fastTurnMs: 10_000 }, 10_000)
  const times: number[] = []
  for (let time = 0; time < 5; time++) {
    const began = performance.now()
    await handle(sandbox, 'measure')
    times.push(performance.now() - began)
  }
  await close()
  await rm(join(folder, 'measure.ts'))
  return burnerOf(Math.round((20_000_000 * 200) / Math.min(...times)))
}

function burnerOf(steps: number): string {
  return `export default () => {
  let sum = 0
  for (let step = 0; step < ${steps}; step++) sum = (sum * 31 + step) % 1000003
  return sum
}`
}
