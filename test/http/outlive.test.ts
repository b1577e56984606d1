// Runs that outlive the engine: it is killed while they are under way, and the
// next one leads them to their end. What they did is not done twice.

import { describe, expect, test } from 'vitest'

import { newFolder, until } from '../helpers.ts'
import { furnish, readToken, startEngine, type EngineProcess } from './engine-process.ts'
import { config, messagesOf, numbers, post, work } from './work.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === undefined ? 1 : 30
async function kill(engine: EngineProcess): Promise<void> {
  engine.kill('SIGKILL')
  expect((await engine.ended).signal).toBe('SIGKILL')
}

const takenUp = (engine: EngineProcess): number =>
  `${engine.stdout()}${engine.stderr()}`.split('run of a dead engine was ended').length - 1

describe('a run with an Idempotency-Key', () => {
  test(`is finished by the next engine, ${rounds} times under load`, { timeout: 1_800_000 }, async () => {
    const folder = await newFolder()
    await furnish(folder, { 'work.ts': work }, config)
    let counted = 0
    for (let round = 0; counted < rounds; round++) {
      expect(round).toBeLessThan(4 * rounds)
      const doomed = startEngine(folder)
      const url = await doomed.url()
      const token = await readToken(folder)
      const all = numbers(round)
      const before = new Map<string, unknown>()
      const asking = all.map(async n => {
        const answer = await post(url, token, '/work', { n }, `key-${n}`).catch(() => undefined)
        if (answer?.status === 200) before.set(n, answer.body)
      })
      // Some have done something, and most are not answered yet.
      await until(() => doomed.stdout().includes('SMS to') || undefined)
      await kill(doomed)
      await Promise.all(asking)

      const heir = startEngine(folder)
      const again = await heir.url()
      await Promise.all(
        all.map(async n => {
          const answer = await post(again, token, '/work', { n }, `key-${n}`)
          expect(answer).toMatchObject({ status: 200, body: { n, count: 13 } })
          expect(answer.body.list).toEqual([answer.body.code])
          expect(answer.body.stored).toBe(answer.body.code)
          if (before.has(n)) expect(answer.body).toEqual(before.get(n))
          // Once more it is the stored answer.
          const stored = await post(again, token, '/work', { n }, `key-${n}`)
          expect(stored.headers.get('idempotency-replayed')).toBe('true')
          expect(stored.body).toEqual(answer.body)
        }),
      )
      const messages = await messagesOf(again, token)
      expect(all.map(n => messages.get(`+1201${n}`))).toEqual(all.map(() => 1))
      // A death that finds nothing to go on with proves nothing.
      if (takenUp(heir) > 0) counted++
      heir.kill('SIGTERM')
      expect(await heir.ended).toEqual({ code: 0, signal: null })
    }
  })

  test('ends with its refusal too, and with the version that it began with', { timeout: 120_000 }, async () => {
    const folder = await newFolder()
    await furnish(folder, { 'work.ts': work }, config)
    for (let found = false; !found;) {
      const doomed = startEngine(folder)
      const url = await doomed.url()
      const token = await readToken(folder)
      const all = numbers(Math.floor(Math.random() * 20_000))
      const asking = all.map(async n => post(url, token, '/work/refusing', { n }, `key-${n}`).catch(() => undefined))
      await until(() => doomed.stdout().includes('SMS to') || undefined)
      await kill(doomed)
      await Promise.all(asking)

      await furnish(folder, { 'work.ts': `export const refusing = () => 'the new version'` }, config)
      const heir = startEngine(folder)
      const again = await heir.url()
      await until(
        async () => (await Promise.all(all.map(n => post(again, token, '/work/refusing', { n }, `key-${n}`)))).length,
      )
      const answers = await Promise.all(all.map(n => post(again, token, '/work/refusing', { n }, `key-${n}`)))
      for (const { status, body } of answers)
        expect(status === 418 ? body.code : body).toMatch(/^(no_more|the new version)$/)
      found = takenUp(heir) > 0
      await furnish(folder, { 'work.ts': work }, config)
      await kill(heir)
    }
  })
})

describe('a run that a timer began', () => {
  test(`is finished by the next engine, ${rounds} times under load`, { timeout: 1_800_000 }, async () => {
    for (let round = 0; round < rounds; round++) {
      // What is done of all rounds would be more than one answer holds.
      const folder = await newFolder()
      await furnish(folder, { 'work.ts': work }, config)
      const doomed = startEngine(folder)
      const url = await doomed.url()
      const token = await readToken(folder)
      const all = numbers(round)
      await Promise.all(all.map(n => post(url, token, '/work/plan', { n })))
      await until(() => doomed.stdout().includes('SMS to') || undefined)
      await kill(doomed)

      const heir = startEngine(folder)
      const again = await heir.url()
      const done = await until(async () => {
        const { body } = await post(again, token, '/work/done', {})
        const own = (body as Array<{ value: { n: string; code: string; list: string[]; count: number } }>).filter(
          ({ value: { n } }) => all.includes(n),
        )
        return own.length === all.length ? own : undefined
      })
      for (const { value } of done) expect(value).toMatchObject({ count: 13, list: [value.code] })
      const messages = await messagesOf(again, token)
      expect(all.map(n => messages.get(`+1201${n}`))).toEqual(all.map(() => 1))
      heir.kill('SIGTERM')
      await heir.ended
    }
  })
})
