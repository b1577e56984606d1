import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { expect, test } from 'vitest'

import { smpp } from '../engine/carriers/smpp/smpp.ts'
import { ConfigFile, EngineSettings } from '../engine/config-file.ts'
import { checkSettings } from '../engine/settings.ts'

const readme = await readFile(resolve(import.meta.dirname, '..', 'README.md'), 'utf8')

test('the README lists every engine setting as its schema has it', () => {
  const rows = Object.entries(EngineSettings.properties).map(([name, schema]) => {
    const { default: value, description } = schema as { default?: number; description?: string }
    return `| \`${name}\` | ${value ?? 'none'} | ${description} |`
  })

  for (const row of rows) expect(readme).toContain(row)
})

test('the README’s carrier is one that could be', () => {
  const [, section] = readme.split('\n## Carriers\n')
  const [, json] = /```json\n(.*?)```/s.exec(section!)!
  const { carriers } = checkSettings('', ConfigFile, JSON.parse(json!))
  const { driver, ...settings } = carriers.main!
  expect(driver).toBe(smpp.driver)
  expect(checkSettings('carriers.main', smpp.settings, settings)).toMatchObject({ window: 100, rate: 200 })
})
