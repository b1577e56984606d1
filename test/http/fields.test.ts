import { describe, expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const source = `
  export const fields = {
    default: {
      text: 'string', amount: 'number', count: 'integer', flag: 'boolean', data: 'object', list: 'array',
      note: 'string?', more: 'object?',
    },
    loose: {},
  }
  export default async request => request
  export const loose = async request => request
  export const undeclared = async request => request
`
const right = { text: '', amount: 1.5, count: 2, flag: false, data: {}, list: [] }

describe('the fields that a script declares', () => {
  test('are checked before it runs, all at once', async () => {
    const { post, engine } = await createTestEngine({ files: { 'typed.ts': source } })

    const answer = await post('/typed', { text: 7, amount: '1', count: 2.5, flag: 0, data: [], list: {}, note: 7 })

    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(answer.body.errors).toEqual([
      { field: 'text', problem: 'has to be a string' },
      { field: 'amount', problem: 'has to be a number' },
      { field: 'count', problem: 'has to be an integer' },
      { field: 'flag', problem: 'has to be a boolean' },
      { field: 'data', problem: 'has to be an object' },
      { field: 'list', problem: 'has to be an array' },
      { field: 'note', problem: 'has to be a string' },
    ])
    const empty = await post('/typed', {})
    expect(empty.body.errors.map(({ field }: { field: string }) => field)).toEqual(Object.keys(right))
    expect(empty.body.errors[0].problem).toBe('is missing')
    expect(engine.sandbox.history()).toEqual([])
  })

  test('may be null only where they are optional, which is as if they were absent', async () => {
    const { post } = await createTestEngine({ files: { 'typed.ts': source } })

    expect((await post('/typed', { ...right, note: null, more: null })).body).toEqual(right)
    const missing = await post('/typed', { ...right, text: null })
    expect(missing.body.errors).toEqual([{ field: 'text', problem: 'has to be a string' }])
  })

  test('are not the only ones that reach it', async () => {
    const { post } = await createTestEngine({ files: { 'typed.ts': source } })
    const more = { ...right, extra: null, toString: 'x', nested: { a: [1, '2', null] } }

    expect((await post('/typed', more)).body).toEqual(more)
    expect((await post('/typed/loose', { any: null })).body).toEqual({ any: null })
    expect((await post('/typed/undeclared', { any: null })).body).toEqual({ any: null })
  })

  test('cannot be met by what every object inherits, nor by __proto__', async () => {
    const inherited = `
      export const fields = { default: { constructor: 'object', toString: 'string?' } }
      export default async request => [Object.keys(request), typeof request.hidden]
    `
    const { call } = await createTestEngine({ files: { 'odd.ts': inherited } })

    expect(await call('POST', '/odd', { body: '{}' })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'constructor', problem: 'is missing' }] },
    })
    const polluted = '{"constructor":{"__proto__":{"a":1}},"__proto__":{"hidden":1}}'
    expect(await call('POST', '/odd', { body: polluted })).toMatchObject({
      status: 200,
      body: [['constructor'], 'undefined'],
    })
  })

  test('are named when they are declared wrongly, and the script is not loaded', async () => {
    const declare = (fields: string) =>
      createTestEngine({ files: { 'typed.ts': `export const fields = ${fields}\nexport default () => 1` } })

    await expect(declare(`{ default: { a: 'text' } }`)).rejects.toThrow(
      /typed\.ts.*fields\.default\.a.*"text".*string, number/,
    )
    await expect(declare(`{ default: 'string' }`)).rejects.toThrow(/typed\.ts.*fields\.default/)
    await expect(declare(`[]`)).rejects.toThrow(/typed\.ts.*fields/)
  })
})
