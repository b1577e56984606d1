// Runs that outlive the engine: it is killed while they are under way, and the
// next one leads them to their end. What they did is not done twice.

import { describe, expect, test } from 'vitest'

import { newFolder, until, type Answer } from '../helpers.ts'
import { furnish, readToken, startEngine, type EngineProcess } from './engine-process.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === undefined ? 2 : 30
const atOnce = 40
// Steps that cannot be foretold, so that a death finds runs in the middle of their work.
const work = `
async function steps(n) {
  const code = generateCode()
  await storage.set('code:' + n, code)
  for (let i = 0; i < 6; i++) await storage.increment('count:' + n)
  const [sms, list] = await Promise.all([
    sendSms({ to: '+1201' + n, text: n + ' ' + code, onUncertain: 'fail' }),
    storage.update('list:' + n, (value = []) => [...value, code]),
  ])
  for (let i = 0; i < 6; i++) await storage.increment('count:' + n)
  const { value: count } = await storage.increment('count:' + n)
  const stored = await storage.get('code:' + n)
  return { n, code, stored, list, count, sms: sms.id, random: Math.random() }
}
export default ({ n }) => steps(n)
export const refusing = async ({ n }) => { await steps(n); throw refuse('no_more', { status: 418 }) }
export const plan = ({ n }) => schedule('go', n, { after: '1s' })
export const onTimer = async ({ data }) => storage.set('done:' + data, await steps(data))
export const done = () => storage.list('done', { limit: 1000 })
`
const config = {
  carriers: { main: { driver: 'loopback', receipt: 'none' } },
  engine: { scriptWallMs: 60_000 },
}

/** The seven digits behind +1201. */
const numbers = (from: number): string[] =>
  Array.from({ length: atOnce }, (_, index) => String(2_000_000 + from + index))

async function post(url: string, token: string, path: string, body: object, key?: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** How many messages there are for each number. */
async function messagesOf(url: string, token: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let cursor = ''
  do {
    const response = await fetch(`${url}/admin/messages?limit=100${cursor}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { messages, next } = (await response.json()) as { messages: Array<{ to: string }>; next: string | null }
    for (const { to } of messages) counts.set(to, (counts.get(to) ?? 0) + 1)
    cursor = next === null ? '' : `&cursor=${next}`
  } while (cursor !== '')
  return counts
}

async function kill(engine: EngineProcess): Promise<void> {
  engine.kill('SIGKILL')
  expect((await engine.ended).signal).toBe('SIGKILL')
}

const takenUp = (engine: EngineProcess): number =>
  `${engine.stdout()}${engine.stderr()}`.split('run of the engine before was ended').length - 1

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
      const all = numbers(round * atOnce)
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
      const all = numbers(Math.floor(Math.random() * 1_000_000))
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
      const all = numbers(round * atOnce)
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
