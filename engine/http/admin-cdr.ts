// GET /admin/cdr: one row for each message that was accepted on a day (UTC),
// oldest first, as far as records are kept. It streams page after page as fast
// as the client reads, so that a million rows lie in nobody's memory.

import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { loadCountryOf } from '../country.ts'
import { EngineError } from '../errors.ts'
import { messageQueue, toPublic } from '../outbox/message.ts'
import type { Storage } from '../storage/storage.ts'
import { cdrLine, csvHeader, type CdrFormat, type CdrParts } from './cdr.ts'

const Query = Type.Object({
  day: Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\d$`, description: 'UTC, like 2026-11-22' }),
  format: Type.Optional(
    Type.Enum(['csv', 'ndjson'], { description: 'Without it the header Accept decides, then it is CSV' }),
  ),
})

const contentTypes = { csv: 'text/csv; charset=utf-8; header=present', ndjson: 'application/x-ndjson' }

const dayMs = 86_400_000
// A page holds the event loop for some 4 ms.
const pageRows = 100

export function addCdrRoute(
  server: FastifyInstance,
  { storage, clock }: { storage: Pick<Storage, 'work'>; clock: () => number },
): void {
  const text = Type.String()
  const schema = {
    tags: ['admin'],
    summary: 'One row for each message of a day, oldest first, for billing; whole numbers with `pii:read`',
    querystring: Query,
    response: {
      200: {
        description: 'CSV (RFC 4180) with a header row, or a JSON object on each line; an empty cell is null',
        content: { 'text/csv': { schema: text }, 'application/x-ndjson': { schema: text } },
      },
    },
  }
  server.get('/admin/cdr', { config: {}, schema }, async (request, reply) => {
    const { day, format = wantedFormat(request.headers.accept) } = request.query as Static<typeof Query>
    const from = startOf(day)
    // What is accepted from now on is left to the next time, else a day that is not over might never end.
    const to = Math.min(from + dayMs, clock() + 1)
    const showsNumbers = request.token.scopes.includes('pii:read')
    const pages = cdrPages(storage.work, {
      from,
      to,
      format,
      now: clock(),
      showsNumbers,
      countryOf: await loadCountryOf(),
    })
    // Before anything has left, an error is still a problem with a status.
    const first = request.method === 'HEAD' ? undefined : await pages.next()
    void reply
      .type(contentTypes[format])
      .header('vary', 'accept')
      .header('content-disposition', `attachment; filename="cdr-${day}.${format}"`)
    return reply.send(Readable.from(following(first, pages), { objectMode: false }))
  })
}

export interface CdrRange extends Pick<CdrParts, 'showsNumbers' | 'countryOf'> {
  /** `from <= createdAt < to`, ms since 1970. */
  from: number
  to: number
  format: CdrFormat
  now: number
}

/** The text of one page after another, the next one only when it is asked for. */
export async function* cdrPages(
  work: Pick<Storage['work'], 'created'>,
  { from, to, format, now, ...shown }: CdrRange,
): AsyncGenerator<string, void> {
  let text = format === 'csv' ? csvHeader : ''
  let cursor: string | undefined
  do {
    const page = await work.created(messageQueue, { from, to, limit: pageRows, ...(cursor && { cursor }) })
    for (const item of page.items)
      text += cdrLine(format, toPublic(item, now), { ...shown, priority: item.priority === 0 ? 'otp' : 'bulk' })
    cursor = page.next ?? undefined
    if (text !== '') yield text
    text = ''
    await nextTurn()
  } while (cursor !== undefined)
}

/** Nothing at all without a first one. */
async function* following(
  first: IteratorResult<string, void> | undefined,
  rest: AsyncGenerator<string, void>,
): AsyncGenerator<string, void> {
  if (first === undefined || first.done === true) return
  yield first.value
  yield* rest
}

function startOf(day: string): number {
  const from = Date.parse(`${day}T00:00:00.000Z`)
  // `2026-02-30` is no day, though some readers take it for the 2nd of March.
  if (Number.isNaN(from) || new Date(from).toISOString().slice(0, 10) !== day)
    throw new EngineError('invalid_request', { errors: [{ field: 'day', problem: 'is no day' }] })
  return from
}

// RFC 9110, 12.5.1, as far as two types need it: the greater `q` wins, CSV when they are alike.
function wantedFormat(accept = ''): CdrFormat {
  const weights = new Map<string, number>()
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim())
    const q = parameters.find(parameter => parameter.startsWith('q='))
    weights.set(type, q === undefined ? 1 : Number(q.slice(2)) || 0)
  }
  const weight = (type: string): number => weights.get(type) ?? 0
  const csv = Math.max(weight('text/csv'), weight('text/*'), weight('*/*'))
  return weight('application/x-ndjson') > weight('text/csv') && weight('application/x-ndjson') >= csv ? 'ndjson' : 'csv'
}
