// What was accepted is submitted, although the engine is killed again and again
// with a full window; what may have been submitted twice says so.

import { expect, test } from 'vitest'

import { furnish, readToken, startEngine } from '../../http/engine-process.ts'
import { newFolder, until } from '../../helpers.ts'
import { startNpmSmsc, type NpmPdu, type NpmSession } from './npm-smsc.ts'

const isLong = process.env.PATCHCORD_TEST_LONG !== undefined
const [wanted, kills] = isLong ? [20_000, 5] : [2_000, 2]
const window = 100
const perRequest = 100

const broadcast = `export default async ({ first, count }) =>
  Promise.all(Array.from({ length: count }, (_, n) => sendSms({
    to: '+1201' + String(2000000 + first + n), text: 'message ' + (first + n), validFor: '1h', priority: 'bulk',
  }))).then(sent => sent.map(({ id }) => id))`

test(
  `${wanted} messages survive ${kills} deaths of the engine, each with a full window`,
  { timeout: 1_800_000 },
  async () => {
    // While it holds, it takes what comes and answers nothing: so the window fills.
    const held: Array<[NpmPdu, NpmSession]> = []
    let holds = false
    const answer = (pdu: NpmPdu, session: NpmSession, count: number): void =>
      void session.send(pdu.response({ message_id: `m${count}` }))
    const smsc = await startNpmSmsc((pdu, session, count) => {
      if (holds) held.push([pdu, session])
      else answer(pdu, session, count)
    })
    const folder = await newFolder()
    await furnish(
      folder,
      { 'broadcast.ts': broadcast },
      {
        carriers: {
          main: { driver: 'smpp', url: `smpp://user:secret@127.0.0.1:${smsc.port}`, window, reconnectMs: 50 },
        },
        engine: { scriptMessages: perRequest, scriptHostCalls: perRequest, scriptWallMs: 60_000, scriptCpuMs: 5_000 },
      },
    )
    const texts = (): string[] =>
      smsc.submits.map(({ short_message: text }) => String((text as { message: unknown }).message))

    const accepted = new Set<string>()
    let asked = 0
    async function ask(url: string, token: string): Promise<void> {
      while (asked < wanted) {
        const first = asked
        asked += perRequest
        const ids = await post(url, token, '/broadcast', { first, count: perRequest })
        for (const id of ids as string[]) accepted.add(id)
      }
    }

    for (let kill = 0; kill < kills; kill++) {
      const doomed = startEngine(folder)
      const [url, token] = [await doomed.url(), await readToken(folder)]
      const before = smsc.submits.length
      // Enough for this life: the rest is for the next ones.
      const asking = Promise.allSettled([0, 1, 2, 3].map(() => ask(url, token)))
      await until(() => smsc.submits.length >= before + 200)
      holds = true
      await until(() => held.length === window)
      doomed.kill('SIGKILL')
      await doomed.ended
      await asking
      // What the death cut off was not accepted as far as anybody knows: it is asked for again.
      asked = Math.min(asked, Math.ceil(accepted.size / perRequest) * perRequest)
      holds = false
      held.length = 0
    }

    const last = startEngine(folder)
    const [url, token] = [await last.url(), await readToken(folder)]
    await Promise.all([0, 1, 2, 3].map(() => ask(url, token)))
    expect(accepted.size).toBeGreaterThanOrEqual(wanted - 8 * perRequest * kills)
    await until(async () => (await queueOf(url, token)) === 0)

    const rows = await cdr(url, token)
    const states = new Map(rows.map(row => [row.id, row]))
    expect([...accepted].filter(id => states.get(id)?.state !== 'sent')).toEqual([])

    // By text: every message that the engine has says another one.
    const submitted = Map.groupBy(texts(), text => text)
    const byNumber = Map.groupBy(rows, row => row.to)
    const again = rows.filter(({ attempts }) => attempts > 1)
    const uncertain = await Promise.all(again.map(({ id }) => get(url, token, `/admin/messages/${id}`)))
    const marks = uncertain.flatMap(({ timeline }) =>
      (timeline as Array<{ state: string }>).filter(({ state }) => state === 'uncertain'),
    )
    let duplicates = 0
    for (const [text, times] of submitted) {
      const messages = byNumber.get(`+1201${2_000_000 + Number(text.split(' ')[1])}`) ?? []
      duplicates += Math.max(0, times.length - messages.length)
      // As often as it was tried, and not once more.
      expect(times.length, text).toBeLessThanOrEqual(messages.reduce((sum, { attempts }) => sum + attempts, 0))
    }
    expect([...byNumber.keys()].filter(to => !submitted.has(`message ${Number(to.slice(5)) - 2_000_000}`))).toEqual([])
    if (isLong) process.stdout.write(`${marks.length} marks, ${duplicates} duplicates\n`)
    expect(marks.length).toBeGreaterThan(0)
    expect(marks.length).toBeLessThanOrEqual(window * kills)
    expect(duplicates).toBeLessThanOrEqual(marks.length)
    last.kill('SIGTERM')
    expect(await last.ended).toEqual({ code: 0, signal: null })
  },
)

interface Row {
  id: string
  to: string
  state: string
  attempts: number
}

async function post(url: string, token: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return response.json()
}

async function get(url: string, token: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  return (await response.json()) as Record<string, unknown>
}

async function queueOf(url: string, token: string): Promise<number> {
  const { carriers } = await get(url, token, '/admin/carriers')
  const [{ queue, inFlight }] = carriers as [{ queue: number; inFlight: number }]
  return queue + inFlight
}

async function cdr(url: string, token: string): Promise<Row[]> {
  const now = Date.now()
  // The test may have begun before midnight.
  const days = new Set([now - 1_800_000, now].map(at => new Date(at).toISOString().slice(0, 10)))
  const rows = await Promise.all([...days].map(day => cdrOf(url, token, day)))
  return rows.flat()
}

async function cdrOf(url: string, token: string, day: string): Promise<Row[]> {
  const response = await fetch(`${url}/admin/cdr?day=${day}&format=ndjson`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return (await response.text())
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Row)
}
