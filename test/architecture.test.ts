// The map of the engine, held against its imports: a message flows through the
// folders in one order, and no folder knows those before it.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const order = ['http', 'triggers', 'sandbox', 'library', 'primitives', 'outbox', 'carriers', 'storage']
/** What puts the parts together, or is started by itself. */
const composers = ['engine.ts', 'main.ts', 'config.ts', 'token-command.ts', 'doctor-command.ts']

const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(ts|cjs)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))

/** What a file imports by path, of types too: absolute paths. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8')
  const found = source.matchAll(/(?:\bfrom|\bimport\(?|\brequire\()\s*['"](\.[^'"]+)['"]/g)
  return [...found].map(([, path]) => resolve(dirname(file), path!))
}

/** Which folder of the engine a file belongs to; its own name for one of the root. */
function partOf(file: string): string {
  return relative(join(root, 'engine'), file).split(sep)[0]!
}

describe('the files of the engine', () => {
  const files = filesOf('engine')

  test('are found, with their imports', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(new Set(files.map(partOf))).toEqual(
      new Set([...order, ...files.map(partOf).filter(part => part.includes('.'))]),
    )
    expect(importsOf(join(root, 'engine', 'engine.ts')).length).toBeGreaterThan(10)
  })

  test(`import along ${order.join(' > ')}, and the root's`, () => {
    const wrong = files.flatMap(file => {
      const from = partOf(file)
      return importsOf(file)
        .filter(target => {
          const to = partOf(target)
          const isRoot = to.endsWith('.ts')
          if (composers.includes(from)) return false
          if (from.endsWith('.ts')) return !isRoot
          if (isRoot) return composers.includes(to)
          return order.indexOf(to) < order.indexOf(from) || !order.includes(to) || !order.includes(from)
        })
        .map(target => `${relative(root, file)} imports ${relative(root, target)}`)
    })
    expect(wrong).toEqual([])
  })

  test('import nothing of the tests, the benches or the scripts', () => {
    const outside = files.flatMap(file =>
      importsOf(file).filter(target => relative(join(root, 'engine'), target).startsWith('..')),
    )
    expect(outside).toEqual([])
  })

  test('have no default exports, and names in kebab-case', () => {
    for (const file of files) {
      expect(readFileSync(file, 'utf8'), file).not.toMatch(/^export default\b/m)
      expect(relative(root, file)).toMatch(/^[a-z0-9/-]+\.(ts|cjs)$/)
    }
  })

  test('read the environment in one place', () => {
    const readers = files.filter(file => readFileSync(file, 'utf8').includes('process.env'))
    expect(readers.map(file => relative(root, file))).toEqual(['engine/config.ts'])
  })
})

test('scripts import nothing but the files of their own lib', () => {
  const lib = join(root, 'scripts', 'lib') + sep
  const files = filesOf('scripts').filter(file => !file.endsWith('.d.ts'))
  const wrong = files.flatMap(file =>
    importsOf(file)
      .filter(target => !target.startsWith(lib))
      .map(target => `${relative(root, file)} imports ${target}`),
  )
  expect(wrong).toEqual([])
  for (const file of files) expect(readFileSync(file, 'utf8'), file).not.toMatch(/\bfrom ['"][^.]/)
})
