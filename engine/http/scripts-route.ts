// POST /<script> and POST /<script>/<export>: the request becomes a run, its
// outcome the answer.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { EngineError } from '../errors.ts'
import type { Texts } from '../locales.ts'
import { checkFields } from '../sandbox/fields.ts'
import { leftEffect, type RunOutcome } from '../sandbox/run.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { requestLanguage, runHttpRequest } from '../triggers/http-request.ts'
import { readIdempotencyKey, type Idempotency, type StoredAnswer } from './idempotency.ts'
import { problem, retryAfterHeader } from './problem.ts'

export interface ScriptsRouteParts {
  sandbox: Sandbox
  texts: () => Texts
  idempotency: Idempotency
}

export function addScriptRoutes(server: FastifyInstance, parts: ScriptsRouteParts): void {
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const body = request.body as Record<string, unknown> | undefined
    if (body === undefined) throw new EngineError('invalid_json')
    const key = readIdempotencyKey(request.headers['idempotency-key'])
    const checked = checkFields(request.script!.fields[request.action], body)
    if (key === undefined) {
      const { answer } = await answerOf(request, checked, parts)
      return send(reply, answer)
    }
    const path =
      request.action === 'default' ? `/${request.script!.name}` : `/${request.script!.name}/${request.action}`
    const { answer, replayed } = await parts.idempotency.once({ tokenId: request.token.id, path, key, body }, () =>
      answerOf(request, checked, parts),
    )
    if (replayed) void reply.header('idempotency-replayed', 'true').header('x-run-id', answer.runId)
    return send(reply, replayed ? withoutCode(answer, request) : answer)
  }
  const route = {
    method: server.supportedMethods,
    config: { script: true },
    schema: { hide: true },
  }
  server.route({ ...route, url: '/:script', handler: handle })
  server.route({ ...route, url: '/:script/:action', handler: handle })
}

async function answerOf(
  request: FastifyRequest,
  body: Record<string, unknown>,
  { sandbox, texts }: ScriptsRouteParts,
): Promise<{ answer: StoredAnswer; hadEffect: boolean }> {
  const { runId, script, action, token, ip, headers } = request
  const run = await runHttpRequest(
    { sandbox, texts: texts() },
    { runId, script: script!, action, body, caller: token, ip, headers },
  )
  return { answer: toAnswer(runId, run.outcome, texts(), body, headers), hadEffect: leftEffect(run) }
}

function toAnswer(
  runId: string,
  outcome: RunOutcome,
  texts: Texts,
  body: Record<string, unknown>,
  headers: Record<string, unknown>,
): StoredAnswer {
  if (outcome.kind === 'answer')
    return { status: 200, contentType: 'application/json; charset=utf-8', body: outcome.text, runId }
  const language = requestLanguage(texts, body, headers)
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

function send(reply: FastifyReply, { status, contentType, body, retryAfter }: StoredAnswer): string {
  void reply.code(status).header('content-type', contentType)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  return body
}

// A token that may not see codes any more does not see them in old answers either.
function withoutCode(answer: StoredAnswer, { token }: FastifyRequest): StoredAnswer {
  if (token.scopes.includes('code:read')) return answer
  const body: unknown = JSON.parse(answer.body)
  if (typeof body !== 'object' || body === null || !('code' in body) || answer.status !== 200) return answer
  const { code: _code, ...rest } = body
  return { ...answer, body: JSON.stringify(rest) }
}
