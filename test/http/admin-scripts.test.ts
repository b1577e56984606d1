import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, until } from '../helpers.ts'

const hello = `
  export const fields = { default: { name: 'string' } }
  export default ({ name }) => 'hello ' + name
  export const onSms = async () => {}
`
const files = { 'hello.ts': hello, 'other.js': 'export default () => 1' }

describe('the scripts of the administration', () => {
  test('are listed with state, version, exports and fields', async () => {
    const { get } = await createTestEngine({ files })

    const { status, body } = await get('/admin/scripts')

    expect(status).toBe(200)
    expect(body.next).toBeNull()
    expect(body.scripts.map(({ name }: { name: string }) => name)).toEqual(['hello', 'other'])
    expect(body.scripts[0]).toEqual({
      name: 'hello',
      state: 'active',
      lane: 'fast',
      version: expect.stringMatching(/^[a-p]{16}$/),
      loadedAt: expect.stringMatching(/Z$/),
      exports: expect.arrayContaining(['default', 'onSms']),
      fields: { default: { name: { type: 'string', optional: false } } },
      problems: [],
    })
    const first = await get('/admin/scripts?limit=1')
    expect(first.body).toMatchObject({ scripts: [{ name: 'hello' }], next: expect.any(String) })
    expect((await get(`/admin/scripts?limit=1&cursor=${first.body.next}`)).body.scripts[0].name).toBe('other')
  })

  test('are shown one by one with their source', async () => {
    const { get, folder } = await createTestEngine({ files })

    const { status, body } = await get('/admin/scripts/hello')
    expect(status).toBe(200)
    expect(body.source).toBe(await readFile(join(folder, 'scripts', 'hello.ts'), 'utf8'))
    for (const name of ['none', '__proto__', 'hello.ts', 'lib'])
      expect((await get(`/admin/scripts/${name}`)).status, name).toBe(404)
  })

  test('tell why the newest file of one cannot be used, while the version before it serves', async () => {
    const { get, post, writeScript } = await createTestEngine({ files })
    const { version } = (await get('/admin/scripts/hello')).body

    await writeScript('hello.ts', 'export default () => {\n  return (\n}')
    const stale = await until(async () => {
      const { body } = await get('/admin/scripts/hello')
      return body.state === 'stale' ? body : undefined
    })
    expect(stale.problems).toMatchObject([{ line: 3, column: expect.any(Number), message: expect.any(String) }])
    expect(stale).toMatchObject({ version, source: hello })
    expect((await post('/hello', { name: 'you' })).body).toBe('hello you')

    await writeScript('hello.ts', `export default () => 'mended'`)
    await until(async () => (await post('/hello', {})).body === 'mended' || undefined)
    expect((await get('/admin/scripts/hello')).body).toMatchObject({ state: 'active', problems: [] })
  })
})
