// `isolation: "run"`: every run in a world of its own, which goes with it.

import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngineOptions } from '../helpers.ts'
import { fine, neighbour, neighboursOf } from './neighbours.ts'
import { outcomeOf } from './outcome.ts'

const alone = (files: Record<string, string>, engine: Record<string, number> = {}): TestEngineOptions => ({
  files,
  config: {
    engine: { scriptWallMs: 60_000, ...engine },
    scripts: Object.fromEntries(Object.keys(files).map(file => [file.replace('.ts', ''), { isolation: 'run' }])),
  },
})

test('what a run leaves on globals and prototypes is never seen by another', async () => {
  const { post } = await createTestEngine(
    alone({
      'mark.ts': `
        let top = 0
        export default async ({ n }) => {
          const seen = [top, globalThis.mark, {}.mark, [].mark, Error.mark, Math.mark, JSON.mark, storage.mark, sendSms.mark]
          top = n
          await storage.get('key')
          for (const one of [globalThis, Object.prototype, Error, Math, JSON, storage, sendSms]) one.mark = n
          await storage.get('key')
          return { seen: seen.filter(value => value !== undefined), mine: [mark, {}.mark, [].mark, Math.mark, storage.mark] }
        }`,
    }),
  )

  const atOnce = await Promise.all(Array.from({ length: 20 }, (_, n) => post('/mark', { n })))
  const later = [await post('/mark', { n: 20 }), await post('/mark', { n: 21 })]

  for (const [n, { status, body }] of [...atOnce, ...later].entries())
    expect({ status, body }).toEqual({ status: 200, body: { seen: [0], mine: Array(5).fill(n) } })
})

test('it has the same names, time and chance as in a shared one', async () => {
  const look = `
    export default async () => {
      const began = Date.now()
      const names = Object.getOwnPropertyNames(globalThis).sort()
      const evaluators = [Function, (async () => {}).constructor, (function* () {}).constructor, (async function* () {}).constructor]
        .map(make => { try { return typeof make('return 1') } catch (error) { return error.name } })
      for (let n = 0; n < 200_000; n++) Math.sqrt(n)
      const times = [Date.now(), new Date().getTime(), new Date().constructor.now(), +new Date(Date())].map(time => time - began)
      const shown = new Intl.DateTimeFormat('en', { year: 'numeric', fractionalSecondDigits: 3 }).format() ===
        new Intl.DateTimeFormat('en', { year: 'numeric', fractionalSecondDigits: 3 }).format(began)
      return { names, evaluators, times: times.slice(0, 3), near: Math.abs(times[3]) < 1000, shown, now: typeof Temporal?.Now }
    }
    export const chance = () => [Math.random(), generateCode()]`
  const { post } = await createTestEngine({
    files: { 'shared.ts': look, 'own.ts': look },
    config: { scripts: { own: { isolation: 'run' } } },
  })

  const [shared, own] = [await post('/shared', {}), await post('/own', {})]

  expect(own.status).toBe(200)
  expect(own.body).toEqual(shared.body)
  expect(own.body).toMatchObject({
    evaluators: Array(4).fill('TypeError'),
    times: [0, 0, 0],
    shown: true,
    now: 'undefined',
  })
  const [one, other] = [(await post('/own/chance', {})).body, (await post('/own/chance', {})).body]
  expect(one[0]).not.toBe(other[0])
})

test('the otp script works in it', async () => {
  const engine = await createTestEngine({ scripts: ['otp'], config: { scripts: { otp: { isolation: 'run' } } } })

  const begun = await engine.post('/otp', { number: '+12015550123' })
  expect(begun).toMatchObject({ status: 200, body: { status: 'pending', code: expect.stringMatching(/^\d{6}$/) } })
  expect(await engine.sms('+12015550123')).toContain(begun.body.code)
  expect(await engine.post('/otp', { number: '+12015550123' })).toMatchObject({
    status: 429,
    body: { code: 'too_soon' },
  })
  expect(await engine.post('/otp/check', { id: begun.body.id, code: 'x' })).toMatchObject({ status: 400 })
  expect(await engine.post('/otp/check', { id: begun.body.id, code: begun.body.code })).toMatchObject({
    status: 200,
    body: { verified: true },
  })
})

test('what a run bends is bent for itself alone, and its process stays', async () => {
  const engine = await createTestEngine(
    alone(
      {
        'bend.ts': `
        const ways = {
          stringify() { JSON.stringify = () => 'bent'; return { fine: true } },
          parse() { JSON.parse = () => ({ start: {} }); return { fine: true } },
          toJSON() { Object.prototype.toJSON = () => 5; throw new Error('bent') },
          refusal() { Object.prototype.toJSON = () => 5; throw refuse('bent', {}) },
          async then() { Promise.prototype.then = () => {}; await storage.get('key'); return { fine: true } },
          array() {
            for (const name of ['map', 'join', 'push', 'find', 'slice', 'includes']) Array.prototype[name] = () => ({ bent: true })
            log.info('bent')
            return { fine: true }
          },
          iterator() { Array.prototype[Symbol.iterator] = function* () { yield 'bent' }; return storage.get('key') },
          map() { Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => ({ bent: true }); return storage.set('key', 1) },
          stack() { Error.prepareStackTrace = () => ({ bent: true }); storage.set('key', () => {}, { ttl: {} }); return { fine: true } },
          text() { String.prototype.slice = () => ({ bent: true }); log.info('bent'); throw new Error('bent') },
          weak() { WeakMap.prototype.get = () => ({ code: 5, status: 'no' }); throw {} },
        }
        export const list = () => Object.keys(ways)
        export default ({ way }) => ways[way]()${neighbour}`,
      },
      { scriptWallMs: 2_000 },
    ),
  )
  const { body: ways } = await engine.post('/bend/list', {})
  const before = pids()

  const answers = Promise.all((ways as string[]).map(way => engine.post('/bend', { way })))
  expect(await neighboursOf(engine, 'bend', 10)).toMatchObject(fine(10))
  for (const [index, answer] of (await answers).entries()) {
    const told = answer.status === 200 ? 'answer' : answer.body.code
    expect(['answer', 'script_error', 'script_limit', 'script_timeout', 'bent', 'refused'], ways[index]).toContain(told)
  }
  expect(pids()).toEqual(before)

  function pids(): number[] {
    return engine.engine.sandbox
      .stats()
      .lanes.filter(({ role }) => role === 'main')
      .map(({ pid }) => pid)
  }
})

test('a run that loops or swells takes nobody with it, and is judged at once', async () => {
  const engine = await createTestEngine(
    alone(
      {
        'brute.ts': `
        export const loop = async () => { await storage.get('key'); for (;;); }
        export const swell = () => { const all = []; for (;;) all.push(new Array(1e4).fill(0.5)) }${neighbour}`,
      },
      { scriptCpuMs: 500, scriptMemoryMb: 16 },
    ),
  )

  const brutes = [engine.post('/brute/loop', {}), engine.post('/brute/swell', {})]
  expect(await neighboursOf(engine, 'brute', 10)).toMatchObject(fine(10))

  expect(await brutes[0]).toMatchObject({ status: 504, body: { code: 'script_timeout' } })
  const swollen = (await brutes[1])!
  expect(swollen).toMatchObject({ status: 500, body: { code: 'script_out_of_memory' } })
  expect((await outcomeOf(engine, swollen)).detail).toContain('16 MB')
})

test('runs beyond the room that a process has wait for it, and none is refused', async () => {
  // Half of 256 MB are two of 64.
  const engine = await createTestEngine(
    alone(
      { 'work.ts': `${neighbour}\nexport default () => new Promise(() => {})` },
      { sandboxMemoryMb: 256, scriptMemoryMb: 64 },
    ),
  )
  const main = () => engine.engine.sandbox.stats().lanes.find(({ role }) => role === 'main')!
  let most = 0
  const watching = setInterval(() => (most = Math.max(most, main().isolates)), 1)

  expect(await neighboursOf(engine, 'work', 40)).toMatchObject(fine(40))
  clearInterval(watching)

  expect(most).toBeLessThanOrEqual(2)
  await until(() => main().isolates === 0 || undefined)
})

test('a run goes on in the next process when its own has died', async () => {
  const engine = await createTestEngine(alone({ 'work.ts': neighbour }))

  const work = neighboursOf(engine, 'work', 30)
  await until(() => engine.engine.sandbox.history().some(run => run.place !== undefined) || undefined)
  process.kill(engine.engine.sandbox.stats().lanes.find(({ role }) => role === 'main')!.pid, 'SIGKILL')

  expect(await work).toMatchObject(fine(30))
})

test('a run that has lifted its own budgets is stopped by the limit of its output, not with its process', async () => {
  const { post, engine } = await createTestEngine(
    alone({
      'talker.ts': `
        export default async () => {
          const get = Map.prototype.get
          Map.prototype.get = function (key) {
            const found = get.call(this, key)
            if (found?.logLines !== undefined) found.logLines = -1e9
            return found
          }
          await storage.get('k')
          for (let n = 0; n < 997; n++) log.info('x')
          Promise.reject(new Error('nobody waits'))
          await storage.get('l')
          await storage.get('m')
          return 'done'
        }`,
    }),
  )
  const { sandbox } = engine
  const [main] = sandbox.stats().lanes

  expect(await post('/talker', {})).toMatchObject({ body: { code: 'script_limit' } })

  expect(sandbox.stats().lanes[0]).toMatchObject({ role: 'main', pid: main!.pid })
})
