// Versions below which the sandbox has known holes. Older ones may still be
// asked for by a lock file, a cache or a merge: so what is installed is looked at.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

import { expect, test } from 'vitest'

const require = createRequire(import.meta.url)
const root = resolve(import.meta.dirname, '..')

async function manifest(path: string): Promise<{ version: string; devDependencies: Record<string, string> }> {
  return JSON.parse(await readFile(path, 'utf8'))
}

/** Whether `version` is `least` or newer. */
function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map(text => text.split('.').map(Number)) as [number[], number[]]
  const differs = a.findIndex((part, place) => part !== b[place])
  return differs === -1 || a[differs]! > b[differs]!
}

test('isolated-vm is 7.0.1 at least: before it, a script could write into the memory of its process', async () => {
  const { version } = await manifest(require.resolve('isolated-vm/package.json'))
  expect(isAtLeast(version, '7.0.1'), version).toBe(true)
})

test('Node is of the pinned line, and not older than the pinned patch', async () => {
  const pinned = (await manifest(resolve(root, 'package.json'))).devDependencies.node!
  expect(pinned).toMatch(/^\d+\.\d+\.\d+$/)
  const { node } = process.versions
  expect(node.split('.')[0]).toBe(pinned.split('.')[0])
  expect(isAtLeast(node, pinned), node).toBe(true)
})

test('versions are compared by number', () => {
  expect(isAtLeast('7.0.1', '7.0.1')).toBe(true)
  expect(isAtLeast('7.0.10', '7.0.9')).toBe(true)
  expect(isAtLeast('26.9.9', '26.10.0')).toBe(false)
})
