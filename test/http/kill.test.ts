// The engine dies in the middle of its work; whatever it had answered 200 for is
// sent all the same.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { newFolder, until } from '../helpers.ts'
import { furnish, readToken, startEngine, type EngineProcess } from './engine-process.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === undefined ? 1 : 20
const environment = { PATCHCORD_LOG: 'warn' }
const whole = { carriers: { main: { driver: 'loopback', receipt: 'none' } } }
/** The first messages leave, the next ones have to wait for a second try: so the death finds some on their way. */
const failing = (attempts: number) => ({
  carriers: {
    main: { driver: 'loopback', receipt: 'none', failures: Array.from({ length: attempts }, () => 'later') },
  },
})

const numberOf = (index: number) => `+1201555${String(index).padStart(4, '0')}`
const sentBy = (engine: EngineProcess) => [...engine.stdout().matchAll(/^SMS to (\+\d+): /gm)].map(match => match[1]!)

/** Posts without a pause on eight connections until `stop` is called; what was answered 200 is in `accepted`. */
function load(url: string, token: string, first: number) {
  const accepted: string[] = []
  const stopped = new AbortController()
  let next = first
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const worker = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const number = numberOf(next++)
      const body = JSON.stringify({ number, text: 'hello' })
      const answer = await fetch(`${url}/sms`, { method: 'POST', headers, body }).catch(() => undefined)
      // A connection that broke promises nothing, and the engine may be gone.
      if (answer === undefined) return
      if (answer.status === 200) accepted.push(number)
      await answer.text().catch(() => undefined)
    }
  }
  const workers = Promise.all(Array.from({ length: 8 }, worker))
  return {
    accepted,
    async stop() {
      stopped.abort()
      await workers
      return next
    },
  }
}

async function setUp(config: object): Promise<string> {
  const folder = await newFolder()
  await furnish(folder, {}, config)
  return folder
}

describe('what was accepted', () => {
  test(`is sent although the engine is killed under load, ${rounds} times`, async () => {
    const folder = await setUp(whole)
    let next = 1
    let counted = 0
    for (let round = 0; counted < rounds; round++) {
      expect(round).toBeLessThan(3 * rounds)
      await writeFile(join(folder, 'patchcord.json'), JSON.stringify(failing(40)))
      const doomed = startEngine(folder, environment)
      const posts = load(await doomed.url(), await readToken(folder), next)
      await until(() => posts.accepted.length >= 60 || undefined)
      doomed.kill('SIGKILL')
      expect((await doomed.ended).signal).toBe('SIGKILL')
      next = await posts.stop()
      const before = new Set(sentBy(doomed))
      const waiting = posts.accepted.filter(number => !before.has(number))
      // A death that finds nothing to lose proves nothing.
      if (waiting.length > 0) counted++

      await writeFile(join(folder, 'patchcord.json'), JSON.stringify(whole))
      const heir = startEngine(folder, environment)
      await heir.url()
      await until(() => {
        const after = new Set(sentBy(heir))
        return waiting.every(number => after.has(number)) || undefined
      })
      heir.kill('SIGTERM')
      expect(await heir.ended).toEqual({ code: 0, signal: null })
    }
  }, 1_800_000)

  test('is sent once and only once over graceful stops under load', async () => {
    const folder = await setUp(whole)
    const sent: string[] = []
    const accepted: string[] = []
    let next = 1
    for (const config of [failing(40), failing(40), whole]) {
      await writeFile(join(folder, 'patchcord.json'), JSON.stringify(config))
      const engine = startEngine(folder, environment)
      const posts = load(await engine.url(), await readToken(folder), next)
      await until(() => posts.accepted.length >= 100 || undefined)
      engine.kill('SIGTERM')
      expect(await engine.ended).toEqual({ code: 0, signal: null })
      next = await posts.stop()
      accepted.push(...posts.accepted)
      sent.push(...sentBy(engine))
    }
    const last = startEngine(folder, environment)
    await last.url()
    await until(() => {
      const left = new Set([...sent, ...sentBy(last)])
      return accepted.every(number => left.has(number)) || undefined
    })
    last.kill('SIGTERM')
    await last.ended

    sent.push(...sentBy(last))
    expect(accepted.length).toBeGreaterThanOrEqual(300)
    expect(sent.filter((number, index) => sent.indexOf(number) !== index)).toEqual([])
  }, 120_000)
})
