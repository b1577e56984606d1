// SMS from phones, and reports on those that scripts have sent, outlive the
// engine: it is killed while their runs are under way, and the next one leads
// them to their end. What they did is not done twice.

import { expect, test } from 'vitest'

import { furnish, readToken, startEngine, type EngineProcess } from '../http/engine-process.ts'
import { newFolder, until } from '../helpers.ts'

const rounds = process.env.PATCHCORD_TEST_LONG === undefined ? 1 : 30
const atOnce = 40
// Steps that cannot be foretold, so that a death finds runs in the middle of their work.
const work = `
export const onSms = ({ from }, call) => hear(from, call)
export const onReport = async ({ ref }, call) => (ref === null ? undefined : hear(ref, call))
export default async ({ number }) => (await sendSms({ to: number, text: 'hello', ref: number })).id
async function hear(from, call) {
  const code = generateCode()
  await sendSms({ to: from, text: 'got it', onUncertain: 'fail' })
  for (let i = 0; i < 12; i++) await storage.increment('count:' + from)
  const list = await storage.update('list:' + from, (value = []) => [...value, code])
  const { value: count } = await storage.increment('count:' + from)
  await storage.set('done:' + from, { from, code, list, count, run: call.id })
}
export const done = async () => (await storage.list('done', { limit: 1000 })).map(({ value }) => value)`
const number = '+15005550006'
const config = {
  carriers: { main: { driver: 'loopback', receiptAfterMs: 0 } },
  engine: { scriptWallMs: 60_000 },
  inbound: [{ to: number, script: 'work' }],
}

interface Done {
  from: string
  code: string
  list: string[]
  count: number
  run: string
}

const kinds = {
  sms: async (call: Call, from: string) => {
    const { status, body } = await call('/admin/loopback/inbound', { from, to: number, text: 'hello' })
    return status === 202 ? (body as { runId: string }).runId : undefined
  },
  report: async (call: Call, from: string) =>
    (await call('/work', { number: from })).status === 200 ? 'any' : undefined,
}

const endedRuns = (engine: EngineProcess, kind: string): number =>
  engine.stderr().split(`"trigger":"${kind}"`).length - 1

test.for(Object.keys(kinds) as Array<keyof typeof kinds>)(
  `what was taken is heard once, over ${rounds} deaths under load: %s`,
  { timeout: 1_800_000 },
  async kind => {
    let counted = 0
    for (let round = 0; counted < rounds; round++) {
      expect(round).toBeLessThan(4 * rounds)
      const folder = await newFolder()
      await furnish(folder, { 'work.ts': work }, config)
      const doomed = startEngine(folder)
      const call = caller(await doomed.url(), await readToken(folder))
      const taken = new Map<string, string>()
      const sending = Array.from({ length: atOnce }, async (_, n) => {
        const from = `+1201${2_000_000 + n}`
        const runId = await kinds[kind](call, from).catch(() => undefined)
        if (runId !== undefined) taken.set(from, runId)
      })
      // One has sent its SMS, and has more to do.
      await until(() => doomed.stdout().includes('got it'))
      doomed.kill('SIGKILL')
      expect((await doomed.ended).signal).toBe('SIGKILL')
      await Promise.all(sending)

      const heir = startEngine(folder)
      const again = caller(await heir.url(), await readToken(folder))
      const done = await until(async () => {
        const { body } = await again('/work/done', {})
        const own = new Set((body as Done[]).map(({ from }) => from))
        return [...taken.keys()].every(from => own.has(from)) ? (body as Done[]) : undefined
      })
      for (const { from, code, list, count, run } of done) {
        expect({ from, count, list }).toEqual({ from, count: 13, list: [code] })
        if (kind === 'sms' && taken.has(from)) expect(run).toBe(taken.get(from))
      }
      const messages = await messagesOf(again)
      for (const { from } of done) expect(messages.filter(to => to === from)).toHaveLength(kind === 'sms' ? 1 : 2)
      // A death that finds nothing to go on with proves nothing.
      if (endedRuns(heir, kind) > 0) counted++
      heir.kill('SIGTERM')
      expect(await heir.ended).toEqual({ code: 0, signal: null })
    }
  },
)

type Call = (path: string, body?: object) => Promise<{ status: number; body: unknown }>

function caller(url: string, token: string): Call {
  return async (path, body) => {
    const response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
}

/** Whom there are messages to. */
async function messagesOf(call: Call): Promise<string[]> {
  const { body } = await call('/admin/messages?limit=100')
  return (body as { messages: Array<{ to: string }> }).messages.map(({ to }) => to)
}
