// What scripts/sms.ts and an empty script do, as one would write it straight
// into Fastify.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { EngineError } from '../engine/errors.ts'
import type { Texts } from '../engine/locales.ts'
import type { Log } from '../engine/log.ts'
import type { Outbox } from '../engine/outbox/outbox.ts'
import { checkFields, type Fields } from '../engine/sandbox/fields.ts'
import { parseNumber } from '../engine/sandbox/parse-number.ts'
import type { Storage } from '../engine/storage/storage.ts'

export interface FlowParts {
  storage: Storage
  outbox: Outbox
  texts: Texts
  log: Log
  clock: () => number
}

type Flow = (request: FastifyRequest, parts: FlowParts) => Promise<object>

export function addFlows(server: FastifyInstance, parts: FlowParts): void {
  addFlow(server, 'hello', parts, async () => ({ ok: true }))
  addFlow(server, 'sms', parts, sms)
}

function addFlow(server: FastifyInstance, name: string, parts: FlowParts, flow: Flow): void {
  const { log, clock } = parts
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const startedAt = clock()
    const answer = await flow(request, parts)
    const line = { run: request.runId, script: name, action: 'default', trigger: 'http', outcome: 'answer' }
    log.info({ ...line, ms: clock() - startedAt }, 'run')
    void reply.header('content-type', 'application/json; charset=utf-8')
    return JSON.stringify(answer)
  }
  server.post(`/${name}`, { config: { scopes: [`run:${name}`, 'run:*'] } }, handle)
}

const smsFields: Fields[string] = {
  number: { type: 'string', optional: false },
  text: { type: 'string', optional: false },
  from: { type: 'string', optional: true },
  ref: { type: 'string', optional: true },
}

async function sms(request: FastifyRequest, { outbox }: FlowParts): Promise<object> {
  const body = checkFields(smsFields, request.body as Record<string, unknown>)
  const { number, text, from, ref } = body as { number: string; text: string; from?: string; ref?: string }
  const phone = parseNumber(number, null, {})
  if (phone.e164 === null) throw new EngineError('invalid_number', { country: phone.country, example: phone.example })
  const { id, segments } = await outbox.accept({
    id: `${request.runId}.1`,
    script: 'sms',
    to: phone.e164,
    text,
    from,
    ref,
    validForMs: 86_400_000,
    priority: 'bulk',
    onUncertain: 'resend',
  })
  return { id, status: 'queued', segments }
}
