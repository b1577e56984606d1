// A script whose runs do much, and what tests that kill the engine over them ask of it.

import type { Answer } from '../helpers.ts'

const atOnce = 40
// Steps that cannot be foretold, so that a death finds runs in the middle of their work.
export const work = `
async function steps(n) {
  const code = generateCode()
  await storage.set('code:' + n, code)
  for (let i = 0; i < 6; i++) await storage.increment('count:' + n)
  const [sms, list] = await Promise.all([
    sendSms({ to: '+1201' + n, text: n + ' ' + code, onUncertain: 'fail' }),
    storage.update('list:' + n, (value = []) => [...value, code]),
  ])
  for (let i = 0; i < 6; i++) await storage.increment('count:' + n)
  const { value: count } = await storage.increment('count:' + n)
  const stored = await storage.get('code:' + n)
  return { n, code, stored, list, count, sms: sms.id, random: Math.random() }
}
export default ({ n }) => steps(n)
export const refusing = async ({ n }) => { await steps(n); throw refuse('no_more', { status: 418 }) }
export const plan = ({ n }) => schedule('go', n, { after: '1s' })
export const onTimer = async ({ data }) => storage.set('done:' + data, await steps(data))
export const done = () => storage.list('done', { limit: 1000 })
`
export const config = {
  carriers: { main: { driver: 'loopback', receipt: 'none' } },
  engine: { scriptWallMs: 60_000 },
}

/** The seven digits behind +1201 of so many phones, others in each round. */
export const numbers = (round: number): string[] =>
  Array.from({ length: atOnce }, (_, index) => String(2_000_000 + round * atOnce + index))

export async function post(url: string, token: string, path: string, body: object, key?: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** How many messages there are for each number. */
export async function messagesOf(url: string, token: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let cursor = ''
  do {
    const response = await fetch(`${url}/admin/messages?limit=100${cursor}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { messages, next } = (await response.json()) as { messages: Array<{ to: string }>; next: string | null }
    for (const { to } of messages) counts.set(to, (counts.get(to) ?? 0) + 1)
    cursor = next === null ? '' : `&cursor=${next}`
  } while (cursor !== '')
  return counts
}
