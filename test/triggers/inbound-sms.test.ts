// SMS from phones: stored before they are answered, run once, and never lost.

import { describe, expect, onTestFinished, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { createTestEngine, shareEngine, until } from '../helpers.ts'
import { config, heardBy, leftIn, listening, newPhone, number, openTrigger, partsOf } from './open-inbound.ts'

const shared = shareEngine({ files: { 'listen.ts': listening }, config })

describe('an inbound SMS', () => {
  test('is gone from the storage when its script has had it', async () => {
    const from = newPhone()

    const { status } = await shared().post('/admin/loopback/inbound', { from, to: number, text: 'hello' })

    expect(status).toBe(202)
    await until(async () => (await heardBy(shared(), from)).length === 1)
    expect(await heardBy(shared(), from)).toEqual([{ from, text: 'hello', carrier: 'loopback', times: 1 }])
    await until(async () => (await leftIn(shared())).every(({ body }) => !body.includes('"hello"')))
  })

  test('without an id of the network is another one each time', async () => {
    const trigger = openTrigger(shared())
    const sms = { from: newPhone(), to: number, text: 'again' }

    const runs = [await trigger.receive('net', sms), await trigger.receive('net', sms)]

    expect(new Set(runs).size).toBe(2)
    await until(async () => (await heardBy(shared(), sms.from)).length === 2)
  })

  test('that the network delivers again is the same one, also at the same time and after it was heard', async () => {
    const trigger = openTrigger(shared())
    const sms = { from: newPhone(), to: number, text: 'just once', id: 'abc-1' }

    const runs = await Promise.all([trigger.receive('net', sms), trigger.receive('net', sms)])
    await until(async () => (await heardBy(shared(), sms.from)).length === 1)
    await until(async () => (await leftIn(shared())).every(({ body }) => !body.includes('just once')))
    runs.push(await trigger.receive('net', sms))
    const other = await trigger.receive('other-net', sms)

    expect(runs[0]).toMatch(/^run_/)
    expect(new Set(runs).size).toBe(1)
    expect(other).not.toBe(runs[0])
    await until(async () => (await heardBy(shared(), sms.from)).length === 2)
    expect(
      (await heardBy(shared(), sms.from)).map(({ carrier, times }) => `${times} by ${carrier}`).toSorted(),
    ).toEqual(['1 by net', '1 by other-net'])
  })

  test('is not accepted while the storage is away', async () => {
    const trigger = openTrigger(shared())
    const { work } = shared().engine.storage
    const { schedule } = work
    work.schedule = async () => {
      throw new EngineError('storage_unavailable')
    }
    onTestFinished(() => void (work.schedule = schedule))

    await expect(trigger.receive('net', { from: newPhone(), to: number, text: 'x' })).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
  })

  test('to a number without a script is not stored', async () => {
    const trigger = openTrigger(shared())
    const [first, second] = partsOf(newPhone(), 1, ['nobody ', 'hears this'])

    for (const sms of [first!, second!, { ...first!, part: undefined, id: '1' }])
      expect(await trigger.receive('net', { ...sms, to: '+15005550009' })).toBe(undefined)

    expect((await leftIn(shared())).every(({ body }) => !body.includes('nobody'))).toBe(true)
  })

  test('waits until its script has room for it', async () => {
    const engine = await createTestEngine({
      files: { 'listen.ts': listening },
      config: { ...config, engine: { scriptRunsAtOnce: 1 } },
    })

    const answers = await Promise.all(
      ['a', 'b', 'c'].map(text => engine.post('/admin/loopback/inbound', { from: '+12015550123', to: number, text })),
    )

    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    await until(async () => (await leftIn(engine)).length === 0)
    expect((await heardBy(engine)).map(({ text, times }) => `${times} ${text}`).toSorted()).toEqual([
      '1 a',
      '1 b',
      '1 c',
    ])
  })

  test('waits for a script that is suspended, also across a restart', async () => {
    const before = await createTestEngine({ files: { 'listen.ts': listening }, config })
    const { library, standings } = before.engine.sandbox
    for (let kill = 0; kill < 10; kill++) standings.killed(library.get('listen')!)
    const sms = { from: '+12015550123', to: number, text: 'patience' }
    const { body } = await before.post('/admin/loopback/inbound', sms)
    await until(async () => (await before.readLog()).includes('inbound SMS is tried again'))
    await before.stop()

    const inAMinute = Date.now() + 61_000
    const after = await createTestEngine({ folder: before.folder, clock: () => inAMinute })

    await until(async () => (await heardBy(after)).length === 1)
    expect(await heardBy(after)).toMatchObject([{ text: 'patience', times: 1 }])
    expect((await after.get(`/admin/runs/${body.runId}`)).body).toMatchObject({ trigger: 'sms', action: 'onSms' })
  })

  test('is dropped, with a word in the log, when there is no script for it any more', async () => {
    const before = await createTestEngine({ files: { 'listen.ts': listening }, config })
    const { library, standings } = before.engine.sandbox
    for (let kill = 0; kill < 10; kill++) standings.killed(library.get('listen')!)
    await before.post('/admin/loopback/inbound', { from: '+12015550123', to: number, text: 'too late' })
    await until(async () => (await before.readLog()).includes('inbound SMS is tried again'))
    await before.stop()

    const inAMinute = Date.now() + 61_000
    const after = await createTestEngine({
      folder: before.folder,
      clock: () => inAMinute,
      files: { 'listen.ts': 'export default () => 1' },
    })

    await until(async () => (await leftIn(after)).length === 0)
    expect(await after.readLog()).toContain('inbound SMS without a script that has onSms')
  })
})
