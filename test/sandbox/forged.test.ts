// A script that has broken out speaks to the engine in its sandbox's name. What
// no honest process says ends the process; what could be honest is believed, for
// the runs that live in that process and for no others.

import { describe, expect, test } from 'vitest'

import { createLineReader } from '../../engine/sandbox/protocol.ts'
import { readStatements } from '../../engine/sandbox/statement-shape.ts'
import { startEscapedEngine } from './escaped-engine.ts'

const say = (statements: string): string =>
  `return write(1, 'done\\t' + turn + '\\t0\\t' + ${JSON.stringify(statements)} + '\\n')`
const forEver = (text: string): string => `for (;;) write(1, ${text})`

/** Named in letters and spaces. */
const lies: Record<string, string> = {
  'no words at all': `return write(1, '\\0\\xff\\n')`,
  'an empty line': `return write(1, '\\n')`,
  'a word of its own': `return write(1, 'grant\\teverything\\n')`,
  'a turn that nobody took': `return write(1, 'done\\t999999999\\t0\\t[]\\n')`,
  'a loss that nobody had': `return write(1, 'lost\\t999999999\\ttimeout\\t0\\ti1\\n')`,
  'a loss without a reason': `return write(1, 'lost\\t' + turn + '\\tmagic\\t0\\ti1\\n')`,
  'half a line': `return write(1, 'done\\t' + turn + '\\n')`,
  'code for everybody': `return write(1, 'cache\\t{"ses":"","guest":""}\\n')`,
  'a second start': `return write(1, 'ready\\n')`,
  'signs of life without end': forEver(`'alive\\n'`),
  'its heap without end': forEver(`'heap\\ti1\\t1\\n'`),
  'a line without end': forEver(`'x'.repeat(1_000_000)`),
  'a turn without end': `write(1, 'done\\t' + turn + '\\t0\\t'); ${forEver(`'['.repeat(1_000_000)`)}`,
  'complaints without end': `const much = 'x'.repeat(100_000); for (;;) write(2, much)`,
  'statements that are none': say('{{{'),
  'a record for a list': say('{"length":1}'),
  'nothing for a statement': say('[null]'),
  'a settled run without an end': say('[["settled",null]]'),
  'calls without numbers': say('[["call",-1,"sendSms",{"to":"+12125551212","text":"x"}]]'),
  'a call without a name': say('[["call",1,{}]]'),
  'a refusal with any status': say('[["refuse",{"code":"x","status":99999,"facts":{}}]]'),
  'a failure without words': say('[["fail",null]]'),
  'an end of nothing': say('[["end"],["settled",null]]'),
  'lines of the log without end': say(JSON.stringify(Array.from({ length: 100_000 }, () => ['log', 'info', 'x']))),
  'a long line of the log': say(JSON.stringify([['log', 'info', 'x'.repeat(1_000_000)]])),
}

test(
  'lies that nobody can believe end one run each: no neighbour and no memory goes with them',
  { timeout: 180_000 },
  async () => {
    const engine = await startEscapedEngine(lies)
    for (const lie of Object.keys(lies)) {
      const evil = engine.lie(lie)
      const good = await Promise.all(Array.from({ length: 12 }, (_, n) => engine.post('/good', { n })))

      expect(good, lie).toEqual(
        good.map((_, n) => ({ status: 200, body: expect.objectContaining({ honest: true, n }) })),
      )
      expect(await evil, lie).toMatchObject({ status: 500, body: { code: 'script_crashed' } })
      expect(engine.alive(), `${lie}: ${engine.log()}`).toBe(true)
    }
    // It starts with about 120.
    if (process.platform === 'linux') expect(engine.peakMb()).toBeLessThan(500)
    expect(engine.log()).not.toContain('xxxx')
  },
)

test('lies that could be true are believed, of runs in the same process', async () => {
  const engine = await startEscapedEngine({
    'for a neighbour': `return write(1, text.replaceAll('"honest":true', '"honest":false'))`,
  })
  expect(await engine.post('/good', { n: 1 })).toMatchObject({ status: 200, body: { honest: true } })
  expect(await engine.lie('for a neighbour')).toMatchObject({ status: 200 })
  // The threat model says so: who breaks out speaks for all that live there.
  expect(await engine.post('/good', { n: 1 })).toMatchObject({ status: 200, body: { honest: false } })
})

describe('lines', () => {
  test('are cut wherever the pieces end', () => {
    const lines: string[] = []
    const read = createLineReader(line => lines.push(line), 10)
    for (const piece of ['a\nb', 'c', '\n', '\nd\ne\n', '1234567890\n']) read(piece)
    expect(lines).toEqual(['a', 'bc', '', 'd', 'e', '1234567890'])
  })

  test('that are too long are told once, kept never, and the last', () => {
    const lines: string[] = []
    let told = 0
    const read = createLineReader(
      line => lines.push(line),
      10,
      () => void told++,
    )
    for (const piece of ['a\n', '123456', '78901', '\n', 'b\n', 'x'.repeat(100)]) read(piece)
    expect({ lines, told }).toEqual({ lines: ['a'], told: 1 })
  })
})

test('statements are those that the sandbox makes', () => {
  const honest =
    '[["log","info","x"],["call",1,"storage.get",{"key":"k"}],["guess",1,"ok"],["changed",2,"nothing","x"],["end",null],["settled",null]]'
  expect(readStatements(honest)).toEqual(JSON.parse(honest))
  for (const wrong of [
    '[["call",1.5,"x",{}]]',
    '[["guess",1,"maybe"]]',
    '[["changed",1,"all"]]',
    '[["log",1,"x"]]',
    '[[]]',
    '1',
  ])
    expect(() => readStatements(wrong), wrong).toThrow()
})
