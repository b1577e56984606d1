// What became of a message reaches the script that sent it, once, however long
// that takes.

import { expect, onTestFinished, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { newId } from '../../engine/ids.ts'
import { createLog } from '../../engine/log.ts'
import type { Message } from '../../engine/outbox/message.ts'
import type { Storage } from '../../engine/storage/storage.ts'
import { createReportTrigger, type ReportParts } from '../../engine/triggers/delivery-report.ts'
import type { DueRuns } from '../../engine/triggers/due-runs.ts'
import { createTestEngine, shareEngine, until, type TestEngine } from '../helpers.ts'

const hearing = `
export const onReport = async (report, call) => {
  const { value: times } = await storage.increment('times:' + report.id)
  await storage.set('heard:' + report.id, { report, run: call.id, times })
}
export const heard = async ({ id }) => storage.get('heard:' + id)
export const forget = async ({ id }) => storage.delete('heard:' + id)`
const files = { 'hear.ts': hearing, 'deaf.ts': 'export default () => 1' }

const queue = 'test-reports'
type Source = ReportParts['source']

/** Reports that wait in a queue of the engine's own storage, as the outbox has them. */
function sourceIn({ work }: Storage, engine: string, clock: () => number): Source {
  return {
    async claim(limit) {
      const items = await work.claim(queue, '', { owner: engine, now: clock(), limit })
      return items.map(({ body }) => JSON.parse(body) as Message)
    },
    async done(id) {
      await work.settle(queue, id, { dueAt: null })
    },
    async later(id, dueAt) {
      await work.settle(queue, id, { dueAt })
    },
    nextDue: () => work.nextDue(queue, ''),
  }
}

async function promise({ engine }: TestEngine, over: Partial<Message> = {}): Promise<string> {
  const id = over.id ?? newId('msg')
  const report = { id, script: 'hear', ref: null, state: 'delivered', error: null, carrier: 'net', ...over }
  const item = { queue, id, lane: '', priority: 0, dueAt: Date.now(), state: 'waiting', tags: {}, expiresAt: null }
  await engine.storage.work.schedule({ ...item, body: JSON.stringify(report) })
  return id
}

async function openTrigger({ engine }: TestEngine, change: Partial<Source> = {}): Promise<DueRuns> {
  const { storage, sandbox } = engine
  const source = { ...sourceIn(storage, newId('eng'), Date.now), ...change }
  const log = createLog('silent')
  const trigger = createReportTrigger({
    atOnce: 64,
    source,
    sandbox: () => sandbox,
    shared: false,
    clock: Date.now,
    log,
  })
  onTestFinished(() => trigger.stop())
  trigger.start()
  await trigger.takeOver([])
  return trigger
}

const heard = async ({ post }: TestEngine, id: string) =>
  until(async () => ((await post('/hear/heard', { id })).body || undefined) as Record<string, unknown> | undefined)

async function putAway({ engine }: TestEngine, id: string): Promise<void> {
  await until(async () => {
    const item = await engine.storage.work.get(queue, id)
    return item?.dueAt === null && item.owner === null
  })
}

const shared = shareEngine({ files })

test('a report is heard once, and put away', async () => {
  const trigger = await openTrigger(shared())

  const id = await promise(shared(), { ref: 'order 7', state: 'undelivered', error: '0x0B absent' })
  trigger.wake(Date.now())

  expect(await heard(shared(), id)).toMatchObject({
    report: { id, ref: 'order 7', state: 'undelivered', error: '0x0B absent', carrier: 'net' },
    times: 1,
  })
  await putAway(shared(), id)
})

test('those that waited for the start are heard', async () => {
  const ids = await Promise.all(Array.from({ length: 120 }, () => promise(shared())))

  await openTrigger(shared())

  for (const id of ids) expect(await heard(shared(), id)).toMatchObject({ times: 1 })
})

test('one report is one run, and another state is another one', async () => {
  const trigger = await openTrigger(shared())
  const { work } = shared().engine.storage
  const id = await promise(shared())
  trigger.wake(Date.now())
  const first = await heard(shared(), id)
  await putAway(shared(), id)

  const runs = [first.run]
  for (const state of ['delivered', 'failed'] as const) {
    await shared().post('/hear/forget', { id })
    const body = JSON.stringify({ id, script: 'hear', ref: null, state, error: null, carrier: 'net' })
    await work.settle(queue, id, { dueAt: Date.now(), body })
    trigger.wake(Date.now())
    runs.push((await heard(shared(), id)).run)
    await putAway(shared(), id)
  }

  expect(runs[1]).toBe(runs[0])
  expect(runs[2]).not.toBe(runs[0])
})

test('a script that does not listen is not waited for', async () => {
  const trigger = await openTrigger(shared())

  const ids = await Promise.all(['deaf', 'nobody'].map(script => promise(shared(), { script })))
  trigger.wake(Date.now())

  for (const id of ids) await putAway(shared(), id)
})

test('a report is heard once although the storage is away for a moment at each of its steps', async () => {
  const { storage } = shared().engine
  const real = sourceIn(storage, newId('eng'), Date.now)
  const refusals = { claim: 1, done: 1, nextDue: 1 }
  const flaky = <A extends unknown[], T>(step: keyof typeof refusals, run: (...given: A) => Promise<T>) =>
    async function (...given: A): Promise<T> {
      if (refusals[step]-- > 0) throw new EngineError('storage_unavailable')
      return run(...given)
    }

  const id = await promise(shared())
  await openTrigger(shared(), {
    claim: flaky('claim', real.claim),
    done: flaky('done', real.done),
    nextDue: flaky('nextDue', real.nextDue),
  })

  await putAway(shared(), id)
  expect(await heard(shared(), id)).toMatchObject({ times: 1 })
  expect(Object.values(refusals).every(left => left < 0)).toBe(true)
})

test('a report waits for a script that is suspended', async () => {
  const engine = await createTestEngine({ files })
  const { library, standings } = engine.engine.sandbox
  for (let kill = 0; kill < 10; kill++) standings.killed(library.get('hear')!)
  const trigger = await openTrigger(engine)

  const id = await promise(engine)
  trigger.wake(Date.now())

  const waiting = await until(async () => {
    const item = await engine.engine.storage.work.get(queue, id)
    return item!.dueAt! > Date.now() + 30_000 && item!.owner === null ? item : undefined
  })
  standings.release(library.get('hear')!)
  await engine.engine.storage.work.settle(queue, waiting.id, { dueAt: Date.now() })
  trigger.wake(Date.now())
  expect(await heard(engine, id)).toMatchObject({ times: 1 })
})
