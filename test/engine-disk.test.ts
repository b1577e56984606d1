// The disk is full in the middle of the work: what was answered 200 is there
// afterwards, what was sent is known, and everybody gets an answer.

import { spawnSync } from 'node:child_process'

import { expect, test } from 'vitest'

import { furnish, readToken, startEngine, type EngineProcess } from './http/engine-process.ts'
import { newFolder, until, type Answer } from './helpers.ts'

const notes = `
  const filler = 'x'.repeat(500)
  export default async ({ number }) => {
    const before = await storage.get('told:' + number)
    await storage.update('last', () => number)
    await storage.set('told:' + number, filler)
    const { value } = await storage.increment('count')
    const sms = await sendSms({ to: number, text: 'note ' + value })
    return { id: sms.id, before }
  }
  export const send = ({ number }) => sendSms({ to: number, text: filler })
  export const told = async ({ numbers }) =>
    (await Promise.all(numbers.map(number => storage.get('told:' + number)))).filter(value => value === filler).length
  export const count = () => storage.get('count')`

const numberOf = (index: number) => `+1201555${String(index).padStart(4, '0')}`
const sentBy = (engine: EngineProcess) => [...engine.stdout().matchAll(/^SMS to (\+\d+): /gm)].map(match => match[1]!)

interface Client {
  post(path: string, body: unknown, key?: string): Promise<Pick<Answer, 'status' | 'body'>>
  get(path: string): Promise<Pick<Answer, 'status' | 'body'>>
}

async function clientOf(engine: EngineProcess, folder: string): Promise<Client> {
  const [url, token] = [await engine.url(), await readToken(folder)]
  const call = async (path: string, init: RequestInit) => {
    const answer = await fetch(url + path, init)
    return { status: answer.status, body: await answer.json() }
  }
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    post: (path, body, key) =>
      call(path, {
        method: 'POST',
        headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
        body: JSON.stringify(body),
      }),
    get: path => call(path, { headers }),
  }
}

const quiet = { PATCHCORD_LOG: 'silent' }
// Some 4 MB: the log of SQLite is full before it is as long as it may become.
const diskBlocks = 7_500

/** A folder with the script, and an engine in it whose disk will be full before long. */
async function startSmall(): Promise<{ folder: string; engine: EngineProcess; client: Client }> {
  const folder = await newFolder()
  await furnish(folder, { 'notes.ts': notes }, { carriers: { main: { driver: 'loopback', receipt: 'none' } } })
  const engine = startEngine(folder, quiet, { diskBlocks })
  return { folder, engine, client: await clientOf(engine, folder) }
}

/** Posts on sixteen connections until each was refused five times; every answer has to come. */
async function fillDisk(
  post: (number: string) => ReturnType<Client['post']>,
): Promise<{ answered: Map<string, string>; refused: string[] }> {
  const answered = new Map<string, string>()
  const refused: string[] = []
  let next = 1
  const worker = async (): Promise<void> => {
    for (let refusals = 0; refusals < 5;) {
      const number = numberOf(next++)
      const { status, body } = await post(number)
      if (status === 200) answered.set(number, body.id)
      else {
        expect([status, body.code]).toEqual([503, 'storage_unavailable'])
        refusals++
        refused.push(number)
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  expect(answered.size).toBeGreaterThan(30)
  return { answered, refused }
}

test('what was answered before the disk was full is there, and what was sent is known', async () => {
  const { folder, engine: full, client } = await startSmall()
  const { answered } = await fillDisk(number => client.post('/notes', { number }))
  full.kill('SIGTERM')
  expect(await full.ended).toEqual({ code: 0, signal: null })

  const roomy = startEngine(folder, quiet)
  const again = await clientOf(roomy, folder)
  const numbers = [...answered.keys()]
  let told = 0
  for (let from = 0; from < numbers.length; from += 40)
    told += (await again.post('/notes/told', { numbers: numbers.slice(from, from + 40) })).body
  expect(told).toBe(answered.size)
  expect((await again.post('/notes/count', {})).body).toBeGreaterThanOrEqual(answered.size)
  for (const id of answered.values()) expect((await again.get(`/admin/messages/${id}`)).status).toBe(200)
  for (const number of sentBy(full)) {
    const { body } = await again.get(`/admin/messages?number=${encodeURIComponent(number)}`)
    expect([number, body.messages.length]).toEqual([number, 1])
  }
  await until(() => {
    const sent = new Set([...sentBy(full), ...sentBy(roomy)])
    return numbers.every(number => sent.has(number))
  })
}, 60_000)

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

test.skipIf(!hasPrlimit)(
  'what was refused while the disk was full is done once when it is asked for again, and there is room',
  async () => {
    const { engine, client } = await startSmall()
    const post = (number: string) => client.post('/notes/send', { number }, `key-${number}`)
    const { answered, refused } = await fillDisk(post)
    expect(spawnSync('prlimit', ['--pid', String(engine.pid), '--fsize=unlimited']).status).toBe(0)
    for (const number of refused) {
      const { status, body } = await post(number)
      expect([number, status]).toEqual([number, 200])
      answered.set(number, body.id)
    }
    for (const [number, id] of answered) expect((await post(number)).body.id).toBe(id)
    await until(() => sentBy(engine).length >= answered.size)
    expect(sentBy(engine).toSorted()).toEqual([...answered.keys()].toSorted())
  },
  60_000,
)
