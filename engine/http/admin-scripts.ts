// GET /admin/scripts, GET /admin/scripts/:name: what is active, and why a newer file is not.

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import type { Library, ScriptVersion } from '../sandbox/library.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { PageQuery, pageOf, time } from './pages.ts'

const Query = Type.Object(PageQuery)

export function addScriptAdminRoutes(server: FastifyInstance, { sandbox }: { sandbox: Sandbox }): void {
  const { library } = sandbox
  server.get(
    '/admin/scripts',
    { config: {}, schema: { tags: ['admin'], summary: 'Scripts with state and version', querystring: Query } },
    request => {
      const { page, next } = pageOf(library.list(), script => script.name, request.query as Static<typeof Query>)
      return { scripts: page.map(script => shown(script, library)), next }
    },
  )

  server.get(
    '/admin/scripts/:name',
    { config: {}, schema: { tags: ['admin'], summary: 'One script with its source' } },
    request => {
      const script = library.get((request.params as { name: string }).name)
      if (script === undefined) throw new EngineError('not_found')
      return { ...shown(script, library), source: script.source }
    },
  )
}

function shown(script: ScriptVersion, library: Library): object {
  const problems = library.problems(script.name)
  return {
    name: script.name,
    // `stale`: the newest file cannot be used, an older version serves.
    state: problems.length === 0 ? 'active' : 'stale',
    version: script.hash,
    loadedAt: time(script.loadedAt),
    exports: [...script.exports],
    fields: script.fields,
    problems,
  }
}
