import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { StartError } from '../../engine/errors.ts'
import { buildScript, stopBuilding } from '../../engine/library/build.ts'
import { createTestEngine } from '../helpers.ts'

test.for([
  ['a syntax error', { 'bad.ts': `export default () => {\n  return 1 +\n}\n` }, /scripts\/bad\.ts:3:1: /],
  [
    'a throw',
    { 'bad.ts': `// first\nconst load = () => { throw new Error('no start') }\nload()` },
    /bad\.ts:2:28: no start/,
  ],
  [
    'a throw in lib',
    { 'lib/deep.ts': `\nthrow new Error('deep')`, 'bad.ts': `import './lib/deep.ts'` },
    /lib\/deep\.ts:2:7/,
  ],
  [
    'an error in lib',
    { 'lib/deep.ts': `\n  let let`, 'bad.ts': `import './lib/deep.ts'` },
    /scripts\/lib\/deep\.ts:2:\d+: /,
  ],
  [
    'a module of Node',
    { 'bad.ts': `\nimport { readFile } from 'node:fs/promises'\nreadFile('x')` },
    /bad\.ts:2:26: .*lib folder/,
  ],
  ['a package', { 'bad.ts': `import lodash from 'lodash'\nlodash()` }, /bad\.ts:1:20: .*"lodash" cannot be imported/],
  ['a require', { 'bad.ts': `export default () => require('fs')` }, /bad\.ts:1:30: .*cannot be imported/],
  ['an import() of a module', { 'bad.ts': `export default () => import('fs')` }, /bad\.ts:1:29: .*cannot be imported/],
  ['a way out of the folder', { 'bad.ts': `import '../patchcord.json'` }, /bad\.ts:1:8: .*cannot be imported/],
  ['a way out through lib', { 'bad.ts': `import './lib/../../secret.ts'` }, /bad\.ts:1:8: .*cannot be imported/],
  ['an absolute path', { 'bad.ts': `import '/etc/passwd'` }, /bad\.ts:1:8: .*cannot be imported/],
  [
    'another script',
    { 'bad.ts': `import './good.ts'`, 'good.ts': `export default () => 1` },
    /bad\.ts:1:8: .*cannot be/,
  ],
  ['a lib file that is not there', { 'bad.ts': `import './lib/nowhere.ts'` }, /bad\.ts:1:8: /],
  ['a reserved name', { 'admin.ts': `export default () => 1` }, /scripts\/admin\.ts:1:1: the name "admin" is reserved/],
  ['another reserved name', { 'healthz.js': `export default () => 1` }, /healthz\.js:1:1: .*reserved/],
  ['one name twice', { 'same.ts': `export default () => 1`, 'same.js': `export default () => 1` }, /same\.ts:1:1: /],
  ['fields of no type', { 'bad.ts': `export const fields = { default: { a: 'text' } }` }, /fields\.default\.a: "text"/],
  ['an endless load', { 'bad.ts': `for (;;);` }, /bad\.ts:1:1: .*longer than/],
] as const)('%s keeps the engine from starting, with its place', async ([, files, message]) => {
  const start = createTestEngine({ files })

  await expect(start).rejects.toThrow(StartError)
  await expect(start).rejects.toThrow(message)
})

test('a load that swells keeps the engine from starting, with its place', async () => {
  const start = createTestEngine({
    files: { 'bad.ts': `const all = []; for (;;) all.push(new Array(1e5).fill(1))` },
    // However slow the machine is, it is memory that ends.
    sandboxLimits: { loadMs: 15_000 },
  })

  await expect(start).rejects.toThrow(StartError)
  await expect(start).rejects.toThrow(/bad\.ts:1:1: .*(memory|ended)/)
})

test('what is no script is left alone', async () => {
  const { get, post } = await createTestEngine({
    files: {
      'good.ts': `import { two } from './lib/numbers.ts'\nexport default () => two`,
      'lib/numbers.ts': `export { two } from './two.js'`,
      'lib/two.js': `export const two = 2`,
      'good.test.ts': `throw new Error('a test')`,
      'types.d.ts': `declare const x: number`,
      'README.md': `# Scripts`,
      'Upper.ts': `throw new Error('a name that is no address')`,
      '9lives.ts': `throw new Error('a name that is no address')`,
    },
  })

  const { body } = await get('/admin/scripts')
  expect(body.scripts.map(({ name }: { name: string }) => name)).toEqual(['good'])
  expect((await post('/good', {})).body).toBe(2)
})

test('calls at the top level come to nothing while a script is loaded', async () => {
  const { post, printed } = await createTestEngine({
    files: {
      'eager.ts': `
        log.info('hello')
        const code = generateCode()
        const sent = sendSms({ to: '+12125551212', text: 'top level' })
        const phone = parseNumber('+12125551212')
        export default async () => [code.length, phone.valid, (await sent).segments]`,
    },
  })

  expect(printed).toEqual([])
  expect((await post('/eager', {})).body).toEqual([6, true, 1])
})

test('a build that is under way when another one lets go of its builder is finished', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-build-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'one.ts'), 'export default () => 1')

  const building = Promise.all([1, 2, 3].map(() => buildScript(folder, join(folder, 'one.ts'))))
  await stopBuilding()
  await stopBuilding()

  expect((await building).map(({ code }) => code.length > 0)).toEqual([true, true, true])
})
