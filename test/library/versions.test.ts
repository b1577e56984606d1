import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { createTestEngine, newFolder, until, type Answer, type TestEngine } from '../helpers.ts'

// What it imports and what it says itself belong to one version.
function versionOf(word: string): { script: string; lib: string } {
  return {
    script: `
      import { word } from './lib/word.ts'
      const mine = '${word}'
      export default async () => {
        const before = mine + word()
        for (let n = 0; n < 20; n++) await storage.increment('calls')
        return [before, mine + word()]
      }`,
    lib: `export const word = () => '${word}'`,
  }
}

test('a change comes into force while requests run, and each answer is wholly old or wholly new', async () => {
  const old = versionOf('old')
  const engine = await createTestEngine({ files: { 'say.ts': old.script, 'lib/word.ts': old.lib } })
  const { lib, script } = versionOf('new')
  const answers: Answer[] = []
  const ask = async (): Promise<void> => void answers.push(await engine.post('/say', {}))
  const askMany = () => Promise.all(Array.from({ length: 10 }, ask))

  await askMany()
  // Both at once: a script that is written and its lib that is not yet would be a third version.
  await writeFile(join(engine.folder, 'word.new'), lib)
  await writeFile(join(engine.folder, 'say.new'), script)
  await rename(join(engine.folder, 'word.new'), join(engine.folder, 'scripts', 'lib', 'word.ts'))
  await rename(join(engine.folder, 'say.new'), join(engine.folder, 'scripts', 'say.ts'))
  await until(async () => {
    await askMany()
    return answers.at(-1)?.body[0] === 'newnew'
  })
  await askMany()

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const said = new Set(answers.map(({ body }) => JSON.stringify(body)))
  expect(said.delete('["oldold","oldold"]')).toBe(true)
  expect(said.delete('["newnew","newnew"]')).toBe(true)
  // The engine may have looked between the two renames: that is a version as well, but a whole one.
  for (const mixed of said) expect(['["oldnew","oldnew"]', '["newold","newold"]']).toContain(mixed)
  expect(answers.slice(-10).map(({ body }) => body[0])).toEqual(Array(10).fill('newnew'))
})

test('a broken change leaves the old version serving and is reported with its place', async () => {
  const engine = await createTestEngine({ files: { 'say.ts': `export default () => 'old'` } })
  const before = await scriptOf(engine, 'say')

  await engine.writeScript('say.ts', `export default () => 'new'\n\nconst half = (\n`)
  await until(async () => (await scriptOf(engine, 'say')).problems.length > 0)

  const stale = await scriptOf(engine, 'say')
  expect(stale).toMatchObject({ state: 'stale', version: before.version })
  expect(stale.problems).toEqual([
    { file: expect.stringMatching(/scripts\/say\.ts$/), line: 4, column: 1, message: expect.any(String) },
  ])
  expect((await engine.post('/say', {})).body).toBe('old')
  expect(await engine.readLog()).toMatch(/"script":"say".*script not loaded: .*say\.ts:4:1/)

  await engine.writeScript('say.ts', `export default () => 'new'`)
  await until(async () => (await engine.post('/say', {})).body === 'new')
  expect(await scriptOf(engine, 'say')).toMatchObject({ state: 'active', problems: [] })
})

test.for([
  ['a throw at the top level', `const x = 1\nthrow new Error('no start')`, [2, 7], 'no start'],
  ['an import from elsewhere', `import fs from 'node:fs'\nexport default () => fs`, [1, 16], 'node:fs'],
  ['fields of no type', `export const fields = { default: { a: 'date' } }\nexport default () => 1`, [1, 1], 'date'],
  ['an endless top level', `for (;;);`, [1, 1], 'longer than'],
  ['an empty file', ``, [1, 1], 'no function'],
] as const)('%s in a change is a problem, not a new version', async ([, source, [line, column], message]) => {
  const engine = await createTestEngine({ files: { 'say.ts': `export default () => 'old'` } })

  await engine.writeScript('say.ts', source)
  await until(async () => (await scriptOf(engine, 'say')).problems.length > 0)

  expect((await scriptOf(engine, 'say')).problems).toMatchObject([
    { line, column, message: expect.stringContaining(message) },
  ])
  expect((await engine.post('/say', {})).body).toBe('old')
})

test('scripts come and go with their files', async () => {
  const engine = await createTestEngine({ files: { 'first.ts': `export default () => 1` } })

  expect((await engine.post('/second', {})).status).toBe(404)
  await engine.writeScript('second.js', `export default () => 2`)
  await until(async () => (await engine.post('/second', {})).body === 2)
  await rm(join(engine.folder, 'scripts', 'first.ts'))
  await until(async () => (await engine.post('/first', {})).status === 404)

  expect((await engine.post('/second', {})).body).toBe(2)
  expect((await engine.get('/admin/scripts')).body.scripts.map(({ name }: { name: string }) => name)).toEqual([
    'second',
  ])
})

test('a folder of scripts that is away for a while changes nothing', async () => {
  const engine = await createTestEngine({ files: { 'say.ts': `export default () => 'old'` } })
  const scripts = join(engine.folder, 'scripts')
  const aside = join(await newFolder(), 'scripts')

  await rename(scripts, aside)
  await until(async () => (await engine.readLog()).includes('folder of scripts cannot be read'))
  expect((await engine.post('/say', {})).body).toBe('old')

  await writeFile(join(aside, 'say.ts'), `export default () => 'new'`)
  await rename(aside, scripts)
  await until(async () => (await engine.post('/say', {})).body === 'new')
})

interface Listed {
  state: string
  version: string
  problems: object[]
}

async function scriptOf({ get }: TestEngine, name: string): Promise<Listed> {
  const { body } = await get('/admin/scripts')
  return (body.scripts as Array<Listed & { name: string }>).find(script => script.name === name)!
}
