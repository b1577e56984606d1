// The handlers that stand for scripts: each request behind the same token check
// leaves one log line, as a run does.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { Texts } from '../engine/locales.ts'
import type { Log } from '../engine/log.ts'
import type { Outbox } from '../engine/outbox/outbox.ts'
import type { Storage } from '../engine/storage/storage.ts'
import { otp } from './otp-by-hand.ts'

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
  addFlow(server, 'otp', parts, otp)
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
