// GET /admin/scripts, GET /admin/scripts/:name: what is active, where it runs,
// and why a newer file is not. PUT, DELETE and POST …/activate change it on all
// engines, GET …/versions lists what was active. POST …/release lets a version run
// again that has ended its sandbox too often.

import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'

import { EngineError } from '../errors.ts'
import { isScriptName } from '../library/script-files.ts'
import { ScriptProblems, type ScriptVersion } from '../library/script.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { PageQuery, pageOf, time } from './pages.ts'

const Query = Type.Object(PageQuery)
const maxSourceBytes = 1_048_576
const Put = Type.Object({
  source: Type.String({ maxLength: maxSourceBytes }),
  note: Type.Optional(Type.String({ maxLength: 500 })),
})
const Activate = Type.Object({ version: Type.String({ maxLength: 64 }) })

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

  server.put(
    '/admin/scripts/:name',
    {
      config: {},
      bodyLimit: maxSourceBytes,
      schema: {
        tags: ['admin'],
        summary: 'Makes a text the active version of a script',
        description:
          'On all engines within a second, or on none: 422 with the problems where an engine cannot use it. ' +
          "It may import what is in the lib folder of the engine that is asked. The script's file stays as it is; " +
          'a later change of it is put as well.',
        body: Put,
      },
    },
    async (request, reply) => {
      const { name } = request.params as { name: string }
      if (!isScriptName(name)) throw new EngineError('not_found')
      const { source, note = null } = request.body as Static<typeof Put>
      const { hash } = await orProblems(library.put(name, source, note))
      return reply.code(201).send({ version: hash, problems: [] })
    },
  )

  server.delete(
    '/admin/scripts/:name',
    {
      config: {},
      schema: {
        tags: ['admin'],
        summary: 'Removes a script from all engines',
        description:
          'Its runs end, its versions are kept. Its file, if there is one, stays; a later change of it is put.',
      },
    },
    async (request, reply) => {
      if (!(await library.remove((request.params as { name: string }).name))) throw new EngineError('not_found')
      return reply.code(204).send()
    },
  )

  server.get(
    '/admin/scripts/:name/versions',
    {
      config: {},
      schema: { tags: ['admin'], summary: 'The last twenty versions of a script, newest first', querystring: Query },
    },
    async request => {
      const { name } = request.params as { name: string }
      const versions = await library.versions(name)
      if (versions.length === 0) throw new EngineError('not_found')
      const active = library.get(name)?.hash
      const { page, next } = pageOf(versions, version => version.hash, request.query as Static<typeof Query>)
      const rows = page.map(({ hash, at, note }) => ({ version: hash, at: time(at), note, active: hash === active }))
      return { versions: rows, next }
    },
  )

  server.post(
    '/admin/scripts/:name/activate',
    {
      config: {},
      schema: {
        tags: ['admin'],
        summary: 'Makes one of its versions active again, on all engines or on none',
        body: Activate,
      },
    },
    async request => {
      const { name } = request.params as { name: string }
      const { version } = request.body as Static<typeof Activate>
      const script = await orProblems(library.activate(name, version))
      if (script === undefined) throw new EngineError('not_found')
      return { ...shown(script, sandbox), source: script.source }
    },
  )

  function find(name: string): ScriptVersion {
    const script = library.get(name)
    if (script === undefined) throw new EngineError('not_found')
    return script
  }
}

async function orProblems<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change
  } catch (error) {
    if (!(error instanceof ScriptProblems)) throw error
    throw new EngineError('invalid_script', { problems: error.problems }, { cause: error })
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
