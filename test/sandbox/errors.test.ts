import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { createTestEngine, newFolder, shareEngine } from '../helpers.ts'
import { outcomeOf } from './outcome.ts'

const throwing = `// A comment, a type: lines that are gone when the script runs.
interface Body {
  where: string
}

export default async function fail({ where }: Body) {
  if (where === 'at once') throw new Error('no luck')
  await storage.get('key')
  if (where === 'after an await') throw new TypeError('no luck later')
  const nothing = undefined as unknown as { field: string }
  return nothing.field
}
`
// One engine for all that need no settings: what a test adds lies above it.
const files: Record<string, string> = { 'throwing.ts': throwing }
const shared = shareEngine({ files })

test('a throw is told with file, line and column of the source', async () => {
  const engine = shared()

  const answer = await engine.post('/throwing', { where: 'at once' })

  const { kind, code, detail } = await outcomeOf(engine, answer)
  expect({ kind, code }).toEqual({ kind: 'failure', code: 'script_error' })
  expect(detail).toMatch(/^Error: no luck\n.*\bfail \(.*scripts\/throwing\.ts:7:34\)$/)
})

test('so is one behind an await, and one that nobody threw on purpose', async () => {
  const engine = shared()

  const later = await outcomeOf(engine, await engine.post('/throwing', { where: 'after an await' }))
  const slip = await outcomeOf(engine, await engine.post('/throwing', { where: 'by a slip' }))

  expect(later.detail).toMatch(/^TypeError: no luck later\n.*scripts\/throwing\.ts:9:41/)
  expect(slip.detail).toMatch(/^TypeError: .*undefined.*\n.*scripts\/throwing\.ts:11:18/)
})

files['lib/plumbing.ts'] = `export function leak(): never {\n  throw new RangeError('a drop')\n}\n`
files['house.ts'] = `import { leak } from './lib/plumbing.ts'\n\nexport default function enter() {\n  leak()\n}\n`
test('a throw in a file of lib is told with that file, and with the line that called it', async () => {
  const engine = shared()

  const { detail } = await outcomeOf(engine, await engine.post('/house', {}))

  expect(detail).toMatch(/scripts\/lib\/plumbing\.ts:2:9\)\n.*scripts\/house\.ts:4:3/)
})

test('places are found in a folder whose name has a space and a bracket', async () => {
  const folder = await newFolder()
  await mkdir(join(folder, 'my (own) scripts'))
  await writeFile(join(folder, 'my (own) scripts', 'oops.ts'), `\nexport default () => {\n  throw new Error('x')\n}\n`)
  const engine = await createTestEngine({ folder, environment: { PATCHCORD_SCRIPTS: 'my (own) scripts' } })

  const { detail } = await outcomeOf(engine, await engine.post('/oops', {}))

  expect(detail).toMatch(/my \(own\) scripts\/oops\.ts:3:9/)
})

test('the caller is told script_error and nothing of where or why', async () => {
  const { post } = shared()

  const answer = await post('/throwing', { where: 'at once' })

  expect(answer).toMatchObject({ status: 500, body: { code: 'script_error', status: 500, title: 'The script failed' } })
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(JSON.stringify(answer.body)).not.toMatch(/no luck|throwing|scripts|:\d+:\d+|\bat\b .*\(/)
})

files['odd.ts'] = `
  const odd = {
    text: () => 'just text',
    nothing: () => undefined,
    symbol: () => Symbol('s'),
    bare: () => Object.create(null),
    trap: () => new Proxy({}, { get() { throw new Error('trap') } }),
    getter: () => ({ get message() { throw new Error('trap') } }),
    huge: () => new Error('x'.repeat(1e6)),
    lookalike: () => ({ code: 'too_soon', status: 429, facts: {} }),
    thenable: () => ({ then() { throw new Error('then') } }),
  }
  export default async ({ what }) => { throw odd[what]() }`
test('whatever is thrown ends the run as script_error', async () => {
  const engine = shared()

  for (const what of ['text', 'nothing', 'symbol', 'bare', 'trap', 'getter', 'huge', 'lookalike', 'thenable']) {
    expect(await engine.post('/odd', { what }), what).toMatchObject({ status: 500, body: { code: 'script_error' } })
  }
})

files['loose.ts'] = `
  export default async () => {
    void Promise.reject(new Error('loose end'))
    await storage.get('key')
    return 'fine'
  }`
test('a rejection that nobody handles leaves the run its answer and is noted in its trace', async () => {
  const { post, get } = shared()

  const answer = await post('/loose', {})

  expect(answer).toMatchObject({ status: 200, body: 'fine' })
  const { body } = await get(`/admin/runs/${answer.headers.get('x-run-id')}`)
  expect(body.trace.logs).toEqual([
    expect.objectContaining({ level: 'warn', text: expect.stringContaining('loose end') }),
  ])
})
