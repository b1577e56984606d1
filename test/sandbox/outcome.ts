// What the trace of a run says of its end: for tests that look behind an answer.

import type { Answer, TestEngine } from '../helpers.ts'

export interface Outcome {
  kind: 'answer' | 'refusal' | 'failure'
  code?: string
  detail?: string
}

/** Of the run that gave the answer. */
export async function outcomeOf(engine: TestEngine, answer: Answer): Promise<Outcome> {
  const { body } = await engine.get(`/admin/runs/${answer.headers.get('x-run-id')}`)
  return body.trace.outcome as Outcome
}
