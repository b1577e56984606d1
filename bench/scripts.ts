// A thousand scripts at once: what it takes to load them, to keep them, and to
// call each of them once while few isolates are kept.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { handle, openSandbox } from './costs.ts'
import type { Costs } from './costs.ts'
import { memoryMb } from './processes.ts'
import { median } from './tables.ts'

const atOnce = 16

export async function measureScripts(count: number): Promise<Costs> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-bench-'))
  try {
    const none = await openSandbox(folder)
    const emptyMb = await allMb(none.sandbox)
    await none.close()

    const names = Array.from({ length: count }, (_, n) => `script-${n}`)
    for (const [n, name] of names.entries()) await writeFile(join(folder, `${name}.ts`), source(n))
    const began = performance.now()
    const { sandbox, close } = await openSandbox(folder)
    const startMs = performance.now() - began
    const loadedMb = await allMb(sandbox)

    const times: number[] = []
    const failed: string[] = []
    const waiting = [...names]
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
          const asked = performance.now()
          await handle(sandbox, name, { number: '+12015550123' }).catch((error: Error) => failed.push(error.message))
          times.push(performance.now() - asked)
        }
      }),
    )
    const calledMb = await allMb(sandbox)
    const isolates = sandbox.stats().lanes.reduce((sum, lane) => sum + lane.isolates, 0)
    await close()
    if (failed.length > 0) throw new Error(`${failed.length} of ${count} requests failed: ${failed[0]}`)
    return [
      { what: 'start', ms: startMs, note: `${count} scripts are built, looked at and loaded` },
      {
        what: 'loaded, before any call',
        mb: loadedMb,
        note: `PSS; an idle script takes ${(((loadedMb - emptyMb) * 1_024) / count).toFixed(0)} KB`,
      },
      {
        what: 'all, called once',
        mb: calledMb,
        note: `PSS of engine and sandbox, ${isolates} isolates kept (${emptyMb.toFixed(0)} MB without scripts); no request failed`,
      },
      { what: 'a first call', ms: median(times), note: `${atOnce} at a time, an isolate made for each` },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// Of the size of a small script; each another one.
function source(n: number): string {
  return `// Tells a customer something, number ${n}.
export const fields = { default: { number: 'string' } }
export default async ({ number }, call) => {
  const phone = parseNumber(number)
  if (!phone.valid) throw refuse('invalid_number', { status: 400, example: phone.example })
  const { value } = await storage.increment('told:${n}:' + phone.e164, { ttl: '24h' })
  log.info('script ${n}', value)
  return { n: ${n}, value }
}
`
}

async function allMb(sandbox: { stats(): { lanes: Array<{ pid: number }> } }): Promise<number> {
  // What the start left behind is collected, or not, within a second or two.
  await new Promise(soon => setTimeout(soon, 2_000))
  return (await memoryMb([process.pid, ...sandbox.stats().lanes.map(({ pid }) => pid)])) ?? Number.NaN
}
