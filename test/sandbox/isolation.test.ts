import { expect, test } from 'vitest'

import { createTestEngine } from '../helpers.ts'

const counting = `
let seen = 0
const list = []
export default async ({ n }) => {
  seen++
  list.push(n)
  await storage.get('key')
  seen++
  return { seen, list }
}`

test('what a script keeps at the top level belongs to one run', async () => {
  const { post } = await createTestEngine({ files: { 'counting.ts': counting } })

  expect((await post('/counting', { n: 1 })).body).toEqual({ seen: 2, list: [1] })
  expect((await post('/counting', { n: 2 })).body).toEqual({ seen: 2, list: [2] })
})

test('so it does while many runs are under way at once', async () => {
  const { post } = await createTestEngine({ files: { 'counting.ts': counting } })

  const numbers = Array.from({ length: 100 }, (_, n) => n)
  const answers = await Promise.all(numbers.map(n => post('/counting', { n })))

  expect(answers.map(({ body }) => body)).toEqual(numbers.map(n => ({ seen: 2, list: [n] })))
})

test('the state of a lib file belongs to one run, too', async () => {
  const { post } = await createTestEngine({
    files: {
      'lib/state.ts': `export const state = { calls: 0 }`,
      'visit.ts': `import { state } from './lib/state.ts'\nexport default () => ++state.calls`,
    },
  })

  expect([(await post('/visit', {})).body, (await post('/visit', {})).body]).toEqual([1, 1])
})

test('nothing can be left behind on the globals or on what they are made of', async () => {
  const { post } = await createTestEngine({
    files: {
      'mark.ts': `
        const attempts = {
          global: () => { globalThis.mark = 1 },
          variable: () => { mark = 1 },
          define: () => Object.defineProperty(globalThis, 'mark', { value: 1 }),
          prototype: () => { Object.prototype.mark = 1 },
          array: () => { Array.prototype.push = () => 0 },
          then: () => { Promise.prototype.then = () => {} },
          json: () => { JSON.stringify = () => '' },
          date: () => { Date.now = () => 0 },
          math: () => { Math.random = () => 0 },
          regexp: () => { RegExp.prototype.exec = () => null },
          error: () => { Error.mark = 1 },
          prepare: () => { Error.prepareStackTrace = () => 'mine' },
          trace: () => { Error.stackTraceLimit = 0 },
          primitive: () => { storage.get = () => 'mine' },
          sms: () => { sendSms.mark = 1 },
          log: () => { log.info = () => {} },
          replace: () => { globalThis.sendSms = () => {} },
          remove: () => { delete globalThis.sendSms },
          host: () => { Object.getPrototypeOf(storage.get('k')).then = () => {} },
          species: () => { storage.get('k').constructor.mark = 1 },
          iterator: () => { Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true }) },
          generator: () => { Object.getPrototypeOf(async function* () {}).mark = 1 },
        }
        export const list = () => Object.keys(attempts)
        export default ({ what }) => {
          try {
            attempts[what]()
            return 'done'
          } catch (error) {
            return error.name
          }
        }`,
    },
  })

  const { body: attempts } = await post('/mark/list', {})
  for (const what of attempts) {
    expect((await post('/mark', { what })).body, what).toMatch(/^(TypeError|ReferenceError)$/)
  }
})

test('the errors and matches of one run are not seen by another', async () => {
  const { post } = await createTestEngine({
    files: {
      'peek.ts': `
        export default ({ code }) => { /(\\d+)/.exec(code); 'ab'.replace(/(b)/, ''); return true }
        export const look = () => ['$1', '$_', 'input', 'lastMatch', 'leftContext', '$&'].map(name => RegExp[name] ?? null)`,
    },
  })

  await post('/peek', { code: '123456' })

  expect((await post('/peek/look', {})).body).toEqual([null, null, null, null, null, null])
})

test('a class of errors with a name of its own works', async () => {
  const { post } = await createTestEngine({
    files: {
      'custom.ts': `
        class OutOfTea extends Error {
          constructor(message) {
            super(message)
            this.name = 'OutOfTea'
          }
          toString() { return 'tea!' }
        }
        export default () => {
          try {
            throw new OutOfTea('none left')
          } catch (error) {
            return [error.name, error.message, error instanceof OutOfTea, error instanceof Error, String(error)]
          }
        }
        export const plain = () => {
          const object = {}
          object.toString = () => 'own'
          const list = []
          list.toString = () => 'list'
          return [String(object), String(list)]
        }`,
    },
  })

  expect((await post('/custom', {})).body).toEqual(['OutOfTea', 'none left', true, true, 'tea!'])
  expect((await post('/custom/plain', {})).body).toEqual(['own', 'list'])
})
