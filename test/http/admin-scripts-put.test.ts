import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, until, type Answer, type TestEngine } from '../helpers.ts'

const files = { 'hello.ts': `export default () => 'file'`, 'stay.ts': `export default () => 1` }
const send = ({ call }: TestEngine, body: unknown, { name = 'hello', token }: { name?: string; token?: string } = {}) =>
  call('PUT', `/admin/scripts/${name}`, { body: JSON.stringify(body), ...(token !== undefined && { token }) })
const says = (word: string): { source: string } => ({ source: `export default (): string => '${word}'` })
const said = async ({ post }: TestEngine): Promise<unknown> => (await post('/hello', {})).body

describe('a text that is put', () => {
  test('is the active version at once, may be a new script, and may import from lib', async () => {
    const engine = await createTestEngine({ files: { ...files, 'lib/word.ts': `export const word = 'lib'` } })
    const answer = await send(engine, says('put'))
    expect(answer).toMatchObject({ status: 201, body: { version: expect.any(String), problems: [] } })
    expect(await said(engine)).toBe('put')
    expect((await engine.get('/admin/scripts/hello')).body).toMatchObject({
      ...says('put'),
      version: answer.body.version,
    })

    const source = `import { word } from './lib/word.ts'\nexport default () => word`
    expect((await send(engine, { source }, { name: 'fresh' })).status).toBe(201)
    expect((await engine.post('/fresh', {})).body).toBe('lib')
  })

  test('is kept where its file has not changed while the engine was off, and gives way to a file that has', async () => {
    const engine = await createTestEngine({ files })
    await send(engine, says('put'))
    await engine.stop()
    const second = await createTestEngine({ folder: engine.folder })
    expect(await said(second)).toBe('put')
    await second.stop()

    await writeFile(join(engine.folder, 'scripts', 'hello.ts'), `export default () => 'newer file'`)
    const third = await createTestEngine({ folder: engine.folder })
    expect(await said(third)).toBe('newer file')
    await third.stop()
    // Back to what it held first: that is a change as well.
    await writeFile(join(engine.folder, 'scripts', 'hello.ts'), files['hello.ts'])
    const fourth = await createTestEngine({ folder: engine.folder })
    expect(await said(fourth)).toBe('file')
    await fourth.stop()

    await rm(join(engine.folder, 'scripts', 'hello.ts'))
    const last = await createTestEngine({ folder: engine.folder })
    expect((await last.post('/hello', {})).status).toBe(404)
    expect((await last.post('/stay', {})).body).toBe(1)
  })

  test.for<[string, string, object]>([
    ['a syntax error', 'export default () => {\n  return (\n}', { line: 3 }],
    ['a throw at its top level', `\nthrow new Error('not today')`, { line: 2, message: 'not today' }],
    ['a package', `import x from 'x'\nexport default x`, { line: 1, message: expect.stringContaining('lib folder') }],
    ['fields of no type', `export const fields = { default: { a: 'text' } }`, { line: 1 }],
  ])('with %s is 422 with its place, and the old version stays', async ([, source, problem]) => {
    const engine = await createTestEngine({ files })
    const answer = await send(engine, { source })
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_script', problems: [problem] } })
    expect(answer.body.problems[0]).toMatchObject({
      file: expect.stringMatching(/hello\.ts$/),
      column: expect.any(Number),
    })
    expect(await said(engine)).toBe('file')
    // The file can be used: what was put has changed nothing.
    expect((await engine.get('/admin/scripts/hello')).body).toMatchObject({ state: 'active', problems: [] })
    expect((await engine.get('/admin/scripts/hello/versions')).body.versions).toHaveLength(1)
  })

  test('needs the scope admin, a name that a script may have, and a source of a size that one may have', async () => {
    const engine = await createTestEngine({ files })
    const token = await engine.newToken({ scopes: ['run:*', 'code:read', 'pii:read', 'metrics'] })
    const of = async (answer: Promise<Answer>): Promise<unknown[]> => {
      const { status, body } = await answer
      return [status, body.code]
    }
    expect(await of(send(engine, says('x'), { token }))).toEqual([403, 'forbidden'])
    expect(await of(send(engine, says('x'), { name: 'admin' }))).toEqual([422, 'invalid_script'])
    for (const name of ['Hello', '__proto__', 'hello.ts', 'a%2fb', '9', '-'])
      expect(await of(send(engine, says('x'), { name })), name).toEqual([404, 'not_found'])
    for (const body of [{}, { source: 1 }, { source: 'x', note: 1 }, { source: 'x', note: 'n'.repeat(501) }])
      expect(await of(send(engine, body))).toEqual([400, 'invalid_request'])
    expect(await of(send(engine, { source: `//${'x'.repeat(500_000)}\nexport default () => 1` }))).toEqual([
      201,
      undefined,
    ])
    expect(await of(send(engine, { source: 'x'.repeat(1_100_000) }))).toEqual([413, 'body_too_large'])
  })

  test('leaves its twenty newest versions to go back to, in pages, the active one among them', async () => {
    const engine = await createTestEngine({ files })
    const put: string[] = []
    for (let n = 0; n < 25; n++) put.push((await send(engine, { ...says(`v${n}`), note: `note ${n}` })).body.version)
    const { body } = await engine.get('/admin/scripts/hello/versions')
    expect(body.versions.map(({ version }: { version: string }) => version)).toEqual(put.slice(5).toReversed())
    expect(body.versions[0]).toEqual({
      version: put[24],
      at: expect.stringMatching(/Z$/),
      note: 'note 24',
      active: true,
    })
    const page = (await engine.get(`/admin/scripts/hello/versions?limit=3&cursor=${put[22]}`)).body
    expect(page.versions.map(({ note }: { note: string }) => note)).toEqual(['note 21', 'note 20', 'note 19'])

    expect((await engine.post('/admin/scripts/hello/activate', { version: put[7] })).status).toBe(200)
    expect(await said(engine)).toBe('v7')
    expect((await engine.post('/admin/scripts/hello/activate', { version: put[2] })).status).toBe(404)
    expect((await engine.post('/admin/scripts/none/activate', { version: put[7] })).status).toBe(404)
    expect((await engine.get('/admin/scripts/none/versions')).status).toBe(404)
  })

  test('and a script that was removed comes back with its file, or with a version of it', async () => {
    const engine = await createTestEngine({ files })
    const { version } = (await engine.get('/admin/scripts/hello')).body
    expect((await engine.call('DELETE', '/admin/scripts/hello')).status).toBe(204)
    expect((await engine.post('/hello', {})).status).toBe(404)
    expect((await engine.call('DELETE', '/admin/scripts/hello')).status).toBe(404)
    await engine.stop()
    const next = await createTestEngine({ folder: engine.folder })
    expect((await next.post('/hello', {})).status).toBe(404)

    expect((await next.post('/admin/scripts/hello/activate', { version })).status).toBe(200)
    expect(await said(next)).toBe('file')
    await next.call('DELETE', '/admin/scripts/hello')
    await next.writeScript('hello.ts', `export default () => 'again'`)
    await until(async () => (await said(next)) === 'again')
  })
})
