// docs/carriers.md is held against the code: settings, examples, names.

import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { parse } from 'jsonc-parser'
import { describe, expect, test } from 'vitest'

import { httpSettings } from '../engine/carriers/over-http/http-settings.ts'
import { http } from '../engine/carriers/declared/http.ts'
import { infobip } from '../engine/carriers/infobip/infobip.ts'
import { kannel } from '../engine/carriers/kannel/kannel.ts'
import { labsmobile } from '../engine/carriers/labsmobile.ts'
import { createCarriers, type CarriersSettings } from '../engine/carriers/list.ts'
import { loopback } from '../engine/carriers/loopback.ts'
import { smpp } from '../engine/carriers/smpp/smpp.ts'
import { twilio } from '../engine/carriers/twilio/twilio.ts'
import { vonage } from '../engine/carriers/vonage/vonage.ts'
import { loadConfig } from '../engine/config.ts'
import { csvHeader } from '../engine/http/cdr.ts'
import { createLog } from '../engine/log.ts'
import { plivo, sinch } from './carriers/declared-providers.ts'
import { createTestEngine, newFolder } from './helpers.ts'
import { settingRows } from './setting-rows.ts'

const docs = await readFile(resolve(import.meta.dirname, '..', 'docs', 'carriers.md'), 'utf8')
const drivers = [loopback, smpp, http, twilio, vonage, infobip, labsmobile, kannel]
const sharedRows = settingRows({ properties: httpSettings, required: ['baseUrl'] })

/** What stands below a heading, up to the next one. */
function section(heading: string): string {
  const text = docs.split(`\n${heading}\n`)[1]
  if (text === undefined) throw new Error(`docs/carriers.md has no ${heading}`)
  return text.split(/\n#+ /)[0]!
}

/** The first block of code in a language. */
function block(text: string, language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(text)?.[1]
  if (found === undefined) throw new Error(`no block of ${language}`)
  return found
}

/** Rows of the table of settings. */
function tableIn(text: string): string[] {
  const [, table = ''] = text.split('| setting | default | |\n|---|---|---|\n')
  return table.split('\n\n')[0]!.trimEnd().split('\n')
}

function create(carriers: CarriersSettings) {
  return createCarriers(carriers, {
    log: createLog('silent'),
    clock: Date.now,
    print: null,
    publicUrl: 'https://sms.example.com',
    callbackSecretOf: () => 'secret',
  })
}

test('these are all drivers that there are', async () => {
  const refusal = await create({ main: { driver: '?' } }).then(
    () => '',
    (error: Error) => error.message,
  )
  const names = /allowed: (.*)$/.exec(refusal)?.[1]?.split(', ')
  expect(drivers.map(({ driver }) => driver)).toEqual(names)
})

describe('the tables have every setting as its schema has it', () => {
  test('those of all HTTP carriers', () => {
    expect(tableIn(section('### Every HTTP carrier'))).toEqual(sharedRows)
  })

  test.each(drivers)('those of $driver', ({ driver, settings }) => {
    const isHttp = driver !== 'loopback' && driver !== 'smpp'
    const own = settingRows(settings).filter(row => !isHttp || !sharedRows.includes(row))
    expect(tableIn(section(`### \`${driver}\``))).toEqual(own)
  })
})

describe('the examples work', () => {
  test('the configuration', async () => {
    const folder = await newFolder()
    await writeFile(join(folder, 'patchcord.json'), block(section('## An example'), 'jsonc'))
    const config = loadConfig({ SMPP_PASSWORD: 'smpp-password', TWILIO_TOKEN: 'twilio-token' }, folder)
    const carriers = await create(config.carriers)
    expect(carriers.map(({ name, driver }) => [name, driver])).toEqual([
      ['main', 'smpp'],
      ['backup', 'twilio'],
    ])
  })

  test('the script that answers an SMS', async () => {
    const files = { 'desk.ts': block(section('## SMS from phones'), 'ts') }
    const inbound = [{ to: '+15005550006', script: 'desk' }]
    const { post, sms } = await createTestEngine({ files, config: { inbound } })
    await post('/admin/loopback/inbound', { from: '+12125551212', to: '+15005550006', text: 'Where is it?' })
    expect(await sms('+12125551212')).toContain('Where is it?')
  })

  test.each([
    ['Plivo', plivo],
    ['Sinch', sinch],
  ])('%s, as it is tested', async (name, tested) => {
    const [, text] = section('### `http`').split(`\n**${name}**`)
    const carrier = parse(block(text!, 'jsonc')) as CarriersSettings[string]
    expect(await create({ main: carrier })).toHaveLength(1)
    const { driver: _, baseUrl: __, ...settings } = carrier
    expect(settings).toEqual(tested)
  })
})

test('the metrics are those that there are', async () => {
  const { get } = await createTestEngine({ log: 'silent' })
  const { body } = await get('/metrics')
  const names = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name]) => name))
  expect(names(section('## Metrics'), /^\| `(patchcord_\w+)/gm)).toEqual(names(body, /^# TYPE (patchcord_\w+) /gm))
})

test('the columns of a detail record are those that there are', () => {
  expect(block(section('## Detail records for billing'), 'text')).toBe(csvHeader.replace('\r\n', '\n'))
})
