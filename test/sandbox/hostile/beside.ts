// The well-behaved script that works beside every hostile one, and what has to
// be true of it afterwards: every answer right, nothing twice, nothing lost.

import { setImmediate as soon } from 'node:timers/promises'

import { until, type Answer, type TestEngine } from '../../helpers.ts'
import { readLib, type HostileCase } from './corpus.ts'

export const good = `
// Counts, looks the number up, and sends one SMS in a language of its own.
export default async ({ number }) => {
  const phone = parseNumber(number)
  const { value } = await storage.increment('count')
  const text = t('errors.too_soon', { count: 3, context: 'none' }, 'fr')
  const sms = await sendSms({ to: phone.e164, text: value + ' ' + text })
  return { value, sms: sms.id }
}
export const count = () => storage.get('count')
export const timer = () => schedule('later', {}, { after: '24h' })
`

/** Short turns make the suite short; what cases need beside is in their headers. */
const suite = { cpuMs: 100, wallMs: 10_000 }

/** What lies in `scripts/` for these cases: file name to source. */
export function filesOf(cases: HostileCase[]): Record<string, string> {
  const scripts = cases.map(({ name, source }) => [`${name}.ts`, source] as const)
  return { 'good.ts': good, ...readLib(), ...Object.fromEntries(scripts) }
}

/** The configuration that cases of one group share. */
export function configOf(cases: HostileCase[]): Record<string, unknown> {
  const { cpuMs, wallMs } = { ...suite, ...cases[0]?.engine }
  return {
    engine: { scriptCpuMs: cpuMs, scriptWallMs: wallMs, scriptMemoryMb: 32 },
    scripts: Object.fromEntries(cases.map(({ name, script }) => [name, script])),
  }
}

export interface Load {
  /** What strangers may ask for. */
  readonly victim: { message: string; timer: string }
  readonly answers: Answer[]
  /** Asks no more; resolves when the last answer is there. */
  stop(): Promise<void>
}

/** `clients` of it at a time, one request after another. */
export async function startLoad(engine: Pick<TestEngine, 'post'>, clients = 2): Promise<Load> {
  const answers: Answer[] = []
  const work = { over: false }
  let asked = 0
  const ask = async (): Promise<Answer> => {
    const answer = await engine.post('/good', { number: `+1212${5_550_000 + asked++}` })
    answers.push(answer)
    return answer
  }
  const first = await ask()
  const timer = await engine.post('/good/timer', {})
  const working = Array.from({ length: clients }, async () => {
    while (!work.over) {
      await ask()
      await soon()
    }
  })
  return {
    victim: { message: first.body.sms, timer: timer.body.id },
    answers,
    async stop() {
      work.over = true
      await Promise.all(working)
    },
  }
}

export interface Harm {
  failed: Answer[]
  /** Numbers that got no SMS, or more than one, or another text than theirs. */
  numbers: string[]
  answers: number
  count: number
  /** Values of the counter that were answered twice. */
  twice: number
}

/** What was done to the good script, once all its messages are printed; `printed` are the lines of the loopback carrier. */
export async function harmDone(engine: TestEngine, { answers }: Load): Promise<Harm> {
  const texts = new Map<string, string[]>()
  const read = (): boolean => {
    texts.clear()
    for (const line of engine.printed) {
      const [, number, text] = /^SMS to (\+\d+): (.*)$/.exec(line)!
      texts.set(number!, [...(texts.get(number!) ?? []), text!])
    }
    return answers.every((_, n) => texts.has(`+1212${5_550_000 + n}`))
  }
  await until(read).catch(() => {})
  const sentence = texts.get('+12125550000')?.[0]?.replace(/^\d+ /, '')
  const numbers = answers.map((_, n) => `+1212${5_550_000 + n}`)
  return {
    failed: answers.filter(({ status }) => status !== 200),
    numbers: numbers.filter(
      number => texts.get(number)?.length !== 1 || texts.get(number)![0]!.replace(/^\d+ /, '') !== sentence,
    ),
    answers: answers.length,
    count: (await engine.post('/good/count', {})).body as number,
    twice: answers.length - new Set(answers.map(({ body }) => body.value)).size,
  }
}
