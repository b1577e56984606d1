// A sandbox process that dies takes no run with it: each goes on in another
// process from its journal, and what it did is not done twice.

import { expect, test } from 'vitest'

import { createTestEngine, until, type Answer, type TestEngine } from '../helpers.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === '1' ? 20 : 3
const atOnce = 80

const work = `
export default async ({ n }) => {
  const code = generateCode()
  const dice = Math.random()
  const began = Date.now()
  await storage.set('code:' + n, code)
  const winner = await Promise.race(['a', 'b', 'c'].map(key => storage.get(key).then(() => key)))
  for (let i = 0; i < 4; i++) await storage.increment('count:' + n)
  const sms = await sendSms({ to: '+12125551212', text: [n, code, winner, dice, began].join(' '), ref: String(n) })
  const { list } = await storage.update('list:' + n, (value = { list: [] }) => ({ list: [...value.list, code] }))
  for (let i = 0; i < 4; i++) await storage.increment('count:' + n)
  await storage.increment('total')
  const { value: count } = await storage.increment('count:' + n, { by: 0 })
  return { n, count, list, text: [n, code, winner, dice, began].join(' '), sms: sms.id }
}
export const total = () => storage.get('total')
`

test(`${rounds} deaths under load: no request fails, nothing happens twice`, { timeout: 1_800_000 }, async () => {
  const engine = await createTestEngine({ files: { 'work.ts': work }, config: { engine: { scriptWallMs: 60_000 } } })

  const answers: Answer[] = []
  for (let round = 0; round < rounds; round++) {
    const load = Promise.all(
      Array.from({ length: atOnce }, (_, n) => engine.post('/work', { n: `n${round * atOnce + n}` })),
    )
    await until(() => inFlight(engine) >= 20)
    const dead = killMain(engine)
    // Now and then the next one dies as well, while it is still being told what the first one knew.
    if (round % 3 === 2) await until(() => ((mainOf(engine) ?? dead) === dead ? undefined : killMain(engine)))
    answers.push(...(await load))
  }

  expect(engine.engine.sandbox.stats().replays).toBeGreaterThan(0)
  const total = rounds * atOnce
  for (const [n, { status, body }] of answers.entries()) {
    expect({ status, body }).toMatchObject({ status: 200, body: { n: `n${n}`, count: 8 } })
    expect(body.list).toEqual([body.text.split(' ')[1]])
  }
  await until(() => engine.printed.length >= total)
  expect(engine.printed.toSorted()).toEqual(answers.map(({ body }) => `SMS to +12125551212: ${body.text}`).toSorted())
  expect((await engine.post('/work/total', {})).body).toBe(total)
})

test('a death of the spare process, or of both at once, is not noticed either', async () => {
  const engine = await createTestEngine({ files: { 'work.ts': work }, config: { engine: { scriptWallMs: 60_000 } } })

  const load = Promise.all(Array.from({ length: 40 }, (_, n) => engine.post('/work', { n: `n${n}` })))
  await until(() => inFlight(engine) >= 20)
  for (const { pid } of engine.engine.sandbox.stats().lanes) process.kill(pid, 'SIGKILL')

  expect((await load).map(({ status }) => status)).toEqual(Array(40).fill(200))
  expect(await engine.post('/work', { n: 'afterwards' })).toMatchObject({ status: 200, body: { count: 8 } })
})

test('a run that does not repeat its own steps is given up', async () => {
  const engine = await createTestEngine({
    files: {
      'moody.ts': `
        export default async () => {
          if (t('mood') === 'good') await storage.get('key')
          else await storage.delete('key')
          for (;;);
        }`,
    },
    config: { engine: { scriptCpuMs: 10_000, scriptWallMs: 60_000 } },
    // With a guess it would loop in its first turn, for all of its 10 s.
    sandboxLimits: { fastTurnMs: 10_000, guesses: 0 },
  })
  const { sandbox } = engine.engine
  sandbox.setTexts({ en: { mood: 'good' } })

  const answer = engine.post('/moody', {})
  await until(() => sandbox.history().some(run => run.journal.turns.length === 2))
  // What texts say is not in the journal: the one thing that may change under a run.
  sandbox.setTexts({ en: { mood: 'bad' } })
  killMain(engine)

  expect(await answer).toMatchObject({ status: 500, body: { code: 'replay_diverged' } })
})

function inFlight({ engine }: TestEngine): number {
  return engine.sandbox.history().filter(run => run.outcome === undefined).length
}

/** The process where runs live. */
function mainOf({ engine }: TestEngine): number | undefined {
  return engine.sandbox.stats().lanes.find(({ role }) => role === 'main')?.pid
}

function killMain(engine: TestEngine): number {
  const pid = mainOf(engine)!
  process.kill(pid, 'SIGKILL')
  return pid
}
