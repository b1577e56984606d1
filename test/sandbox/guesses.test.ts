// A run goes on with what the engine will most probably answer. Whether that
// was right or not must make no difference to anybody but the clock.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createTestEngine, until, type TestEngine } from '../helpers.ts'

const turnsOf = (engine: TestEngine): number => engine.engine.sandbox.history()[0]!.journal.turns.length
const repeatsOf = (engine: TestEngine): number => engine.engine.sandbox.stats().repeats

test('a run whose answers can be foretold takes one turn, and does the same', async () => {
  const work = `
    export default async () => {
      const before = await storage.get('a')
      const made = await storage.update('b', (value = { n: 0 }) => ({ n: value.n + 1 }))
      const gone = await storage.update('c', () => undefined)
      const [set, sms] = await Promise.all([storage.set('d', [1]), sendSms({ to: '+12125551212', text: 'é€ hi' })])
      const second = await sendSms({ to: '+12125551212', text: 'ж' })
      return { before, made, gone, set, sms, second }
    }
    export const look = async () => [await storage.get('b'), await storage.get('c'), await storage.get('d')]`
  const sides = await Promise.all(
    [16, 0].map(guesses => createTestEngine({ files: { 'work.ts': work }, sandboxLimits: { guesses } })),
  )
  const [one, many] = await Promise.all(
    sides.map(async engine => {
      const answer = await engine.post('/work', {})
      expect(repeatsOf(engine)).toBe(0)
      const turns = turnsOf(engine)
      const run = answer.headers.get('x-run-id')!
      const text = JSON.stringify(answer.body).replaceAll(run, 'run')
      const look = (await engine.post('/work/look', {})).body
      await until(() => engine.printed.length === 2)
      return { turns, text, look, printed: engine.printed }
    }),
  )
  expect(one!.turns).toBe(1)
  expect(many!.turns).toBeGreaterThan(4)
  expect(one).toEqual({ ...many, turns: 1 })
  expect(one!.look).toEqual([{ n: 1 }, null, [1]])
})

test('a script never sees a guess that did not hold, and nothing that it led to happens', async () => {
  const work = `
    let asked = []
    export const fill = () => storage.set('k', { n: 1 })
    export default async () => {
      log.info('begins')
      const found = await storage.get('k')
      if (found === undefined) {
        log.warn('nothing there')
        await sendSms({ to: '+12125551212', text: 'never' })
      }
      const after = await storage.update('k', value => {
        asked.push(value)
        return { n: value.n + 1 }
      })
      return { found, after, asked }
    }`
  const engine = await createTestEngine({ files: { 'work.ts': work } })
  await engine.post('/work/fill', {})
  const answer = await engine.post('/work', {})
  expect(answer.body).toEqual({ found: { n: 1 }, after: { n: 2 }, asked: [{ n: 1 }] })
  expect(repeatsOf(engine)).toBe(1)
  const { trace } = (await engine.get(`/admin/runs/${answer.headers.get('x-run-id')}`)).body
  expect(trace.logs.map(({ text }: { text: string }) => text)).toEqual(['begins'])
  expect(trace.calls.map(({ name }: { name: string }) => name)).toEqual(['storage.get', 'storage.update'])
  expect(trace.replays).toBe(0)
  expect(engine.printed).toEqual([])
})

test('an update whose function throws at a guess is not asked again when a later guess fails', async () => {
  const work = `
    export const fill = () => storage.set('k', 1)
    export default async () => {
      let asked = 0
      const failed = await storage.update('none', () => { asked++; throw new Error('no') }).catch(error => error.message)
      return [failed, asked, await storage.get('k')]
    }`
  const engine = await createTestEngine({ files: { 'work.ts': work } })
  await engine.post('/work/fill', {})
  expect((await engine.post('/work', {})).body).toEqual(['no', 1, 1])
  expect(repeatsOf(engine)).toBe(1)
})

test('what loops, floods or dies only behind a wrong guess does not', async () => {
  const behind: Record<string, string> = {
    loops: 'for (;;);',
    grows: 'const a = []; for (;;) a.push(new Array(1000).fill(1))',
    floods: 'for (;;) await storage.set("x", 1)',
    talks: 'for (let i = 0; i < 5000; i++) void storage.set("x", 1)',
    dies: 'JSON.stringify(Array(1e8).fill(1))',
    throws: 'throw null',
    ends: 'return "wrong"',
    hangs: 'await new Promise(() => {})',
    speaks: 'throw refuse("wrong", { status: 409 })',
  }
  const files = Object.fromEntries(
    Object.entries(behind).map(([name, code]) => [
      `${name}.ts`,
      `export const fill = () => storage.set('k', 1)
       export default async () => { if ((await storage.get('k')) === undefined) { ${code} } return 'right' }`,
    ]),
  )
  const engine = await createTestEngine({ files })
  for (const name of Object.keys(behind)) {
    await engine.post(`/${name}/fill`, {})
    expect([name, (await engine.post(`/${name}`, {})).body]).toEqual([name, 'right'])
  }
})

test('what was sent before a turn was stopped is sent, and once', async () => {
  const ways: Record<string, [string, string]> = {
    loops: ['for (;;);', 'script_timeout'],
    dies: ['JSON.stringify(Array(1e8).fill(1))', 'script_crashed'],
    throws: ['throw new Error()', 'script_error'],
  }
  const files = Object.fromEntries(
    Object.entries(ways).map(([name, [code]]) => [
      `${name}.ts`,
      `export default async () => { await sendSms({ to: '+12125551212', text: '${name}' }); ${code} }`,
    ]),
  )
  const engine = await createTestEngine({ files })
  const codes = new Set<string>()
  for (const name of Object.keys(ways)) codes.add((await engine.post(`/${name}`, {})).body.code)
  await until(() => engine.printed.length >= 3)
  expect(engine.printed.toSorted()).toEqual(
    Object.keys(ways)
      .toSorted()
      .map(name => `SMS to +12125551212: ${name}`),
  )
  expect(codes.size).toBeGreaterThan(1)
})

test('an update whose function says something before it throws counts as answered too', async () => {
  const work = `
    export const fill = () => storage.set('k', 1)
    export default async ({ word }) => {
      let asked = 0
      const change = value => { asked++; log.info(word); if (word !== 'nothing') throw new Error('no'); return 1 }
      const failed = await storage.update('none', change).catch(error => error.message)
      return [failed, asked, await storage.get('k')]
    }`
  const engine = await createTestEngine({ files: { 'work.ts': work } })
  await engine.post('/work/fill', {})
  expect((await engine.post('/work', { word: 'asked' })).body).toEqual(['no', 1, 1])
  expect((await engine.post('/work', { word: 'nothing' })).body).toEqual([1, 1, 1])
  expect(repeatsOf(engine)).toBe(2)
})

test('a value too large behind a wrong guess breaks nothing, and one behind a right guess undoes nothing', async () => {
  const work = `
    const large = 'ж'.repeat(40000)
    export const fill = () => storage.set('k', 1)
    export default async () => {
      if ((await storage.get('k')) === undefined) await storage.set('x', large)
      return 'right'
    }
    export const sends = async () => {
      await sendSms({ to: '+12125551212', text: 'first' })
      await storage.set('x', large)
    }`
  const engine = await createTestEngine({ files: { 'work.ts': work } })
  await engine.post('/work/fill', {})
  expect((await engine.post('/work', {})).body).toBe('right')
  expect((await engine.post('/work/sends', {})).body).toMatchObject({ code: 'script_limit', limit: 'valueBytes' })
  await until(() => engine.printed.length === 1)
})

test('a run that listens to what comes first within a turn hears nothing of a guess', async () => {
  const work = `
    const sms = text => sendSms({ to: '+12125551212', text })
    const ticks = async n => { for (let i = 0; i < n; i++) await null; return 'own' }
    export const race = () => Promise.race([storage.get('k'), ticks(50)])
    export const late = async () => { void storage.get('k').then(() => sms('late')).catch(() => {}); await ticks(50) }
    export const order = async () => {
      const order = []
      const note = name => value => { order.push(name) }
      await Promise.all([
        storage.set('k', 1).then(note('set')), ticks(20).then(note('own')),
        storage.update('k', note('asked')).then(note('updated')), ticks(1).then(() => storage.get('x')).then(note('get')),
      ])
      return [order[0], order.includes('get')]
    }
    export const rejected = async () => {
      const own = Promise.reject(new Error('nobody yet'))
      await storage.get('x')
      return own.catch(error => error.message)
    }`
  const sides = await Promise.all(
    [16, 0].map(guesses => createTestEngine({ files: { 'work.ts': work }, sandboxLimits: { guesses } })),
  )
  const [guessed, plain] = await Promise.all(
    sides.map(async engine => {
      const seen: unknown[] = []
      for (const action of ['race', 'late', 'order', 'rejected']) {
        const { headers, body } = await engine.post(`/work/${action}`, {})
        const { trace } = (await engine.get(`/admin/runs/${headers.get('x-run-id')}`)).body
        seen.push([action, body, trace.calls.map(({ name }: { name: string }) => name), trace.logs.length])
      }
      return seen
    }),
  )
  expect(guessed).toEqual(plain)
  expect(guessed).toContainEqual(['race', 'own', ['storage.get'], 0])
  expect(guessed).toContainEqual(['late', null, ['storage.get'], 0])
  expect(guessed).toContainEqual(['rejected', 'nobody yet', ['storage.get'], 1])
})

test('a turn that talks without end behind a wrong guess breaks no limit', async () => {
  const work = `
    export const fill = () => storage.set('k', 1)
    export default async () => {
      if ((await storage.get('k')) === undefined) for (let n = 0; n < 3000; n++) void storage.get('x' + n)
      return 'right'
    }`
  const engine = await createTestEngine({
    files: { 'work.ts': work },
    config: { engine: { scriptHostCalls: 2_000 } },
    sandboxLimits: { fastTurnMs: 10_000 },
  })
  await engine.post('/work/fill', {})
  expect((await engine.post('/work', {})).body).toBe('right')
  expect(repeatsOf(engine)).toBe(1)
})

test(
  'parallel runs on the same keys count right although their processes are killed all the time',
  { timeout: 120_000 },
  async () => {
    const work = `
    export default async ({ n, how }) => {
      const mine = await storage.get('mine:' + n)
      const [sum, other] = await Promise.all([
        storage.update('sum', (value = 0) => value + 1),
        storage.update('other' + (n % 3), (value = []) => [...value, n].slice(-5)),
      ])
      if (how === 'set') await storage.set('loud', n)
      const loud = await storage.update('loud', value => { log.info(n); return n })
      await storage.set('mine:' + n, sum)
      const { value } = await storage.increment('n')
      const sms = await sendSms({ to: '+12125551212', text: 'run ' + n })
      try { return { mine, sum, other: other.includes(n), loud: loud === n, value, id: sms.id } }
      finally { void storage.update('end', (value = 0) => value + 1) }
    }
    export const state = async () => [await storage.get('sum'), await storage.get('n'), await storage.get('end')]`
    const engine = await createTestEngine({
      files: { 'work.ts': work },
      config: { engine: { scriptWallMs: 60_000 } },
      log: 'silent',
    })
    const total = 200
    let next = 0
    let kills = 0
    const answers: Array<{ status: number; body: Record<string, unknown> }> = []
    const worker = async (): Promise<void> => {
      while (next < total) {
        const n = next++
        if (n % 40 === 20) {
          kills++
          for (const { pid, role } of engine.engine.sandbox.stats().lanes)
            if (role === 'main') process.kill(pid, 'SIGKILL')
        }
        answers.push(await engine.post('/work', { n, how: n % 7 === 0 ? 'set' : '' }))
      }
    }
    await Promise.all(Array.from({ length: 24 }, worker))
    expect(kills).toBe(5)
    const unlike = answers.filter(
      ({ status, body }) => status !== 200 || body.mine !== undefined || !body.other || !body.loud,
    )
    expect(unlike).toEqual([])
    expect(new Set(answers.map(({ body }) => body.sum)).size).toBe(total)
    expect(new Set(answers.map(({ body }) => body.value)).size).toBe(total)
    expect((await engine.post('/work/state', {})).body).toEqual([total, total, total])
    await until(() => engine.printed.length >= total)
    expect(new Set(engine.printed).size).toBe(engine.printed.length)
  },
)

test('guesses that keep failing are given up, and taken up again when they would hold', async () => {
  const work = `
    export const fill = () => storage.set('k', 1)
    export const empty = () => storage.delete('k')
    export default async () => (await storage.get('k')) ?? 0`
  const engine = await createTestEngine({ files: { 'work.ts': work } })
  await engine.post('/work/fill', {})
  for (let n = 0; n < 100; n++) await engine.post('/work', {})
  expect(repeatsOf(engine)).toBeLessThan(20)
  await engine.post('/work/empty', {})
  await until(async () => {
    await engine.post('/work', {})
    return turnsOf(engine) === 1
  })
})

// A program is a list of steps, some of calls made at the same time: those that
// come to pass in an order that nobody promised keep to keys of their own.
function calls(keys: string[], more: string[]): fc.Arbitrary<string> {
  const key = fc.constantFrom(...keys)
  const value = fc.nat(9)
  return fc.oneof(
    key.map(k => `storage.get('${k}')`),
    fc.tuple(key, value).map(([k, n]) => `storage.set('${k}', ${n})`),
    fc.tuple(key, value).map(([k, n]) => `storage.set('${k}', ${n}, { ifAbsent: true })`),
    key.map(k => `storage.delete('${k}')`),
    key.map(k => `storage.increment('n${k}')`),
    fc.tuple(key, value).map(([k, n]) => `storage.update('${k}', v => { asked.push(v ?? null); return [n, ${n}] })`),
    key.map(k => `storage.update('${k}', v => undefined)`),
    key.map(k => `storage.update('${k}', v => { if (v === undefined) throw new Error('none'); return v })`),
    ...more.map(text => fc.constant(text)),
  )
}
const any = calls(
  ['a', 'b', 'c'],
  [
    `sendSms({ to: '+12125551212', text: 'latin' })`,
    `sendSms({ to: '+12125551213', text: 'не латынь' })`,
    `sendSms({ to: 'nobody', text: 'x' })`,
    `storage.list('').then(sorted)`,
  ],
)
const [left, middle, right] = [
  calls(['a'], [`sendSms({ to: '+12125551212', text: 'left' })`]),
  calls(['b'], []),
  calls(['c'], []),
]
// Nobody waits for these, so one may come before or after what follows it: only such whose order tells nothing.
const loose = fc.oneof(
  fc.constantFrom(`storage.get('v')`, `storage.increment('nv')`),
  fc.nat(9).map(n => `storage.update('v', () => [n, ${n}])`),
)
const step = fc.oneof(
  any.map(call => `seen.push(await caught(${call}))`),
  fc
    .tuple(left, middle, right)
    .map(group => `seen.push(await Promise.all([${group.map(call => `caught(${call})`).join(', ')}]))`),
  fc
    .tuple(middle, middle, right)
    .map(([a, b, c]) => `seen.push(await Promise.all([caught(${a}).then(() => caught(${b})), caught(${c})]))`),
  fc.constantFrom('a', 'b').map(k => `if ((await storage.get('${k}')) === undefined) await storage.set('${k}', 'new')`),
  fc.constant('log.info(generateCode(), Math.random())'),
  loose.map(call => `void ${call}.catch(() => {})`),
)
const program = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 4 })

const programs = process.env.PATCHCORD_TEST_LONG === '1' ? 500 : 16

test(`${programs} programs come to the same with guesses and without`, { timeout: 1_800_000 }, async () => {
  const source = (runs: string[][]): string =>
    `const n = 0, asked = []
     const caught = call => call.then(value => value, error => 'failed: ' + error.message)
     const sorted = list => list.map(({ key, value }) => [key, value]).sort()
     export const state = () => storage.list('').then(sorted)
     ${runs.map((steps, n) => `export const run${n} = async () => { const seen = []; ${steps.join('\n')}\nreturn { seen, asked: asked.map(value => JSON.stringify(value)).sort() } }`).join('\n')}`
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  const samples = fc.sample(program, { numRuns: programs, seed })
  const files = Object.fromEntries(samples.map((runs, n) => [`p${n}.ts`, source(runs)]))
  async function outcomes(guesses: number): Promise<{ said: unknown[]; sent: string[]; repeats: number }> {
    const engine = await createTestEngine({ files, sandboxLimits: { guesses } })
    const said: unknown[] = []
    let sent = 0
    for (const [n, runs] of samples.entries()) {
      for (const number of runs.keys()) {
        const { body, headers } = await engine.post(`/p${n}/run${number}`, {})
        said.push(JSON.stringify(body).replaceAll(headers.get('x-run-id')!, 'run'))
        sent += engine.engine.sandbox.history()[0]!.messages
      }
      said.push((await engine.post(`/p${n}/state`, {})).body)
    }
    await until(() => engine.printed.length === sent)
    return { said, sent: engine.printed.toSorted(), repeats: repeatsOf(engine) }
  }
  const guessed = await outcomes(16)
  expect(guessed.repeats).toBeGreaterThan(0)
  expect({ ...guessed, repeats: 0 }, `seed ${seed}`).toEqual(await outcomes(0))
})
