// How lists are cut into pages: `limit` and `cursor` in, `next` out.

import { Type } from 'typebox'

import { EngineError } from '../errors.ts'

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 512 })),
}

/** One page of a list that lies in memory, newest first. The cursor is the id of the last item of the page before. */
export function pageOf<Item>(
  items: Item[],
  idOf: (item: Item) => string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): { page: Item[]; next: string | null } {
  const begin = cursor === undefined ? 0 : items.findIndex(item => idOf(item) === cursor) + 1
  if (cursor !== undefined && begin === 0) {
    throw new EngineError('invalid_request', { errors: [{ field: 'cursor', problem: 'is not known any more' }] })
  }
  const page = items.slice(begin, begin + limit)
  const last = page.at(-1)
  return { page, next: last === undefined || begin + limit >= items.length ? null : idOf(last) }
}

export const time = (ms: number): string => new Date(ms).toISOString()
