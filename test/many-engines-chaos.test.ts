// Requests with a key while connections are cut, Redis and engines stand still,
// and engines die: each is done once, and answered in the end.

import { setTimeout as wait } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { surroundings, token } from './engines-redis.ts'
import { newFolder, until } from './helpers.ts'
import { furnish, startEngine, type EngineProcess } from './http/engine-process.ts'
import { config, messagesOf, post, work } from './http/work.ts'
import { startRedis } from './redis.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const seconds = isLong ? 75 : 8
const engineCount = isLong ? 3 : 2
const clients = isLong ? 10 : 4
const answeredWithinMs = 90_000

interface Member {
  process: EngineProcess
  url: string
}

interface Answered {
  number: string
  status: number
  body: { count: number; code: string; stored: string; list: string[] }
}

const oneOf = <Item>(items: Item[]): Item => items[Math.floor(Math.random() * items.length)]!

test(`${seconds} s of it lose nothing and repeat nothing`, { timeout: 400_000 }, async () => {
  const redis = await startRedis({ args: ['--appendfsync', 'always'] })
  const start = async (): Promise<Member> => {
    const folder = await newFolder()
    await furnish(folder, { 'work.ts': work }, config)
    const process = startEngine(folder, surroundings(redis.url))
    return { process, url: await process.url() }
  }
  const engines = await Promise.all(Array.from({ length: engineCount }, start))
  const stopped = new Set<Promise<void>>()

  const troubles: Array<() => Promise<unknown>> = [
    ...Array.from({ length: 6 }, () => () => redis.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {})),
    async () => {
      redis.pause()
      await wait(500 + Math.random() * 1_500)
      redis.resume()
    },
    ...[1_000, 2_000, 7_000].map(ms => async () => {
      const { process } = oneOf(engines)
      process.kill('SIGSTOP')
      const goesOn = wait(ms).then(() => process.kill('SIGCONT'))
      stopped.add(goesOn)
    }),
    async () => {
      const at = engines.indexOf(oneOf(engines))
      engines[at]!.process.kill('SIGKILL')
      engines[at] = await start()
    },
  ]
  const load = { isOver: false }
  const trouble = (async () => {
    while (!load.isOver) {
      await wait(300 + Math.random() * 700)
      await oneOf(troubles)()
    }
  })()

  const endsAt = performance.now() + seconds * 1_000
  let last = 2_000_000
  const done: Answered[] = []
  async function caller(): Promise<void> {
    while (performance.now() < endsAt) {
      const number = String(++last)
      const askedAt = performance.now()
      for (;;) {
        const asking = post(oneOf(engines).url, token, '/work', { n: number }, `key-${number}`)
        const answer = await Promise.race([asking, wait(12_000)]).catch(() => undefined)
        const isFinal = answer !== undefined && answer.status !== 503 && answer.status !== 409
        if (isFinal) done.push({ number, status: answer.status, body: answer.body as Answered['body'] })
        if (isFinal) break
        expect(performance.now() - askedAt, `key-${number} is never answered`).toBeLessThan(answeredWithinMs)
        await wait(100)
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, caller))
  load.isOver = true
  await trouble
  await Promise.all(stopped)

  expect(done.length).toBeGreaterThan(clients)
  const once = { status: 200, body: { count: 13, list: [expect.any(String)] } }
  for (const { number, status, body } of done) {
    expect({ number, status, body }).toMatchObject({ number, ...once })
    expect([body.stored, ...body.list], number).toEqual([body.code, body.code])
  }
  const [{ url }] = engines as [Member]
  // The last cut may not be over yet.
  const counts = await until(async () => {
    const found = await messagesOf(url, token).catch(() => undefined)
    return found !== undefined && found.size >= done.length ? found : undefined
  })
  const twice = [...counts].filter(([, count]) => count !== 1)
  expect(twice).toEqual([])
})
