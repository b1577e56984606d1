// POST /<script> and POST /<script>/<export>: the request becomes a run, its
// outcome the answer.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { EngineError } from '../errors.ts'
import type { Texts } from '../locales.ts'
import { checkFields } from '../library/fields.ts'
import type { RunOwner } from '../sandbox/run-record.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { runHttpRequest } from '../triggers/http-request.ts'
import { readIdempotencyKey } from './idempotency-key.ts'
import type { HandledRun, Idempotency } from './idempotency.ts'
import type { StoredAnswer } from './key-records.ts'
import { handledRun } from './run-answer.ts'

export interface ScriptsRouteParts {
  sandbox: Sandbox
  texts: () => Texts
  idempotency: Idempotency
}

export function addScriptRoutes(server: FastifyInstance, parts: ScriptsRouteParts): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const body = request.body as Record<string, unknown> | undefined
    if (body === undefined) throw new EngineError('invalid_json')
    const key = readIdempotencyKey(request.headers['idempotency-key'])
    const checked = checkFields(request.script!.fields[request.action], body)
    if (key === undefined) {
      const handled = await handle(request, checked, parts)
      return send(reply, handled.answer)
    }
    const path =
      request.action === 'default' ? `/${request.script!.name}` : `/${request.script!.name}/${request.action}`
    const asked = { tokenId: request.token.id, path, key, body, runId: request.runId }
    const stored = await parts.idempotency.once(asked, owner => handle(request, checked, parts, owner))
    if (!stored.replayed) return send(reply, stored.answer)
    void reply.header('idempotency-replayed', 'true').header('x-run-id', stored.answer.runId)
    return send(reply, withoutCode(stored.answer, request))
  }
  const route = {
    method: server.supportedMethods,
    config: { script: true },
    schema: { hide: true },
  }
  server.route({ ...route, url: '/:script', handler: answer })
  server.route({ ...route, url: '/:script/:action', handler: answer })
}

async function handle(
  request: FastifyRequest,
  body: Record<string, unknown>,
  { sandbox, texts }: ScriptsRouteParts,
  owner?: RunOwner,
): Promise<HandledRun> {
  const { runId, script, action, token, ip, headers } = request
  const run = await runHttpRequest(
    { sandbox, texts: texts() },
    { runId, script: script!, action, body, caller: token, ip, headers, owner },
  )
  return handledRun(run, sandbox, texts())
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
