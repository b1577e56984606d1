import { expect, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { createTestEngine, shareEngine, until, type TestEngine } from '../helpers.ts'

const timing = `
export default ({ action = 'ring', data, after }) => schedule(action, data, { after })
export const cancel = ({ id }) => unschedule(id)
export async function onTimer(event, call) {
  await storage.set('rang:' + event.id, { ...event, as: call.action, times: (await storage.increment('times:' + event.id)).value })
}
export const rang = async () => (await storage.list('rang', { limit: 1_000 })).map(({ value }) => value)
export const wrong = async ({ call }) => {
  try {
    return await schedule(...call)
  } catch (error) {
    return error.message
  }
}`

const rang = async ({ post }: Pick<TestEngine, 'post'>) =>
  (await post('/timing/rang', {})).body as Array<Record<string, unknown>>

// One engine, and a script for each test, one that is asked once more too: timers and what is stored are their own.
const scripts = Array.from({ length: 6 }, (_, n) => `timing${n}`)
const shared = shareEngine({ files: Object.fromEntries(scripts.map(name => [`${name}.ts`, timing])) })

/** As an engine with the script `timing` alone. */
function ownTiming(): Pick<TestEngine, 'post'> {
  const name = scripts.pop()!
  return { post: (path, body) => shared().post(path.replace('/timing', `/${name}`), body) }
}

test('a timer comes back as onTimer with its action and its data, once', async () => {
  const engine = ownTiming()

  const { body } = await engine.post('/timing', { action: 'remind', data: { who: ['me'] }, after: 0.05 })
  const second = await engine.post('/timing', { after: '1s' })

  await until(async () => (await rang(engine)).length === 2)
  const events = await rang(engine)
  expect(events).toContainEqual({ id: body.id, action: 'remind', data: { who: ['me'] }, as: 'onTimer', times: 1 })
  expect(events).toContainEqual({ id: second.body.id, action: 'ring', data: null, as: 'onTimer', times: 1 })
})

test('a timer waits for its time', async () => {
  const engine = ownTiming()

  await engine.post('/timing', { action: 'tomorrow', after: '24h' })
  await engine.post('/timing', { action: 'soon', after: 0.05 })
  await until(async () => (await rang(engine)).length > 0)

  expect((await rang(engine)).map(({ action }) => action)).toEqual(['soon'])
})

test('many timers at once all ring, each once', async () => {
  const engine = ownTiming()

  await Promise.all(Array.from({ length: 120 }, (_, n) => engine.post('/timing', { data: n, after: 0.01 })))
  await until(async () => (await rang(engine)).length === 120)

  const events = await rang(engine)
  expect(events.map(({ data }) => data as number).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 120 }, (_, n) => n),
  )
  expect(events.every(({ times }) => times === 1)).toBe(true)
})

test('a timer that rang while the storage could not be written is put away as soon as it can', async () => {
  const engine = await createTestEngine({ files: { 'timing.ts': timing } })
  const { work } = engine.engine.storage
  const remove = work.delete
  let refusals = 1
  work.delete = async (...item) => {
    if (refusals-- > 0) throw new EngineError('storage_unavailable')
    return remove(...item)
  }

  const { body } = await engine.post('/timing', { after: 0.01 })
  await until(async () => (await work.get('timers', body.id)) === undefined || undefined)

  expect(refusals).toBeLessThan(0)
  expect(await rang(engine)).toMatchObject([{ id: body.id, times: 1 }])
})

test('a timer that is unscheduled does not ring', async () => {
  const engine = await createTestEngine({
    files: { 'timing.ts': timing, 'other.ts': `export default ({ id }) => unschedule(id)` },
  })

  const { body } = await engine.post('/timing', { after: '1h' })

  expect((await engine.post('/other', { id: body.id })).body).toBe(false)
  expect((await engine.post('/timing/cancel', { id: body.id })).body).toBe(true)
  expect((await engine.post('/timing/cancel', { id: body.id })).body).toBe(false)
  expect((await engine.post('/timing/cancel', { id: 'tmr_nothing' })).body).toBe(false)
})

test('timers outlive the engine: a late one rings at the next start', async () => {
  const before = await createTestEngine({ files: { 'timing.ts': timing } })
  const late = await before.post('/timing', { action: 'late', data: 1, after: 1 })
  const far = await before.post('/timing', { action: 'far', data: 2, after: '2h' })
  await before.stop()

  const inAnHour = Date.now() + 3_600_000
  const after = await createTestEngine({ folder: before.folder, clock: () => inAnHour })

  await until(async () => (await rang(after)).length > 0)
  expect(await rang(after)).toEqual([{ id: late.body.id, action: 'late', data: 1, as: 'onTimer', times: 1 }])
  expect((await after.post('/timing/cancel', { id: late.body.id })).body).toBe(false)
  expect((await after.post('/timing/cancel', { id: far.body.id })).body).toBe(true)
})

test('a timer whose script has no onTimer does no harm', async () => {
  const engine = await createTestEngine({
    files: { 'timing.ts': timing, 'mute.ts': `export default () => schedule('ring', null, { after: 0.01 })` },
  })

  await engine.post('/mute', {})
  await until(async () => (await engine.readLog()).includes('timer without a script'))
  await engine.post('/timing', { after: 0.01 })

  await until(async () => (await rang(engine)).length === 1)
})

test('wrong arguments are errors that a script can catch', async () => {
  const { post } = ownTiming()

  for (const call of [
    [],
    ['ring'],
    ['ring', null],
    ['ring', null, { after: 'soon' }],
    ['', null, { after: 1 }],
    [7, null, { after: 1 }],
  ]) {
    expect((await post('/timing/wrong', { call })).body, JSON.stringify(call)).toMatch(/^schedule: /)
  }
})
