// The well-behaved script of the hostile tests as a bench asks it, over HTTP, and
// what was done to it in the end.

import { Agent, request } from 'node:http'

import { numberOf, numbersWronged, textsByNumber } from '../test/sandbox/hostile/good.ts'
import type { Server } from './processes.ts'

export interface Innocent {
  ask(): Promise<void>
  /** What strangers may ask for. */
  victim(): Promise<object>
  asked(): number
  /** What was done to it, when all is sent; `printed` are the lines of the loopback carrier. */
  harm(printed: string[]): string[]
}

export function createInnocent({ post }: Client): Innocent {
  const values = new Set<number>()
  const failures: string[] = []
  /** Numbers of requests that were not answered with 200: those are owed no SMS. */
  const refused = new Set<string>()
  let asked = 0
  let message = ''

  return {
    async ask() {
      const number = numberOf(asked++)
      const { status, body } = await post('/good', { number })
      if (status !== 200) refused.add(number)
      const { value, sms } = (body ?? {}) as { value?: number; sms?: string }
      if (status !== 200 || value === undefined || sms === undefined) failures.push(`${status} ${JSON.stringify(body)}`)
      else if (values.has(value)) failures.push('its count was another one’s too')
      else values.add(value)
      message = sms ?? message
    },
    async victim() {
      const { body } = await post('/good/timer', {})
      return { message, timer: (body as { id: string }).id }
    },
    asked: () => asked,
    harm(printed) {
      const texts = textsByNumber(printed)
      const wronged = numbersWronged(texts, asked).map(number => ({ number, times: texts.get(number)?.length ?? 0 }))
      const lost = wronged.filter(({ number, times }) => times <= 1 && !(times === 0 && refused.has(number)))
      return [
        ...failures.map(failure => `failed: ${failure}`),
        ...wronged.filter(({ times }) => times > 1).map(() => 'more than one SMS for one request'),
        ...lost.map(() => 'no SMS, or not its own'),
      ]
    },
  }
}

export interface Client {
  /** Status 0 when the connection broke. */
  post(path: string, body: object): Promise<{ status: number; body: unknown }>
  close(): void
}

export function createClient({ port, token }: Server): Client {
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    post: (path, body) =>
      new Promise(resolve => {
        const broken = (error: Error): void => resolve({ status: 0, body: error.message })
        const asking = request({ agent, host: '127.0.0.1', port, method: 'POST', path, headers }, response => {
          let text = ''
          response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
          response.on('error', broken)
          response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) }))
        })
        asking.on('error', broken)
        asking.end(JSON.stringify(body))
      }),
    close: () => agent.destroy(),
  }
}
