// From the outcome of a run to the answer of its request.

import { EngineError } from '../errors.ts'
import type { Texts } from '../locales.ts'
import { isRecordedApart, leftEffect } from '../sandbox/run.ts'
import type { EndedRun, Sandbox } from '../sandbox/sandbox.ts'
import { requestLanguage } from '../triggers/http-request.ts'
import type { HandledRun } from './idempotency.ts'
import type { StoredAnswer } from './key-records.ts'
import { problem, retryAfterHeader } from './problem.ts'

export function handledRun(run: EndedRun, sandbox: Sandbox, texts: Texts): HandledRun {
  const { outcome } = run
  return {
    answer: answerOf(run, texts),
    hadEffect: leftEffect(run),
    cutOff: outcome.kind === 'failure' && outcome.facts?.limit === 'stop',
    unfinished: outcome.kind === 'failure' && outcome.code === 'storage_unavailable' && isRecordedApart(run),
    async again() {
      const kept = await sandbox.kept.mine(run.event.id)
      return kept && handledRun(await sandbox.resume(kept), sandbox, texts)
    },
    forget: () => sandbox.kept.forget(run),
  }
}

function answerOf({ event, outcome }: EndedRun, texts: Texts): StoredAnswer {
  const runId = event.id
  if (outcome.kind === 'answer')
    return { status: 200, contentType: 'application/json; charset=utf-8', body: outcome.text, runId }
  const { headers } = event.call as { headers: Record<string, unknown> }
  const language = requestLanguage(texts, event.request as Record<string, unknown>, headers)
  const { code, facts = {} } = outcome
  const status = outcome.kind === 'refusal' ? outcome.status : new EngineError(outcome.code).status
  const { retryAfter } = facts
  return {
    status,
    contentType: 'application/problem+json; charset=utf-8',
    body: JSON.stringify(problem(texts, language, code, status, facts)),
    runId,
    retryAfter: retryAfterHeader(retryAfter),
  }
}
