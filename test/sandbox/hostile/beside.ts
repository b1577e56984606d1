// The good script at work beside every hostile one, and what has to be true of
// it afterwards: every answer right, nothing twice, nothing lost.

import { setTimeout as pass } from 'node:timers/promises'

import { until, type Answer, type TestEngine } from '../../helpers.ts'
import { numberOf, numbersWronged, textsByNumber } from './good.ts'

export interface Load {
  /** What strangers may ask for. */
  readonly victim: { message: string; timer: string }
  readonly answers: Answer[]
  /** Asks no more; resolves when the last answer is there. */
  stop(): Promise<void>
}

/** Of each client: its next request comes so long after its last answer, so that the hostile ones have the machine. */
const pauseMs = 25

/** `clients` of it at a time, one request after another. */
export async function startLoad(engine: Pick<TestEngine, 'post'>, clients = 2): Promise<Load> {
  const answers: Answer[] = []
  const work = { over: false }
  let asked = 0
  const ask = async (): Promise<Answer> => {
    const answer = await engine.post('/good', { number: numberOf(asked++) })
    answers.push(answer)
    return answer
  }
  const first = await ask()
  const timer = await engine.post('/good/timer', {})
  const working = Array.from({ length: clients }, async () => {
    while (!work.over) {
      await ask()
      await pass(pauseMs)
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
  let texts = textsByNumber(engine.printed)
  await until(() => {
    texts = textsByNumber(engine.printed)
    return answers.every((_, n) => texts.has(numberOf(n)))
  }).catch(() => {})
  return {
    failed: answers.filter(({ status }) => status !== 200),
    numbers: numbersWronged(texts, answers.length),
    answers: answers.length,
    count: (await engine.post('/good/count', {})).body as number,
    twice: answers.length - new Set(answers.map(({ body }) => body.value)).size,
  }
}
