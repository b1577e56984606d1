// Long SMS: their parts come in any order, twice, too late or never.

import { describe, expect, test } from 'vitest'

import { EngineError } from '../../engine/errors.ts'
import { shareEngine, until } from '../helpers.ts'
import { config, heardBy, leftIn, listening, newPhone, number, openTrigger, partsOf } from './open-inbound.ts'

const shared = shareEngine({ files: { 'listen.ts': listening }, config })

describe('an SMS in parts', () => {
  test('is one SMS, in whatever order its parts come, and however often', async () => {
    const trigger = openTrigger(shared())
    const from = newPhone()
    const [one, two, three] = partsOf(from, 7, ['a long ', 'message ', 'indeed'])

    const runs = []
    for (const part of [three!, one!, three!, two!, one!]) runs.push(await trigger.receive('net', part))

    expect(runs.slice(0, 3)).toEqual([undefined, undefined, undefined])
    expect(runs[3]).toMatch(/^run_/)
    expect(runs[4]).toBe(runs[3])
    await until(async () => (await heardBy(shared(), from)).length === 1)
    expect(await heardBy(shared(), from)).toEqual([{ from, text: 'a long message indeed', carrier: 'net', times: 1 }])
  })

  test('is one SMS when all of it comes at once, by two engines', async () => {
    const triggers = [openTrigger(shared()), openTrigger(shared())]
    const from = newPhone()
    const texts = Array.from({ length: 40 }, (_, n) => `${n} `)

    const runs = await Promise.all(
      partsOf(from, 1, texts).flatMap((part, n) => [
        triggers[n % 2]!.receive('net', part),
        triggers[(n + 1) % 2]!.receive('net', part),
      ]),
    )

    expect(new Set(runs.filter(run => run !== undefined)).size).toBe(1)
    await until(async () => (await heardBy(shared(), from)).length === 1)
    expect(await heardBy(shared(), from)).toMatchObject([{ text: texts.join(''), times: 1 }])
  })

  test('runs with what there is when the rest does not come in its time', async () => {
    const trigger = openTrigger(shared(), { partsWithinMs: 50 })
    const from = newPhone()
    const [one, , three] = partsOf(from, 3, ['first ', 'second ', 'third'])

    expect(await trigger.receive('net', three!)).toBe(undefined)
    await trigger.receive('net', one!)

    await until(async () => (await heardBy(shared(), from)).length > 0)
    const texts = (await heardBy(shared(), from)).map(({ text }) => text)
    // On a machine that stood still for so long the two were not waited for together.
    expect(['first …third', '……third']).toContain(texts[0])
  })

  test('is waited for across a restart', async () => {
    const from = newPhone()
    const parts = partsOf(from, 3, ['before ', 'and after'])
    const doomed = openTrigger(shared())
    await doomed.receive('net', parts[0]!)
    doomed.stop()

    const heir = openTrigger(shared())
    heir.start()
    await heir.takeOver([])
    await heir.receive('net', parts[1]!)

    await until(async () => (await heardBy(shared(), from)).length === 1)
    expect(await heardBy(shared(), from)).toMatchObject([{ text: 'before and after' }])
  })

  test('is one SMS although the engine dies while it puts it together', async () => {
    let refused = 0
    const settle = async (): Promise<boolean> => {
      refused++
      throw new EngineError('storage_unavailable')
    }
    const doomed = openTrigger(shared(), {}, storage => ({ ...storage, work: { ...storage.work, settle } }))
    const from = newPhone()
    for (const part of partsOf(from, 3, ['dead ', 'or alive'])) await doomed.receive('net', part)
    // It has handed the SMS on, and cannot write that it has; the run has ended, and it cannot write that either.
    await until(async () => refused >= 2 && (await heardBy(shared(), from)).length === 1)
    doomed.stop()

    const heir = openTrigger(shared())
    heir.start()
    await heir.takeOver([])

    await until(async () => (await leftIn(shared())).every(({ state }) => state === 'done'))
    expect(await heardBy(shared(), from)).toMatchObject([{ text: 'dead or alive', times: 1 }])
  })

  test('is not begun anew by a part that the network delivers again later', async () => {
    const trigger = openTrigger(shared())
    for (const ids of [undefined, ['id-1', 'id-2']]) {
      const from = newPhone()
      const [one, two] = partsOf(from, 9, ['said ', 'once'], ids)
      await trigger.receive('net', one!)
      const run = await trigger.receive('net', two!)
      await until(async () => (await heardBy(shared(), from)).length === 1)

      expect(await trigger.receive('net', two!)).toBe(run)
      expect(await trigger.receive('net', one!)).toBe(run)

      const left = (await leftIn(shared())).filter(({ body }) => body.includes(from))
      expect(left).toMatchObject([{ state: 'done', dueAt: null }])
      expect(left[0]!.body).not.toMatch(/said|once/)
    }
  })

  test('whose reference was used before is an SMS of its own', async () => {
    const trigger = openTrigger(shared())
    const from = newPhone()

    // Without a pause: the first one is still on its way out when the second comes.
    for (const [index, texts] of [
      ['one ', 'by'],
      ['another ', 'one'],
    ].entries()) {
      const parts = partsOf(
        from,
        5,
        texts,
        texts.map(text => `${index} ${text}`),
      )
      await trigger.receive('net', parts[1]!)
      expect(await trigger.receive('net', parts[0]!)).toMatch(/^run_/)
    }

    await until(async () => (await heardBy(shared(), from)).length === 2)
    expect((await heardBy(shared(), from)).map(({ text }) => text).toSorted()).toEqual(['another one', 'one by'])
  })

  test('is not completed by a part of an older one with its reference that comes again', async () => {
    for (const ids of [undefined, ['id-1', 'id-2']]) {
      const trigger = openTrigger(shared())
      const from = newPhone()
      const old = partsOf(from, 5, ['old one, ', 'old two'], ids)
      const next = partsOf(
        from,
        5,
        ['new one, ', 'new two'],
        ids?.map(id => `new ${id}`),
      )
      await trigger.receive('net', old[0]!)
      const run = await trigger.receive('net', old[1]!)
      await until(async () => (await heardBy(shared(), from)).length === 1)

      await trigger.receive('net', next[0]!)
      for (const part of [old[1]!, old[0]!, old[1]!]) expect(await trigger.receive('net', part)).toBe(run)
      const newRun = await trigger.receive('net', next[1]!)
      await until(async () => (await heardBy(shared(), from)).length === 2)
      expect(await trigger.receive('net', old[0]!)).toBe(run)
      expect(await trigger.receive('net', next[0]!)).toBe(newRun)

      const texts = (await heardBy(shared(), from)).map(({ text }) => text)
      expect(texts.toSorted()).toEqual(['new one, new two', 'old one, old two'])
      const left = (await leftIn(shared())).filter(({ body }) => body.includes(from))
      expect(left.map(({ state }) => state)).toEqual(['done'])
      expect(left[0]!.body).not.toMatch(/one,|two/)
    }
  })

  test('with the very text of an older one in a part gets that part when nothing else comes for it', async () => {
    const trigger = openTrigger(shared(), { partsWithinMs: 1_000 })
    const from = newPhone()
    for (const part of partsOf(from, 5, ['Yes. ', 'Regards'])) await trigger.receive('net', part)
    await until(async () => (await heardBy(shared(), from)).length === 1)

    for (const part of partsOf(from, 5, ['No. ', 'Regards'])) await trigger.receive('net', part)

    await until(async () => (await heardBy(shared(), from)).length === 2)
    expect((await heardBy(shared(), from)).map(({ text }) => text).toSorted()).toEqual(['No. Regards', 'Yes. Regards'])
  })

  test('leaves incomplete when its reference is used by the next one', async () => {
    const trigger = openTrigger(shared())
    const from = newPhone()
    const [lost] = partsOf(from, 5, ['half of ', 'it'])
    const next = partsOf(from, 5, ['and a ', 'whole one'])

    await trigger.receive('net', lost!)
    for (const part of next) await trigger.receive('net', part)

    await until(async () => (await heardBy(shared(), from)).length === 2)
    expect((await heardBy(shared(), from)).map(({ text }) => text).toSorted()).toEqual(['and a whole one', 'half of …'])
  })

  test('whose header makes no sense is an SMS as it is', async () => {
    const trigger = openTrigger(shared())
    const from = newPhone()

    for (const part of [
      { reference: 1, number: 1, total: 1 },
      { reference: 1, number: 3, total: 2 },
      { reference: 1, number: 0, total: 2 },
    ])
      expect(await trigger.receive('net', { from, to: number, text: 'odd', part })).toMatch(/^run_/)

    await until(async () => (await heardBy(shared(), from)).length === 3)
  })
})
