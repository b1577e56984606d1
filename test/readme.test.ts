import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { expect, test } from 'vitest'

import { EngineSettings } from '../engine/config-file.ts'

test('the README lists every engine setting as its schema has it', async () => {
  const readme = await readFile(resolve(import.meta.dirname, '..', 'README.md'), 'utf8')
  const rows = Object.entries(EngineSettings.properties).map(([name, schema]) => {
    const { default: value, description } = schema as { default?: number; description?: string }
    return `| \`${name}\` | ${value ?? 'none'} | ${description} |`
  })

  for (const row of rows) expect(readme).toContain(row)
})
