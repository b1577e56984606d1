// Which shipped language a caller's wish comes to, as scripts and callers see it.

import { describe, expect, test } from 'vitest'

import { createTestEngine } from './helpers.ts'

const files = {
  'choose.ts': `
    export default async ({ wishes }) => wishes.map(([wanted, country]) => language(wanted, country))
    export const spoken = async (request, call) => call.language
    export const no = async () => { throw refuse('not_found', { status: 404 }) }
  `,
}

type Wish = [wanted: unknown, country: unknown, expected: string]

const wishes: Record<string, Wish[]> = {
  'is taken as it is where it is shipped': [
    ['en', null, 'en'],
    ['de', null, 'de'],
    ['pt', null, 'pt'],
    ['pt-BR', null, 'pt-BR'],
    ['zh', null, 'zh'],
    ['zh-TW', null, 'zh-TW'],
    ['fil', null, 'fil'],
    ['de', 'FR', 'de'],
  ],
  'is read with any case, underscores, spaces around it, and what systems append': [
    ['DE', null, 'de'],
    ['pt_BR', null, 'pt-BR'],
    ['PT-br', null, 'pt-BR'],
    [' es ', null, 'es'],
    ['fr_FR.UTF-8', null, 'fr'],
    ['sr_RS@latin', null, 'sr'],
    ['ZH_hant', null, 'zh-TW'],
  ],
  'falls back to its language where the region is not shipped': [
    ['en-GB', null, 'en'],
    ['de-AT', null, 'de'],
    ['es-419', null, 'es'],
    ['pt-PT', null, 'pt'],
    ['pt-AO', null, 'pt'],
    ['de-Latn-CH-1996', null, 'de'],
    ['en-u-ca-buddhist', null, 'en'],
    ['fr-CA', 'BR', 'fr'],
  ],
  'is found by what the tag was called before': [
    ['iw', null, 'he'],
    ['in', null, 'id'],
    ['no', null, 'nb'],
    ['nn', null, 'nb'],
    ['no-NO', null, 'nb'],
    ['tl', null, 'fil'],
    ['zh-Hant', null, 'zh-TW'],
    ['zh-Hant-HK', null, 'zh-TW'],
    ['zh-HK', null, 'zh-TW'],
    ['zh-MO', null, 'zh-TW'],
    ['zh-Hans', null, 'zh'],
    ['zh-CN', null, 'zh'],
    ['zh-SG', null, 'zh'],
    ['zh-Hans-TW', null, 'zh'],
    ['mo', null, 'ro'],
    ['sh', null, 'sr'],
  ],
  'that names nothing leaves it to the country of the number': [
    [undefined, 'DE', 'de'],
    [null, 'BR', 'pt-BR'],
    [null, 'PT', 'pt'],
    ['xx', 'FR', 'fr'],
    ['', 'TW', 'zh-TW'],
    ['klingon please', 'HK', 'zh-TW'],
    [null, 'CN', 'zh'],
    [null, 'CH', 'de'],
    [null, 'AT', 'de'],
    [null, 'MX', 'es'],
    [null, 'NO', 'nb'],
    [null, 'IL', 'he'],
    [null, 'IN', 'hi'],
    [null, 'PH', 'fil'],
    [null, 'US', 'en'],
    [null, 'gb', 'en'],
    [5, 'it', 'it'],
  ],
  'of any kind ends with English': [
    [undefined, undefined, 'en'],
    ['', '', 'en'],
    ['*', null, 'en'],
    ['xx-YY', 'XX', 'en'],
    ['la', 'VA', 'it'],
    ['la', null, 'en'],
    ['x'.repeat(64), 'Germany', 'en'],
    ['../../etc/passwd', '..', 'en'],
    ['__proto__', '__proto__', 'en'],
    ['constructor', 'toString', 'en'],
    ['\u{1f984}', '\u0661\u0662', 'en'],
    ['de'.repeat(5_000), null, 'en'],
    [{ a: 1 }, [], 'en'],
    [true, 7, 'en'],
  ],
}

describe('a wish for a language', () => {
  test.each(Object.entries(wishes))('%s', async (_name, table) => {
    const { post } = await createTestEngine({ files })

    const { status, body } = await post('/choose', { wishes: table.map(([wanted, country]) => [wanted, country]) })

    expect(status).toBe(200)
    const found = table.map(([wanted, country], index) => [wanted, country, body[index]])
    expect(found).toEqual(table)
  })

  test('is read from the body, from its alias, from Accept-Language, in that order', async () => {
    const { post } = await createTestEngine({ files })
    const spoken = async (body: object, header?: string) => {
      const headers: Record<string, string> = header === undefined ? {} : { 'accept-language': header }
      return (await post('/choose/spoken', body, { headers })).body
    }

    expect(await spoken({ language: 'de', locale: 'fr' }, 'es')).toBe('de')
    expect(await spoken({ language: null, locale: 'fr' }, 'es')).toBe('fr')
    expect(await spoken({ language: 'xx', locale: {} }, 'es')).toBe('es')
    expect(await spoken({}, 'xx, fr;q=0.4, pt-br;q=0.9, *;q=0.1')).toBe('pt-BR')
    expect(await spoken({}, 'de;q=0, it;q=0.1')).toBe('it')
    expect(await spoken({}, 'de ; q=0.2,nl ;q=0.3')).toBe('nl')
    expect(await spoken({}, '*')).toBe('en')
    expect(await spoken({}, ', ;q=,,q=1;')).toBe('en')
    expect(await spoken({}, `${'xx,'.repeat(5_000)}de`)).toBe('en')
    expect(await spoken({})).toBe('en')
  })
})
