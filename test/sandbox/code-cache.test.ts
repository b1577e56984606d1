// What V8 made of the code that every isolate begins with: it is taken, and
// where it cannot be, isolates are made without.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import type IsolatedVm from 'isolated-vm'
import { expect, test } from 'vitest'

import { buildGuest } from '../../engine/sandbox/own-code.ts'

const require = createRequire(import.meta.url)
const ivm = require('isolated-vm') as typeof IsolatedVm
// As child-entry.cjs has it there.
Object.assign(globalThis, { addon: { ivm } })
const { makeCodeCache, readCodeCache } = await import('../../engine/sandbox/child-code-cache.ts')
const { createScriptIsolate, guestText } = await import('../../engine/sandbox/child-isolate.ts')

const ses = await readFile(join(dirname(require.resolve('ses/package.json')), 'dist', 'lockdown.umd.min.js'), 'utf8')
const guest = await buildGuest()
const settings = JSON.stringify({ primitives: [], testNumbers: {}, limits: { hostCalls: 50, valueBytes: 65_536 } })
const script = { code: '(function (module) { module.exports = { default: () => 42 } })', filename: 'script.js' }

/** The package's types leave out what it tells of a cache. */
type Compiled = IsolatedVm.Script & { cachedDataRejected?: boolean; cachedData?: IsolatedVm.ExternalCopy<ArrayBuffer> }

test('is taken by V8, and holds what runs when an isolate is made', () => {
  const cache = readCodeCache(makeCodeCache({ ses, guest, settings })!)
  const isolate = new ivm.Isolate()
  const compiled: Compiled[] = [
    isolate.compileScriptSync(ses, { filename: 'patchcord:ses', cachedData: cache.ses }),
    isolate.compileScriptSync(guestText(guest), { filename: 'patchcord:guest', cachedData: cache.guest }),
  ]
  const plain: Compiled = isolate.compileScriptSync(ses, { produceCachedData: true })
  const length = (copy: IsolatedVm.ExternalCopy<ArrayBuffer>): number => copy.copy().byteLength

  expect(compiled.map(one => one.cachedDataRejected)).toEqual([false, false])
  // What V8 makes of a text before it runs is its outermost functions only.
  expect(length(cache.ses)).toBeGreaterThan(2 * length(plain.cachedData!))
  isolate.dispose()
})

test.each(['shared', 'run'] as const)(
  'isolates for %s answer the same with it, without it, and with a broken one',
  world => {
    const good = readCodeCache(makeCodeCache({ ses, guest, settings })!)
    const broken = Buffer.from('no code at all').toString('base64')

    for (const codeCache of [undefined, good, readCodeCache(JSON.stringify({ ses: broken, guest: broken }))]) {
      const said: string[] = []
      const parts = { ses, guest, settings, codeCache, emit: (text: string) => void said.push(text), ask: () => 'null' }
      const { isolate, enter } = createScriptIsolate(script, 32, world, parts)
      const start = { seed: '0'.repeat(64), action: 'default', request: null, call: null, language: null }
      enter.applySync(undefined, ['run', 0, 0, JSON.stringify({ start })])

      expect(said).toEqual(['["end",42]', '["settled",null]'])
      isolate.dispose()
    }
  },
)

test('what cannot be run leads to none', () => {
  expect(makeCodeCache({ ses: 'throw new Error("no ses")', guest, settings })).toBeUndefined()
})
