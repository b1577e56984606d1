// GET /admin/runs, GET /admin/runs/:id: what a script did, step by step.
//
// A trace helps without telling what it must not: texts and stored values come
// as length and hash, codes and runs of digits masked, entropy never.

import { createHash, randomBytes } from 'node:crypto'

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import { maskDigits } from '../log.ts'
import type { Run } from '../sandbox/run.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { PageQuery, pageOf, time } from './pages.ts'

const Query = Type.Object({
  ...PageQuery,
  script: Type.Optional(Type.String({ maxLength: 64 })),
  status: Type.Optional(
    Type.String({ maxLength: 64, description: '`running`, `answer`, or the code of a refusal or failure' }),
  ),
})

export function addRunRoutes(server: FastifyInstance, { sandbox }: { sandbox: Sandbox }): void {
  server.get(
    '/admin/runs',
    { config: {}, schema: { tags: ['admin'], summary: 'The newest runs', querystring: Query } },
    request => {
      const { script, status, ...paging } = request.query as Static<typeof Query>
      const found = sandbox
        .history()
        .filter(
          run =>
            (script === undefined || run.event.script.name === script) &&
            (status === undefined || statusOf(run) === status),
        )
      const { page, next } = pageOf(found, run => run.event.id, paging)
      return { runs: page.map(summary), next }
    },
  )

  server.get(
    '/admin/runs/:id',
    { config: {}, schema: { tags: ['admin'], summary: 'One run with its trace' } },
    request => {
      const { id } = request.params as { id: string }
      const run = sandbox.history().find(one => one.event.id === id)
      if (run === undefined) throw new EngineError('not_found')
      return { ...summary(run), trace: trace(run) }
    },
  )
}

function statusOf({ outcome }: Run): string {
  if (outcome === undefined) return 'running'
  return outcome.kind === 'answer' ? 'answer' : maskDigits(outcome.code)
}

function summary(run: Run): object {
  const { id, script, action, trigger } = run.event
  return {
    id,
    script: script.name,
    version: script.hash,
    action,
    trigger,
    status: statusOf(run),
    startedAt: time(run.startedAt),
    endedAt: run.endedAt === undefined ? null : time(run.endedAt),
    ms: run.endedAt === undefined ? null : run.endedAt - run.startedAt,
  }
}

function trace(run: Run): object {
  const { limits, outcome, event } = run
  return {
    request: masked(event.request),
    turns: run.journal.turns.map(turn => ({ at: time(turn.now), calls: turn.calls ?? [] })),
    calls: [...run.calls.values()].map(call => ({
      number: call.number,
      name: call.name,
      input: masked(call.input),
      at: time(call.startedAt),
      ms: call.endedAt === undefined ? null : call.endedAt - call.startedAt,
      result: call.result === undefined ? null : maskDigits(call.result),
    })),
    logs: run.logs.map(({ at, level, text }) => ({ at: time(at), level, text: maskDigits(text) })),
    outcome:
      outcome === undefined
        ? null
        : outcome.kind === 'answer'
          ? { kind: 'answer', value: masked(JSON.parse(outcome.text)) }
          : outcome.kind === 'refusal'
            ? { kind: 'refusal', code: maskDigits(outcome.code), status: outcome.status, facts: masked(outcome.facts) }
            : {
                kind: 'failure',
                code: outcome.code,
                limit: outcome.facts?.limit ?? null,
                place: outcome.place ?? null,
                detail: maskDigits(outcome.detail),
              },
    limits: {
      wallMs: { used: (run.endedAt ?? Date.now()) - run.startedAt, limit: limits.wallMs },
      cpuMs: { used: Math.round(run.cpuUs / 1_000), limit: limits.cpuMs },
      // Of the isolate, which runs share; null while it has not told.
      heapMb: {
        used: run.heapBytes === undefined ? null : Math.round(run.heapBytes / 2 ** 20),
        limit: event.script.settings.memoryMb,
      },
      hostCalls: { used: run.calls.size, limit: limits.hostCalls },
      messages: { used: run.messages, limit: limits.messages },
      journalBytes: { used: run.journal.bytes, limit: limits.journalBytes },
    },
    replays: run.life - run.repeats - (run.endedAt === undefined ? 0 : 1),
  }
}

const secretFields = new Set(['code', 'pin', 'otp'])
const hashedFields = new Set(['text', 'value'])

/** What lies deeper is not shown: a script may nest what it says as deep as it likes. */
const deepest = 20

function masked(value: unknown, field = '', depth = 0): unknown {
  if (secretFields.has(field) && value !== null) return '***'
  if (hashedFields.has(field) && value !== undefined)
    return digest(typeof value === 'string' ? value : JSON.stringify(value))
  if (typeof value === 'string') return maskDigits(value)
  if (typeof value === 'number') return Math.abs(value) >= 1_000 ? maskDigits(String(value)) : value
  if (Array.isArray(value)) return depth < deepest ? value.map(item => masked(item, '', depth + 1)) : '…'
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '…'
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [maskDigits(name), masked(part, name.toLowerCase(), depth + 1)]),
  )
}

/** Enough to see whether two are the same; too little to guess a code from, as texts and values hold more. */
function digest(text: string): object {
  return { length: text.length, hash: createHash('sha256').update(salt).update(text).digest('base64url').slice(0, 8) }
}

// A hash of a short value could be turned back by trying all of them.
const salt = randomBytes(32)
