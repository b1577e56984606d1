// What a night of hostile scripts leaves in the engine: nothing.

import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { newFolder } from '../helpers.ts'
import { furnish, readToken, startProcess } from '../http/engine-process.ts'
import { configOf, filesOf } from './hostile/good.ts'
import { readCorpus } from './hostile/corpus.ts'

const isLong = process.env.PATCHCORD_TEST_LONG === '1'

test('the memory of the engine comes back after all of them', { timeout: 180_000 }, async () => {
  const folder = await newFolder()
  const cases = readCorpus().filter(
    ({ expected, engine }, index) =>
      expected !== undefined && Object.keys(engine).length === 0 && (isLong || index % 4 === 0),
  )
  await furnish(folder, filesOf(cases), configOf(cases))
  const child = startProcess(folder, ['--disable-sigusr1', '--max-semi-space-size=4', 'engine/main.ts'], {
    PATCHCORD_PORT: '0',
    PATCHCORD_LOG: 'error',
  })
  const url = await child.url()
  const headers = { authorization: `Bearer ${await readToken(folder)}`, 'content-type': 'application/json' }
  const post = async (path: string, body: object = {}): Promise<string> => {
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    return response.status === 200 ? 'served' : text
  }
  const serveGood = (): Promise<string> => post('/good', { number: '+12125550000' })
  const serveMany = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 20)
      expect(new Set(await Promise.all(Array.from({ length: 20 }, serveGood)))).toEqual(new Set(['served']))
  }
  // As many as there are traces kept: from there on memory grows no more.
  await serveMany(1_200)
  const beforeMb = residentMb(child.pid)

  const left = [...cases]
  const answers = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const got: string[] = []
      for (let hostile = left.pop(); hostile !== undefined; hostile = left.pop()) {
        await post(`/${hostile.name}`)
        got.push(await serveGood())
      }
      return got
    }),
  )

  expect(new Set(answers.flat())).toEqual(new Set(['served']))
  // With requests in between: what nobody asks for is not collected, and traces go when newer ones come.
  const deadline = performance.now() + 30_000
  while (residentMb(child.pid) > beforeMb * 1.15 && performance.now() < deadline) await serveMany(40)
  expect(residentMb(child.pid)).toBeLessThanOrEqual(beforeMb * 1.15)
})

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024
}
