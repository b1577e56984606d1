// GET /admin/scripts, GET /admin/scripts/:name: what is active, where it runs,
// and why a newer file is not. POST /admin/scripts/:name/release lets a version
// run again that has ended its sandbox too often.

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import type { ScriptVersion } from '../sandbox/library.ts'
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
      return { scripts: page.map(script => shown(script, sandbox)), next }
    },
  )

  server.get(
    '/admin/scripts/:name',
    { config: {}, schema: { tags: ['admin'], summary: 'One script with its source' } },
    request => {
      const script = find((request.params as { name: string }).name)
      return { ...shown(script, sandbox), source: script.source }
    },
  )

  server.post(
    '/admin/scripts/:name/release',
    {
      config: {},
      schema: {
        tags: ['admin'],
        summary: 'Lets a suspended script run again',
        description: 'Forgets what its version has done to its sandbox: it begins anew, in the fast lane.',
      },
    },
    request => {
      const script = find((request.params as { name: string }).name)
      sandbox.standings.release(script)
      return { ...shown(script, sandbox), source: script.source }
    },
  )

  function find(name: string): ScriptVersion {
    const script = library.get(name)
    if (script === undefined) throw new EngineError('not_found')
    return script
  }
}

function shown(script: ScriptVersion, { library, standings }: Sandbox): object {
  const problems = library.problems(script.name)
  const standing = standings.of(script.hash)
  return {
    name: script.name,
    // `stale`: the newest file cannot be used, an older version serves.
    state: standing === 'suspended' ? 'suspended' : problems.length === 0 ? 'active' : 'stale',
    // What a suspended one still has under way ends in its own.
    lane: standing === 'suspended' ? 'own' : standing,
    version: script.hash,
    loadedAt: time(script.loadedAt),
    exports: [...script.exports],
    fields: script.fields,
    problems,
  }
}
